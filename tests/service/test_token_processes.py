"""Processes that renew the tokens of one company: two at once, and one that is killed at the worst moments."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from pleo_export.cli.init import settings_text
from pleo_export.pleo.errors import Broken
from pleo_export.pleo.oauth import TokenPair
from pleo_export.service.connecting import StoreKeeper
from pleo_export.service.opening import Opened, opened
from pleo_export.service.settings import ServiceSettings
from pleo_export.simulator.hands import Hands
from pleo_export.simulator.server import RunningSimulator
from pleo_export.vault import new_key

pytestmark = [pytest.mark.slow, pytest.mark.scorecard("E")]

ROOT = Path(__file__).parents[2]
SCOPES = "export-jobs:read"


@dataclass
class Scene:
    """A company that is connected, its simulated Pleo, and the environment of every process."""

    pleo: Hands
    company_id: str
    parts: Opened
    environment: Mapping[str, str]

    @property
    def refreshes(self) -> int:
        """How often Pleo was asked for new tokens, whatever it answered."""
        return sum(entry["body"] == {"grant_type": "refresh_token"} for entry in self.pleo.audit())

    async def stored(self) -> TokenPair:
        pair = await StoreKeeper(self.parts.store, self.parts.companies, self.company_id).load()
        assert pair is not None
        return pair

    async def started(self, how: str = "well") -> Process:
        command = (sys.executable, "-m", "tests.service.token_child", self.company_id, how)
        child = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env={**os.environ, **self.environment}, stdin=PIPE, stdout=PIPE
        )
        assert child.stdout is not None
        assert await child.stdout.readline() == b"ready\n"
        return child


async def result(child: Process) -> str:
    said, _ = await child.communicate(b"go\n")
    return said.decode().strip()


@pytest.fixture
def pleo() -> Iterator[Hands]:
    with RunningSimulator(seed=1) as simulator:
        yield Hands(simulator.url)


@pytest.fixture
async def scene(
    pleo: Hands, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    company_id = pleo.create_company("Acme")["id"]
    client = pleo.register_client("Ours", "http://localhost/oauth/callback", [SCOPES])
    environment = {
        "PLEO_EXPORT_DATABASE_URL": url,
        "PLEO_EXPORT_ENCRYPTION_KEY": new_key(),
        "PLEO_EXPORT_PUBLIC_URL": "http://localhost",
        "PLEO_EXPORT_OAUTH_SERVER": pleo.url,
        "PLEO_EXPORT_OAUTH_SCOPES": SCOPES,
        "PLEO_EXPORT_OAUTH_CLIENT_ID": client["clientId"],
        "PLEO_EXPORT_OAUTH_CLIENT_SECRET": client["clientSecret"],
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    async with opened(ServiceSettings()) as parts:
        text = settings_text({"pleo.company_id": company_id, "pleo.base_url": pleo.url})
        await parts.store.add_company(company_id, "Acme", text, str(tmp_path))
        await connect(pleo, parts, company_id)
        yield Scene(pleo, company_id, parts, environment)


async def connect(pleo: Hands, parts: Opened, company_id: str) -> None:
    """Connect the company as a person does, with a browser."""
    pleo.consent(company_id)
    address = await parts.connecting.begin(company_id)
    async with (
        aiohttp.ClientSession() as browser,
        browser.get(address, allow_redirects=False) as answer,
    ):
        came_back = dict(URL(answer.headers["Location"]).query)
    assert await parts.connecting.finish(came_back, parts.companies.pleo_url) == company_id


async def test_processes_that_renew_at_the_same_moment_ask_pleo_once(scene: Scene) -> None:
    scene.pleo.tokens(latencySeconds=0.5)  # the answer takes its time, so the others are there before it
    children = [await scene.started() for _ in range(3)]
    said = await asyncio.gather(*(result(child) for child in children))
    assert said == [(await scene.stored()).header] * 3
    assert scene.refreshes == 1


async def test_a_process_killed_between_answer_and_commit_leaves_a_connection_to_be_made_again(
    scene: Scene,
) -> None:
    dying, waiting, late = await scene.started("answered"), await scene.started(), await scene.started()
    assert (await result(dying), dying.returncode) == ("", -signal.SIGKILL)
    assert (scene.refreshes, (await scene.stored()).refreshing) == (1, True)
    assert await result(waiting) == "reconnect: lost"
    assert (await scene.stored()).broken is Broken.LOST
    asked = scene.refreshes
    assert [await result(late), await result(await scene.started())] == ["reconnect: lost"] * 2
    assert scene.refreshes == asked, "it is known; nobody is asked again"
    await connect(scene.pleo, scene.parts, scene.company_id)
    assert await result(await scene.started()) == (await scene.stored()).header


async def test_a_process_killed_before_it_asked_costs_nothing(scene: Scene) -> None:
    dying = await scene.started("noted")
    assert (await result(dying), dying.returncode) == ("", -signal.SIGKILL)
    assert (scene.refreshes, (await scene.stored()).refreshing) == (0, True)
    assert await result(await scene.started()) == (await scene.stored()).header
    assert (scene.refreshes, (await scene.stored()).broken) == (1, None)
