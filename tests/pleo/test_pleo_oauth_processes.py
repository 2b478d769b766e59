"""Refreshing across real processes: two at once, and one that is killed at the worst moments."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pleo_export.pleo.errors import Broken
from pleo_export.pleo.oauth import TokenPair
from tests.pleo.token_keepers import store, stored
from tests.pleo.token_server import TokenServer, token_server

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def server() -> AsyncIterator[TokenServer]:
    async with token_server() as running:
        yield running


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    long_ago = datetime(2026, 1, 5, tzinfo=UTC)
    pair = TokenPair(access_token="access-0", refresh_token="refresh-0", refresh_at=long_ago)
    await store(tmp_path / "tokens", pair)
    return tmp_path / "tokens"


async def started(server: TokenServer, path: Path, how: str) -> Process:
    arguments = ("-m", "tests.pleo.refreshing_child", server.url, str(path), how)
    child = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=ROOT, stdin=PIPE, stdout=PIPE
    )
    assert child.stdout is not None
    assert await child.stdout.readline() == b"ready\n"
    return child


async def result(child: Process) -> str:
    said, _ = await child.communicate(b"go\n")
    return said.decode().strip()


async def run(server: TokenServer, path: Path, how: str) -> str:
    return await result(await started(server, path, how))


async def test_processes_that_refresh_at_the_same_moment_cause_one_refresh(
    server: TokenServer, path: Path
) -> None:
    children = [await started(server, path, "well") for _ in range(3)]
    said = await asyncio.gather(*(result(child) for child in children))
    assert said == ["Bearer access-1"] * 3
    assert server.refreshes == 1


async def test_a_process_killed_between_answer_and_commit_leaves_a_connection_to_be_made_again(
    server: TokenServer, path: Path
) -> None:
    child = await started(server, path, "answered")
    assert (await result(child), child.returncode) == ("", -signal.SIGKILL)
    assert (server.refreshes, (await stored(path)).refreshing) == (1, True)
    assert await run(server, path, "well") == "ReconnectNeededError lost"
    assert (await stored(path)).broken is Broken.LOST
    calls = server.refreshes
    assert await run(server, path, "well") == "ReconnectNeededError lost"
    assert server.refreshes == calls, "it is known; nobody is asked again"


async def test_a_process_killed_before_it_asked_costs_nothing(server: TokenServer, path: Path) -> None:
    child = await started(server, path, "noted")
    assert (await result(child), child.returncode) == ("", -signal.SIGKILL)
    assert (server.refreshes, (await stored(path)).refreshing) == (0, True)
    assert await run(server, path, "well") == "Bearer access-1"
    assert server.refreshes == 1
