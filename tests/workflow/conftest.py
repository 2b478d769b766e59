from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from pleo_export.simulator.server import RunningSimulator
from tests.workflow.workflow_scene import ChangeSettings, Company, Scene


@pytest.fixture(scope="session")
def simulator() -> Iterator[RunningSimulator]:
    with RunningSimulator(seed=1) as running:
        yield running


@pytest.fixture
async def scene(simulator: RunningSimulator, tmp_path: Path) -> AsyncIterator[Scene]:
    async with aiohttp.ClientSession() as http:
        yield Scene(await Company.create(http, simulator.url), tmp_path)


@pytest.fixture
async def pleo_settings(scene: Scene) -> AsyncIterator[ChangeSettings]:
    before = await scene.company.control("PATCH", "/settings", {})

    async def change(**settings: object) -> None:
        await scene.company.control("PATCH", "/settings", settings)

    yield change
    await change(**before)
