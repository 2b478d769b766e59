"""What an OAuth connection survives, when it is over, and that no secret is shown."""

import traceback
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pleo_export.pleo import errors, limits
from pleo_export.pleo.client import PleoClient
from pleo_export.pleo.errors import Broken
from pleo_export.pleo.installations import InstallationStatus
from pleo_export.pleo.oauth import AuthorisationServer, OAuthCredential, TokenPair
from tests.pleo.misbehaving_server import NOW, closed_port
from tests.pleo.oauth_scene import PAIR, VERIFIER, Time, another
from tests.pleo.token_keepers import FileKeeper, store, stored
from tests.pleo.token_server import (
    CLIENT_SECRET,
    Misbehaviour,
    TokenServer,
    answers_oddly,
    app,
    fails,
    loses_the_answer,
)

pytestmark = pytest.mark.scorecard("E")


async def test_trouble_on_the_way_is_overcome_with_waits(
    server: TokenServer, credential: OAuthCredential, time: Time
) -> None:
    server.script = [fails(503), fails(429), answers_oddly(["not", "tokens"])]
    await credential.refreshed_if_needed()
    assert (credential.header, server.refreshes, len(time.waits)) == ("Bearer access-1", 4, 3)


async def test_trouble_that_stays_ends_after_some_tries_and_the_connection_outlives_it(
    server: TokenServer, credential: OAuthCredential, path: Path
) -> None:
    server.script = [fails(503)] * limits.tries_max
    with pytest.raises(errors.TokenUnavailableError) as caught:
        await credential.refreshed_if_needed()
    assert (server.refreshes, caught.value.status) == (limits.tries_max, 503)
    assert not caught.value.may_repeat(repeatable=True)
    assert (await stored(path)).broken is None
    await credential.refreshed_if_needed()
    assert credential.header == "Bearer access-1"


async def test_a_server_that_is_not_reached_leaves_the_connection_as_it_is(time: Time, path: Path) -> None:
    async with AuthorisationServer(f"http://127.0.0.1:{closed_port()}", app(), time.around) as pleo_auth:
        with pytest.raises(errors.TokenUnavailableError):
            await another(pleo_auth, path).refreshed_if_needed()
    assert (await stored(path)).broken is None
    assert len(time.waits) == limits.tries_max - 1


async def test_an_event_is_not_taken_for_sent_when_no_token_could_be_had(
    server: TokenServer, credential: OAuthCredential
) -> None:
    server.script = [fails(503)] * limits.tries_max
    async with PleoClient(server.url, credential) as pleo:
        with pytest.raises(errors.TokenUnavailableError):
            await pleo.installation.register(InstallationStatus.ACTIVATED)
    assert server.api_calls == []


@pytest.mark.parametrize(
    ("status", "error"), [(401, "invalid_client"), (400, "unauthorized_client"), (403, None)]
)
async def test_a_program_that_is_refused_is_no_broken_connection(
    status: int, error: str | None, server: TokenServer, credential: OAuthCredential, path: Path
) -> None:
    server.script = [fails(status, error)]
    with pytest.raises(errors.OAuthClientRefusedError):
        await credential.refreshed_if_needed()
    assert (server.refreshes, (await stored(path)).broken) == (1, None)
    await credential.refreshed_if_needed()
    assert credential.header == "Bearer access-1"


# The end of a connection


async def assert_over(
    reason: Broken, server: TokenServer, pleo_auth: AuthorisationServer, path: Path
) -> None:
    """Say the same for ever, in every process, and call nobody."""
    calls = len(server.forms)
    credential = another(pleo_auth, path)
    for refused in (None, "Bearer access-0"):
        with pytest.raises(errors.ReconnectNeededError) as caught:
            await credential.refreshed_if_needed(refused)
        assert caught.value.reason is reason
    assert len(server.forms) == calls


