"""When the tokens of an OAuth connection are refreshed: once, whoever asks."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from pleo_export.pleo import errors, limits
from pleo_export.pleo.client import PleoClient
from pleo_export.pleo.installations import InstallationStatus
from pleo_export.pleo.oauth import AuthorisationServer, OAuthCredential
from tests.pleo.misbehaving_server import NOW
from tests.pleo.oauth_scene import PAIR, Time, another
from tests.pleo.token_keepers import FileKeeper, ForgetfulKeeper, SlowKeeper, StoreLost, store, stored
from tests.pleo.token_server import Held, TokenServer


@pytest.mark.parametrize(
    ("expires_in", "fresh_seconds"), [(900, 840.0), ("900", 840.0), (40, 30.0), (0, 0.0), (-5, 0.0)]
)
async def test_a_token_is_refreshed_shortly_before_its_end(
    expires_in: object, fresh_seconds: float, server: TokenServer, credential: OAuthCredential, time: Time
) -> None:
    server.expires_in = expires_in
    await credential.refreshed_if_needed()
    time.now = NOW + timedelta(seconds=fresh_seconds - 0.001)
    if fresh_seconds:
        await credential.refreshed_if_needed()
        assert (credential.header, server.refreshes) == ("Bearer access-1", 1)
    time.now = NOW + timedelta(seconds=fresh_seconds)
    await credential.refreshed_if_needed()
    assert (credential.header, server.refreshes) == ("Bearer access-2", 2)


async def test_a_token_whose_life_is_unknown_is_refreshed_after_a_401_only(
    server: TokenServer, credential: OAuthCredential, time: Time
) -> None:
    server.expires_in = None
    await credential.refreshed_if_needed()
    time.now += timedelta(days=30)
    await credential.refreshed_if_needed()
    assert server.refreshes == 1
    await credential.refreshed_if_needed(refused=credential.header)
    assert (server.refreshes, credential.header) == (2, "Bearer access-2")


async def test_a_refresh_token_that_is_not_replaced_is_kept(
    server: TokenServer, credential: OAuthCredential, path: Path
) -> None:
    server.sends_refresh_token = False
    await credential.refreshed_if_needed()
    pair = await stored(path)
    assert (pair.access_token, pair.refresh_token) == ("access-1", "refresh-0")
    assert not pair.refreshing


async def test_a_401_is_answered_with_one_refresh_and_the_call_once_more(
    server: TokenServer, credential: OAuthCredential, path: Path
) -> None:
    await store(path, PAIR, access_token="ended-early", refresh_at=None)
    async with PleoClient(server.url, credential) as pleo:
        await pleo.installation.activate()
    assert server.api_calls == ["Bearer ended-early", "Bearer access-1"]
    assert server.refreshes == 1


async def test_a_call_that_must_not_run_twice_is_also_sent_again_as_a_401_has_no_effect(
    server: TokenServer, credential: OAuthCredential, path: Path
) -> None:
    await store(path, PAIR, access_token="ended-early", refresh_at=None)
    async with PleoClient(server.url, credential) as pleo:
        await pleo.installation.register(InstallationStatus.ACTIVATED)
    assert server.api_calls == ["Bearer ended-early", "Bearer access-1"]


@pytest.mark.scorecard("E")
async def test_a_second_401_is_told_and_nothing_goes_round_in_a_circle(
    server: TokenServer, credential: OAuthCredential
) -> None:
    server.accepts = False
    async with PleoClient(server.url, credential) as pleo:
        with pytest.raises(errors.PleoUnauthorisedError):
            await pleo.installation.get()
    assert server.api_calls == ["Bearer access-1", "Bearer access-2"]
    assert server.refreshes == 2


# One refresh, whoever asks


@pytest.mark.scorecard("E")
async def test_many_tasks_that_need_a_token_at_once_cause_one_refresh_and_one_look_at_the_store(
    server: TokenServer, pleo_auth: AuthorisationServer, path: Path
) -> None:
    keeper = FileKeeper(path)
    credential = OAuthCredential(pleo_auth, keeper)
    await asyncio.gather(*(credential.refreshed_if_needed() for _ in range(20)))
    assert (server.refreshes, keeper.loads, credential.header) == (1, 1, "Bearer access-1")


@pytest.mark.scorecard("E")
async def test_two_processes_that_refresh_at_once_cause_one_refresh(
    server: TokenServer, pleo_auth: AuthorisationServer, path: Path
) -> None:
    held = Held()
    server.script = [held]
    credentials = [another(pleo_auth, path) for _ in range(5)]
    refreshing = asyncio.gather(*(one.refreshed_if_needed() for one in credentials))
    await held.arrived.wait()
    held.released.set()
    await refreshing
    assert server.refreshes == 1
    assert {one.header for one in credentials} == {"Bearer access-1"}


@pytest.mark.scorecard("E")
async def test_a_process_whose_token_another_has_replaced_takes_over_what_is_stored(
    server: TokenServer, pleo_auth: AuthorisationServer, credential: OAuthCredential, path: Path
) -> None:
    await credential.refreshed_if_needed()
    other = another(pleo_auth, path)
    await other.refreshed_if_needed()
    await other.refreshed_if_needed(refused=other.header)
    async with PleoClient(server.url, credential) as pleo:
        await pleo.installation.get()
    assert server.api_calls == ["Bearer access-1", "Bearer access-2"]
    assert server.refreshes == 2


@pytest.mark.scorecard("E")
async def test_a_new_token_is_not_used_before_it_is_durable_and_not_lost_if_that_takes_two_tries(
    server: TokenServer, pleo_auth: AuthorisationServer, path: Path
) -> None:
    credential = OAuthCredential(pleo_auth, ForgetfulKeeper(path))
    with pytest.raises(StoreLost):
        await credential.refreshed_if_needed()
    assert "access-1" not in credential.header
    assert (await stored(path)).refreshing
    await credential.refreshed_if_needed()
    assert (credential.header, server.refreshes) == ("Bearer access-1", 1)
    pair = await stored(path)
    assert (pair.refresh_token, pair.refreshing) == ("refresh-1", False)


async def test_a_task_that_is_cancelled_while_it_refreshes_still_keeps_the_new_pair(
    server: TokenServer, pleo_auth: AuthorisationServer, path: Path
) -> None:
    keeper = SlowKeeper(path)
    task = asyncio.create_task(OAuthCredential(pleo_auth, keeper).refreshed_if_needed())
    await keeper.begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    keeper.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await stored(path)).refresh_token == "refresh-1"
    assert server.refreshes == 1


async def test_a_task_that_is_cancelled_waits_for_a_stalled_refresh_no_longer_than_one_call_may_take(
    server: TokenServer, pleo_auth: AuthorisationServer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "token_seconds_max", 0.05)
    held = Held()
    server.script = [held]
    task = asyncio.create_task(another(pleo_auth, path).refreshed_if_needed())
    await held.arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await stored(path)).refreshing
    # Nothing goes on behind: whoever comes next gets in while the server still holds the answer.
    async with asyncio.timeout(5):
        await another(pleo_auth, path).refreshed_if_needed()
    assert server.refreshes == 2
    held.released.set()
