"""Two processes refresh at the same time, because the hold on the tokens was lost unnoticed: none spoils it for the other."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from pleo_export.pleo.errors import Broken, ReconnectNeededError, TokenUnavailableError
from pleo_export.pleo.oauth import AuthorisationServer, OAuthCredential, TokenPair
from tests.pleo.oauth_scene import PAIR
from tests.pleo.token_keepers import (
    FileKeeper,
    ForgetfulUnlockedKeeper,
    SlowUnlockedKeeper,
    StoreLost,
    UnlockedKeeper,
    stored,
)
from tests.pleo.token_server import Held, TokenServer

pytestmark = pytest.mark.scorecard("E")


async def test_a_refusal_says_nothing_about_a_pair_that_another_process_has_kept_meanwhile(
    server: TokenServer, pleo_auth: AuthorisationServer, path: Path
) -> None:
    held = Held()
    server.script = [held]
    late = OAuthCredential(pleo_auth, UnlockedKeeper(path))
    refreshing = asyncio.create_task(late.refreshed_if_needed())
    await held.arrived.wait()
    first = OAuthCredential(pleo_auth, UnlockedKeeper(path))
    await first.refreshed_if_needed()
    held.released.set()
    await refreshing
    assert (late.header, first.header) == ("Bearer access-1", "Bearer access-1")
    assert (await stored(path)).broken is None


async def test_a_pair_that_is_kept_late_mends_what_another_process_called_broken(
    server: TokenServer, pleo_auth: AuthorisationServer, path: Path
) -> None:
    keeper = SlowUnlockedKeeper(path)
    late = OAuthCredential(pleo_auth, keeper)
    refreshing = asyncio.create_task(late.refreshed_if_needed())
    await keeper.begun.wait()  # the new pair came, and is not kept yet
    with pytest.raises(ReconnectNeededError):
        await OAuthCredential(pleo_auth, UnlockedKeeper(path)).refreshed_if_needed()
    assert (await stored(path)).broken is Broken.LOST
    keeper.go_on.set()
    await refreshing
    assert late.header == "Bearer access-1"
    assert ((await stored(path)).refresh_token, (await stored(path)).broken) == ("refresh-1", None)


async def test_a_pair_that_could_not_be_kept_is_not_forgotten_when_another_process_calls_it_broken(
    server: TokenServer, pleo_auth: AuthorisationServer, path: Path
) -> None:
    credential = OAuthCredential(pleo_auth, ForgetfulUnlockedKeeper(path))
    with pytest.raises(StoreLost):
        await credential.refreshed_if_needed()
    with pytest.raises(ReconnectNeededError):
        await OAuthCredential(pleo_auth, UnlockedKeeper(path)).refreshed_if_needed()
    calls = server.refreshes
    await credential.refreshed_if_needed()
    assert (credential.header, server.refreshes) == ("Bearer access-1", calls)
    assert (await stored(path)).refresh_token == "refresh-1"


async def test_a_connection_that_a_person_has_just_made_is_not_written_over_by_a_refresh_of_the_one_before(
    server: TokenServer, pleo_auth: AuthorisationServer, path: Path
) -> None:
    held = Held()
    server.script = [held]
    credential = OAuthCredential(pleo_auth, UnlockedKeeper(path))
    refreshing = asyncio.create_task(credential.refreshed_if_needed())
    await held.arrived.wait()
    await FileKeeper(path).keep(replace(PAIR, access_token="new", refresh_token="new", refresh_at=None))
    held.released.set()
    await refreshing
    assert credential.header == "Bearer new"
    assert (await stored(path)).refresh_token == "new"


class Unsteady(FileKeeper):
    """Whatever is to be replaced has changed already."""

    async def replace(self, old: TokenPair, new: TokenPair) -> bool:
        return False


async def test_tokens_that_change_all_the_time_end_in_another_try_later(
    server: TokenServer, pleo_auth: AuthorisationServer, path: Path
) -> None:
    with pytest.raises(TokenUnavailableError):
        await OAuthCredential(pleo_auth, Unsteady(path)).refreshed_if_needed()
    assert server.refreshes == 0, "nothing is sent that could not be noted"
