"""How a company is connected and disconnected, and which credential it is worked for with."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from pleo_export.cli.init import settings_text
from pleo_export.engine import Engine
from pleo_export.engine.errors import EngineError
from pleo_export.pleo.auth import ApiKey
from pleo_export.pleo.errors import AuthorisationDeniedError, PleoError
from pleo_export.pleo.oauth import AuthorisationServer, OAuthCredential, TokenPair
from pleo_export.service.companies import Companies
from pleo_export.service.connecting import Connecting, StoreKeeper
from pleo_export.service.errors import OAuthNotSetUpError, OtherCompanyError, UnknownConnectionError
from pleo_export.service.kinds import API_KEY, CONNECTING, OAUTH
from pleo_export.service.opening import Opened
from pleo_export.service.run import web_parts
from pleo_export.service.settings import ServiceSettings
from pleo_export.store import Store, sqlite_url
from pleo_export.vault import Vault
from pleo_export.vault.errors import MissingKeyError
from tests.pleo.pleo_samples import COMPANY
from tests.pleo.token_server import TokenServer, app, fails, token_server

OTHER = "11111111-1111-4111-8111-111111111111"
PAIR = TokenPair(access_token="access-0", refresh_token="refresh-0", refresh_at=None)
VAULT = Vault([b"k" * 32])
BROWSER = "what only this browser knows"


@pytest.fixture
async def server() -> AsyncIterator[TokenServer]:
    async with token_server() as running:
        yield running


class Office:
    """A store with one company whose Pleo is the little server, and the parts that work on it."""

    def __init__(self, store: Store, auth: AuthorisationServer) -> None:
        self.store, self.auth = store, auth
        self.companies = Companies(store, VAULT, auth)
        self.connecting = Connecting(store, self.companies, auth)
        self.keeper = StoreKeeper(store, self.companies, COMPANY)

    async def come_back(self, company_id: str = COMPANY) -> dict[str, str]:
        """What Pleo sends a person back with."""
        url = await self.connecting.begin(company_id)
        (state,) = parse_qs(urlsplit(url).query)["state"]
        return {"state": state, "code": "code-1"}

    async def connect(self, company_id: str = COMPANY, **query: str) -> str:
        came_back = await self.come_back(company_id) | query
        return await self.connecting.finish(came_back, self.companies.pleo_url)

    async def header(self, companies: Companies | None = None) -> str:
        """What the company is worked for with."""
        settings = await self.companies.settings(COMPANY)
        return (await (companies or self.companies).credential(COMPANY, settings)).header


@pytest.fixture
async def office(server: TokenServer, tmp_path: Path) -> AsyncIterator[Office]:
    async with AsyncExitStack() as stack:
        store = await Store.open(sqlite_url(tmp_path / "service.db"), lambda: datetime.now(UTC))
        stack.push_async_callback(store.close)
        auth = await stack.enter_async_context(AuthorisationServer(server.url, app()))
        for company_id in (COMPANY, OTHER):
            text = settings_text({"pleo.company_id": company_id, "pleo.base_url": server.url})
            await store.add_company(company_id, "A", text, str(tmp_path))
        yield Office(store, auth)


async def test_what_is_kept_are_the_tokens_that_are_good_after_the_last_call(
    server: TokenServer, office: Office
) -> None:
    server.expires_in = 0  # every call is preceded by a refresh
    assert await office.connect() == COMPANY
    assert server.api_paths == ["GET /v1/installations/me", "POST /v1/installations/me:activate"]
    kept = await office.keeper.load()
    assert kept is not None
    assert kept.refresh_token == f"refresh-{server.number}" == "refresh-3"


async def test_what_is_activated_already_is_not_activated_again(server: TokenServer, office: Office) -> None:
    server.status = "ACTIVATED"
    await office.connect()
    assert server.api_paths == ["GET /v1/installations/me"]


async def test_a_connection_is_kept_where_pleo_refuses_to_activate_it(
    server: TokenServer, office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    server.activates = False
    assert await office.connect() == COMPANY
    assert await office.keeper.load() is not None
    assert f"company {COMPANY} is connected, but Pleo did not activate it" in caplog.text


async def test_a_company_is_connected_also_where_nobody_can_be_told_to_look_at_it(
    office: Office, tmp_path: Path
) -> None:
    engine = Engine(f"sqlite:///{tmp_path}", lambda: datetime.now(UTC))  # a folder is no file
    with pytest.raises(EngineError):
        engine.fire(COMPANY, "button")
    parts = web_parts(ServiceSettings(), engine, Opened(office.store, office.companies, office.connecting))
    assert await parts.connect(await office.come_back()) == COMPANY
    assert await office.keeper.load() is not None
    engine.close()


async def test_another_company_than_the_one_that_was_meant_is_not_kept(office: Office) -> None:
    with pytest.raises(OtherCompanyError):
        await office.connect(OTHER)
    assert await office.store.secrets() == []


async def test_a_connection_is_finished_once_and_a_no_ends_it(office: Office) -> None:
    with pytest.raises(AuthorisationDeniedError):
        await office.connect(error="access_denied")
    for query in ({"state": "made up"}, {}):
        with pytest.raises(UnknownConnectionError):
            await office.connecting.finish(query, office.companies.pleo_url)
    assert await office.store.secrets() == []


async def test_of_two_who_come_back_with_the_same_state_at_once_one_goes_on(
    server: TokenServer, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    query, both_have_looked, look = await office.come_back(), asyncio.Barrier(2), office.companies.secret

    async def looked(company_id: str, kind: str) -> str | None:
        found = await look(company_id, kind)
        if kind == CONNECTING:
            await both_have_looked.wait()
        return found

    monkeypatch.setattr(office.companies, "secret", looked)
    finish, pleo_url = office.connecting.finish, office.companies.pleo_url
    ended = await asyncio.gather(*[finish(query, pleo_url) for _ in range(2)], return_exceptions=True)
    assert sorted(type(one).__name__ for one in ended) == ["UnknownConnectionError", "str"]
    assert [form["grant_type"] for form in server.forms] == ["authorization_code"]


async def test_tokens_that_are_held_stay_until_they_are_kept(
    server: TokenServer, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a call had to refresh them first, and whatever ends it: a yes can be said again."""
    server.expires_in = 0  # every call is preceded by a refresh
    await office.keeper.keep(PAIR)
    (state,) = parse_qs(urlsplit(await office.connecting.begin(COMPANY, BROWSER)).query)["state"]
    query = {"state": state, "code": "code-1"}
    await office.connecting.finish(query, office.companies.pleo_url, BROWSER)

    async def dies(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(StoreKeeper, "keep", dies)
        with pytest.raises(asyncio.CancelledError):
            await office.connecting.keep(COMPANY, BROWSER, server.url)
    assert await office.keeper.load() == PAIR
    await office.connecting.keep(COMPANY, BROWSER, server.url)
    kept = await office.keeper.load()
    assert kept is not None
    assert kept.refresh_token == f"refresh-{server.number}"
    with pytest.raises(UnknownConnectionError):
        await office.connecting.keep(COMPANY, BROWSER, server.url)


async def test_without_the_encryption_key_no_other_credential_takes_the_place_of_what_was_kept(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLEO_EXPORT_API_KEY", "plp_of_somebody_else")
    assert await office.header() == ApiKey("plp_of_somebody_else").header, "where nothing was kept"
    lost = Companies(office.store, None, office.auth)
    for kind in (API_KEY, OAUTH):
        await office.companies.keep_secret(COMPANY, kind, PAIR.encoded().decode())
        with pytest.raises(MissingKeyError):
            await office.header(lost)
        await office.store.drop_secrets(COMPANY)


async def test_without_oauth_no_other_credential_takes_the_place_of_a_connection(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLEO_EXPORT_API_KEY", "plp_of_somebody_else")
    await office.keeper.keep(PAIR)
    with pytest.raises(OAuthNotSetUpError):
        await office.header(Companies(office.store, VAULT))


async def test_a_pair_is_replaced_only_where_it_did_not_change_meanwhile(office: Office) -> None:
    new = TokenPair(access_token="access-1", refresh_token="refresh-1", refresh_at=datetime.now(UTC))
    assert not await office.keeper.replace(PAIR, new)
    await office.keeper.keep(PAIR)
    assert await office.keeper.replace(PAIR, new)
    assert not await office.keeper.replace(PAIR, PAIR)
    assert await office.keeper.load() == new


async def test_disconnecting_ends_the_installation_in_pleo_and_an_older_key_counts_again(
    server: TokenServer, office: Office
) -> None:
    await office.companies.keep_secret(COMPANY, API_KEY, "plp_own")
    await office.connect()
    assert isinstance(await office.companies.connection(COMPANY), OAuthCredential)
    assert await office.companies.disconnect(COMPANY)
    assert server.api_paths[-1] == "DELETE /v1/installations/me"
    assert await office.header() == ApiKey("plp_own").header
    assert not await office.companies.disconnect(COMPANY)


async def test_a_connection_is_forgotten_also_where_pleo_cannot_be_told(
    server: TokenServer, office: Office
) -> None:
    await office.connect()
    server.accepts, server.script = False, [fails(400, "invalid_grant")]
    with pytest.raises(PleoError):
        await office.companies.disconnect(COMPANY)
    assert await office.companies.connection(COMPANY) is None
