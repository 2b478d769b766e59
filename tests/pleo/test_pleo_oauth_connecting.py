"""How an OAuth connection is made."""

import base64
import hashlib
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from pleo_export.pleo import errors
from pleo_export.pleo.auth import UnusableSecretError
from pleo_export.pleo.oauth import (
    AuthorisationServer,
    ClientAuthentication,
    OAuthApp,
    OAuthCredential,
    code_from,
)
from tests.pleo.oauth_scene import VERIFIER, Time
from tests.pleo.token_keepers import FileKeeper, stored
from tests.pleo.token_server import CLIENT_SECRET, REDIRECT_URI, TokenServer, app, loses_the_answer


def test_a_person_is_sent_to_pleo_with_a_challenge_and_a_state_that_are_new_each_time() -> None:
    beginnings = [AuthorisationServer("https://auth.pleo.io", app()).begin() for _ in range(2)]
    for beginning in beginnings:
        url = urlsplit(beginning.url)
        digest = hashlib.sha256(beginning.verifier.encode()).digest()
        assert (url.scheme, url.netloc, url.path) == ("https", "auth.pleo.io", "/oauth/authorize")
        assert parse_qs(url.query) == {
            "response_type": ["code"],
            "client_id": ["client-1"],
            "redirect_uri": [REDIRECT_URI],
            "scope": ["export-jobs:read export-jobs:write"],
            "state": [beginning.state],
            "code_challenge": [base64.urlsafe_b64encode(digest).decode().rstrip("=")],
            "code_challenge_method": ["S256"],
        }
        assert 43 <= len(beginning.verifier) <= 128
        assert beginning.verifier not in beginning.url
        assert repr(beginning) == "Beginning()"
    assert beginnings[0].state != beginnings[1].state
    assert beginnings[0].verifier != beginnings[1].verifier


def test_the_code_is_taken_from_an_answer_with_our_state() -> None:
    assert code_from({"code": "code-1", "state": "ours"}, "ours") == "code-1"


@pytest.mark.parametrize(
    ("query", "state"),
    [({"code": "c", "state": "theirs"}, "ours"), ({"code": "c"}, "ours"), ({"code": "c", "state": ""}, "")],
)
def test_an_answer_with_another_state_is_refused_whatever_it_says(query: dict[str, str], state: str) -> None:
    with pytest.raises(errors.StateMismatchError):
        code_from(query, state)


@pytest.mark.parametrize(
    ("query", "code"),
    [({"error": "access_denied", "code": "c"}, "access_denied"), ({}, "no_code"), ({"code": ""}, "no_code")],
)
def test_a_no_is_told_with_pleos_word_for_it(query: dict[str, str], code: str) -> None:
    with pytest.raises(errors.AuthorisationDeniedError, match=code) as caught:
        code_from({**query, "state": "ours"}, "ours")
    assert caught.value.code == code


async def test_a_code_becomes_tokens_that_are_used_once_they_are_kept(
    server: TokenServer, pleo_auth: AuthorisationServer, tmp_path: Path
) -> None:
    keeper = FileKeeper(tmp_path / "tokens")
    await keeper.keep(await pleo_auth.exchange("code-1", VERIFIER))
    assert server.forms == [
        {
            "grant_type": "authorization_code",
            "code": "code-1",
            "redirect_uri": REDIRECT_URI,
            "code_verifier": VERIFIER,
        }
    ]
    assert server.authorizations == ["Basic Y2xpZW50LTE6Y2xpZW50LXNlY3JldC0wMDAx"]
    assert (await stored(tmp_path / "tokens")).refresh_token == "refresh-1"
    credential = OAuthCredential(pleo_auth, keeper)
    await credential.refreshed_if_needed()
    assert (credential.header, len(server.forms)) == ("Bearer access-1", 1)


async def test_the_client_secret_goes_into_the_form_where_that_is_set(
    server: TokenServer, time: Time
) -> None:
    form = app(ClientAuthentication.FORM)
    async with AuthorisationServer(server.url, form, time.around) as pleo_auth:
        await pleo_auth.refresh("refresh-0")
    assert server.authorizations == [None]
    assert server.forms == [
        {
            "grant_type": "refresh_token",
            "refresh_token": "refresh-0",
            "client_id": "client-1",
            "client_secret": CLIENT_SECRET,
        }
    ]


async def test_a_code_that_is_used_up_is_refused(pleo_auth: AuthorisationServer) -> None:
    with pytest.raises(errors.GrantRefusedError):
        await pleo_auth.exchange("code-2", VERIFIER)


async def test_a_code_is_sent_once_even_if_no_answer_comes(
    server: TokenServer, pleo_auth: AuthorisationServer
) -> None:
    server.script = [loses_the_answer]
    with pytest.raises(errors.PleoNoAnswerError):
        await pleo_auth.exchange("code-1", VERIFIER)
    assert len(server.forms) == 1


@pytest.mark.parametrize("field_name", ["client_id", "client_secret"])
def test_a_client_secret_that_cannot_be_sent_is_refused_without_showing_it(field_name: str) -> None:
    given = {"client_id": "c", "client_secret": "s", field_name: "geheim\n"}
    with pytest.raises(UnusableSecretError) as caught:
        OAuthApp(**given, redirect_uri=REDIRECT_URI, scopes=())  # type: ignore[arg-type]
    assert "geheim" not in str(caught.value)