@pytest.mark.parametrize(
    "no", [fails(400, "invalid_grant"), fails(401, "invalid_token"), fails(400, "invalid_refresh_token")]
)
async def test_a_revoked_refresh_token_ends_the_connection(
    no: Misbehaviour,
    server: TokenServer,
    pleo_auth: AuthorisationServer,
    credential: OAuthCredential,
    path: Path,
) -> None:
    server.script = [no]
    with pytest.raises(errors.ReconnectNeededError, match="Connect the company to Pleo again") as caught:
        await credential.refreshed_if_needed()
    assert (caught.value.reason, server.refreshes) == (Broken.REVOKED, 1)
    await assert_over(Broken.REVOKED, server, pleo_auth, path)


async def test_an_answer_that_is_lost_ends_the_connection_as_the_old_token_is_used_up(
    server: TokenServer, pleo_auth: AuthorisationServer, credential: OAuthCredential, path: Path
) -> None:
    server.script = [loses_the_answer]
    with pytest.raises(errors.ReconnectNeededError) as caught:
        await credential.refreshed_if_needed()
    assert (caught.value.reason, server.refreshes) == (Broken.LOST, 2)
    await assert_over(Broken.LOST, server, pleo_auth, path)


async def test_a_process_that_finds_a_refresh_begun_and_the_token_used_up_ends_the_connection(
    server: TokenServer, pleo_auth: AuthorisationServer, path: Path
) -> None:
    server.number = 1  # somebody was killed with the answer in hand
    await store(path, PAIR, refreshing=True, refresh_at=NOW + timedelta(hours=1))
    with pytest.raises(errors.ReconnectNeededError):
        await another(pleo_auth, path).refreshed_if_needed()
    assert server.refreshes == 1
    await assert_over(Broken.LOST, server, pleo_auth, path)


async def test_a_connection_that_was_never_made_is_said_to_be_missing(
    server: TokenServer, pleo_auth: AuthorisationServer, tmp_path: Path
) -> None:
    await assert_over(Broken.ABSENT, server, pleo_auth, tmp_path / "nothing")


async def test_a_person_who_connects_again_mends_it_for_every_process(
    server: TokenServer, pleo_auth: AuthorisationServer, credential: OAuthCredential, path: Path
) -> None:
    await store(path, PAIR, broken=Broken.REVOKED)
    with pytest.raises(errors.ReconnectNeededError):
        await credential.refreshed_if_needed()
    await FileKeeper(path).keep(await pleo_auth.exchange("code-1", VERIFIER))
    await credential.refreshed_if_needed()
    assert (credential.header, server.refreshes) == ("Bearer access-1", 0)


async def test_a_broken_connection_is_told_by_the_call_that_needed_it(
    server: TokenServer, credential: OAuthCredential, path: Path
) -> None:
    await store(path, PAIR, access_token="ended-early", refresh_at=None)
    server.revoked = True
    async with PleoClient(server.url, credential) as pleo:
        with pytest.raises(errors.ReconnectNeededError):
            await pleo.installation.get()
    assert server.api_calls == ["Bearer ended-early"]


# Secrets


async def test_no_token_and_no_client_secret_is_shown(
    server: TokenServer, credential: OAuthCredential, path: Path
) -> None:
    server.script = [fails(400, "invalid_grant")]
    with pytest.raises(errors.ReconnectNeededError) as caught:
        await credential.refreshed_if_needed()
    told = [repr(PAIR), repr(app()), repr(credential), repr(await stored(path))]
    shown = "".join([*told, *traceback.format_exception(caught.value)])
    for secret in (PAIR.access_token, PAIR.refresh_token, CLIENT_SECRET):
        assert secret not in shown


async def test_an_access_token_that_no_header_can_carry_is_not_taken(
    server: TokenServer, credential: OAuthCredential
) -> None:
    server.script = [
        answers_oddly({"access_token": "a\r\nX-Evil: 1", "refresh_token": "r", "expires_in": 900})
    ]
    await credential.refreshed_if_needed()
    assert credential.header == "Bearer access-1"


def test_a_pair_is_stored_whole_and_read_again() -> None:
    for pair in (PAIR, replace(PAIR, refreshing=True, refresh_at=None), replace(PAIR, broken=Broken.LOST)):
        assert TokenPair.decoded(pair.encoded()) == pair
