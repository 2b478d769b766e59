"""The connection, subscriptions and webhooks against the simulator, whose code shares nothing with ours."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from pleo_export.domain.job import JobStatus
from pleo_export.pleo.auth import ApiKey
from pleo_export.pleo.client import PleoClient
from pleo_export.pleo.errors import Broken, ReconnectNeededError
from pleo_export.pleo.installations import InstallationStatus, company_of
from pleo_export.pleo.oauth import (
    AuthorisationServer,
    ClientAuthentication,
    OAuthApp,
    OAuthCredential,
    code_from,
)
from pleo_export.pleo.subscriptions import Done, ensure_subscription, remove_subscriptions
from pleo_export.pleo.webhooks import Hint, is_export_job_created, verify
from pleo_export.simulator.hands import Hands
from pleo_export.simulator.server import RunningSimulator
from tests.pleo.token_keepers import FileKeeper, stored

pytestmark = pytest.mark.slow

REDIRECT = "http://localhost/back"
SCOPES = ("export-jobs:read", "export-jobs:write", "export-items:read")


@pytest.fixture
def hands() -> Iterator[Hands]:
    with RunningSimulator(seed=1) as simulator:
        yield Hands(simulator.url)


@pytest.fixture
def company(hands: Hands) -> dict[str, str]:
    return hands.create_company("Acme")


@pytest.fixture(params=ClientAuthentication)
async def pleo_auth(hands: Hands, request: pytest.FixtureRequest) -> AsyncIterator[AuthorisationServer]:
    client = hands.register_client("Shop", REDIRECT, list(SCOPES))
    registered = OAuthApp(
        client_id=client["clientId"],
        client_secret=client["clientSecret"],
        redirect_uri=REDIRECT,
        scopes=SCOPES,
        authentication=request.param,
    )
    async with AuthorisationServer(hands.url, registered) as server:
        yield server


@pytest.fixture
async def credential(
    hands: Hands, company: dict[str, str], pleo_auth: AuthorisationServer, tmp_path: Path
) -> OAuthCredential:
    """A connection made as a person makes it, with a browser."""
    hands.consent(company["id"])
    beginning = pleo_auth.begin()
    async with (
        aiohttp.ClientSession() as browser,
        browser.get(beginning.url, allow_redirects=False) as answer,
    ):
        back = answer.headers["Location"]
    keeper = FileKeeper(tmp_path / "tokens")
    query = dict(URL(back).query)
    await keeper.keep(await pleo_auth.exchange(code_from(query, beginning.state), beginning.verifier))
    credential = OAuthCredential(pleo_auth, keeper)
    await credential.refreshed_if_needed()
    return credential


async def test_a_company_is_connected_activated_refreshed_and_disconnected(
    hands: Hands, company: dict[str, str], credential: OAuthCredential, tmp_path: Path
) -> None:
    async with PleoClient(hands.url, credential) as pleo:
        installation = await pleo.installation.get()
        assert installation is not None
        assert company_of(installation) == company["id"]
        assert (await pleo.installation.activate()).status == InstallationStatus.ACTIVATED
        before = await stored(tmp_path / "tokens")
        await credential.refreshed_if_needed(refused=credential.header)
        assert await pleo.list_jobs(company["id"], [JobStatus.PENDING]) == []
        assert hands.refreshes() == 1
        assert (await stored(tmp_path / "tokens")).refresh_token != before.refresh_token
        await pleo.installation.remove()
        with pytest.raises(ReconnectNeededError) as caught:
            await pleo.list_jobs(company["id"], [JobStatus.PENDING])
    assert caught.value.reason is Broken.REVOKED


async def test_an_answer_lost_by_the_token_endpoint_ends_in_reconnect(
    hands: Hands, credential: OAuthCredential
) -> None:
    hands.tokens(loseAnswers=1)
    with pytest.raises(ReconnectNeededError) as caught:
        await credential.refreshed_if_needed(refused=credential.header)
    assert (caught.value.reason, hands.refreshes()) == (Broken.LOST, 1)


@pytest.mark.parametrize("change", [{}, {"wrapped": True}, {"eventType": "v1.export.job-created"}])
async def test_a_webhook_that_pleo_signs_is_verified_and_hints_at_the_job(
    hands: Hands, company: dict[str, str], change: dict[str, object]
) -> None:
    came: asyncio.Future[tuple[dict[str, str], bytes]] = asyncio.get_running_loop().create_future()

    async def receive(request: web.Request) -> web.Response:
        came.set_result((dict(request.headers), await request.read()))
        return web.Response(status=204)

    application = web.Application()
    application.router.add_post("/webhooks/pleo", receive)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks/pleo"
        hands.webhooks(**change)
        hands.generate(company["id"], 1)
        async with PleoClient(hands.url, ApiKey(company["apiKey"])) as pleo:
            ensured = await ensure_subscription(pleo.subscriptions, url)
            assert (await ensure_subscription(pleo.subscriptions, url)).done is Done.UNCHANGED
            job_id = await asyncio.to_thread(hands.press_export, company["id"])
            headers, body = await asyncio.wait_for(came, 10)
            assert await remove_subscriptions(pleo.subscriptions, url) == 1
            assert await pleo.subscriptions.list() == []
    finally:
        await runner.cleanup()
    hint: Hint = verify(headers, body, [ensured.secret], datetime.now(UTC))
    assert is_export_job_created(hint.event_type)
    assert (hint.company_id, hint.job_id) == (company["id"], job_id)
