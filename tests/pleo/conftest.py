"""A token server and a connection to it, for the tests of OAuth."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pleo_export.pleo.oauth import AuthorisationServer, OAuthCredential
from tests.pleo.oauth_scene import PAIR, Time
from tests.pleo.token_keepers import FileKeeper, store
from tests.pleo.token_server import TokenServer, app, token_server


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def server() -> AsyncIterator[TokenServer]:
    async with token_server() as running:
        yield running


@pytest.fixture
async def pleo_auth(server: TokenServer, time: Time) -> AsyncIterator[AuthorisationServer]:
    async with AuthorisationServer(server.url, app(), time.around) as connected:
        yield connected


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A connection whose access token is due for a refresh."""
    await store(tmp_path / "tokens", PAIR)
    return tmp_path / "tokens"


@pytest.fixture
def credential(pleo_auth: AuthorisationServer, path: Path) -> OAuthCredential:
    return OAuthCredential(pleo_auth, FileKeeper(path))
