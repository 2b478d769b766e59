"""Row H: the database deleted or restored from an older copy, at every stage of a job, clocks that disagree, a full disk."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import aiohttp
import pytest

from pleo_export.accounting.port import Uniqueness
from pleo_export.crash_points import struck_by
from pleo_export.simulator.server import RunningSimulator
from pleo_export.testing.oracle import Evidence, Expected, PleoSide, check, memory_entries
from tests.scorecard import at_size
from tests.scorecard.plugin import Score
from tests.workflow.older_copy import copy_store, put_back
from tests.workflow.workflow_scene import Company, Crash, Scene, at, eid, expense

pytestmark = [pytest.mark.scorecard("H"), pytest.mark.slow]

FAILING = 4
EXPENSES = (
    expense(1, files=["pdf"]),
    expense(2),
    expense(3, files=["png"]),
    expense(FAILING, account="9999"),
    expense(5),
    expense(6),
)
NEXT = 7  # the number of the first expense of later jobs


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with RunningSimulator(seed=8) as running:
        yield running


class World:
    """As many companies as a test needs, each with the same job waiting, and the oracle."""

    def __init__(self, http: aiohttp.ClientSession, url: str, folder: Path) -> None:
        self._http, self._url, self._folder, self._made = http, url, folder, 0

    async def scene(self, *, concurrency: int = 1, uniqueness: Uniqueness = Uniqueness.UNIQUE_KEY) -> Scene:
        self._made += 1
        folder = self._folder / str(self._made)
        folder.mkdir()
        scene = Scene(await Company.create(self._http, self._url), folder)
        scene.connector.change(concurrency=concurrency, uniqueness=uniqueness)
        await scene.company.job_of(*EXPENSES)
        return scene


@pytest.fixture
async def world(simulator: RunningSimulator, tmp_path: Path) -> AsyncIterator[World]:
    async with aiohttp.ClientSession() as http:
        yield World(http, simulator.url, tmp_path)


async def violations(scene: Scene) -> list[str]:
    """What the oracle, and the count of entries made, say of a company."""
    company = scene.company
    side = PleoSide(
        companies={company.id: await company.control("GET", f"/companies/{company.id}")},
        items={company.id: await company.control("GET", f"/companies/{company.id}/items")},
        audit=[one for one in await company.control("GET", "/audit") if one["companyId"] == company.id],
    )
    books = {company.id: memory_entries(scene.books)}
    expected = {one["accountingEntryId"]: Expected(files=len(one["files"])) for one in EXPENSES}
    found = check(Evidence(books=books, pleo=side, expected=expected))
    twice = [reference for reference, made in scene.connector.made.items() if made > 1]
    return [*map(str, found), *(f"{reference} was created twice" for reference in twice)]


async def export_what_is_left(scene: Scene, new: int) -> None:
    """Run to the end, export the failed ones again with a new one, and run again."""
    await scene.run()
    await scene.company.add(expense(new))
    statuses: dict[str, str] = {}
    for item in await scene.company.control("GET", f"/companies/{scene.company.id}/items"):
        statuses[item["accountingEntryId"]] = item["status"]
    again = [number for number in range(1, new) if statuses.get(eid(number)) in ("failed", "abandoned")]
    await scene.company.pass_time(1)  # Pleo tells times in seconds; no two jobs are of the same age
    await scene.company.press_export(*again, new)
    await scene.run()


async def run_with_copies(scene: Scene, folder: Path) -> list[Path]:
    """Run to the end; return a copy of the database after each of its commits."""
    copies: list[Path] = []

    def strike(name: str) -> None:
        if name == "store.committed":
            copies.append(folder / f"copy{len(copies)}")
            copy_store(scene, copies[-1])

    with struck_by(strike):
        await scene.run()
    return copies


async def test_an_older_copy_is_put_back_after_the_job(world: World, tmp_path: Path, score: Score) -> None:
    scene = await world.scene()
    copies = await run_with_copies(scene, tmp_path)
    assert len(copies) > 10, "every stage of the job is among them"
    for number, copy in enumerate(copies):
        put_back(scene, copy)
        await export_what_is_left(scene, NEXT + number)
        assert await violations(scene) == [], f"with the copy after commit {number}"
    score.note(restored=len(copies), violations=0)


@pytest.mark.parametrize("uniqueness", list(Uniqueness))
async def test_an_older_copy_is_put_back_in_the_middle_of_the_job(
    world: World, tmp_path: Path, score: Score, uniqueness: Uniqueness
) -> None:
    """The job is interrupted at some call, then a copy from any time before is put back."""
    draw = Random(20260601)
    runs = at_size(25, 500)
    for run in range(runs):
        scene = await world.scene(concurrency=draw.choice([1, 4]), uniqueness=uniqueness)
        folder = tmp_path / f"copies{run}"
        folder.mkdir()
        verb, item = draw.choice([("record", 2), ("record", 3), ("record", 6), ("attach", 1), ("attach", 3)])
        scene.connector.before = at(verb, item, Crash())
        copies: list[Path] = []

        def strike(
            name: str, scene: Scene = scene, folder: Path = folder, copies: list[Path] = copies
        ) -> None:
            if name == "store.committed":
                copies.append(folder / f"copy{len(copies)}")
                copy_store(scene, copies[-1])

        with struck_by(strike):
            await scene.crash()
        put_back(scene, draw.choice(copies))
        await export_what_is_left(scene, NEXT)
        assert await violations(scene) == [], f"run {run}: {uniqueness}, died at {verb} {item}"
    score.note(restored=runs, violations=0)


async def test_the_database_is_deleted(world: World, score: Score) -> None:
    for verb, item in (("record", 2), ("record", 6), ("attach", 3), ("find", 0)):
        scene = await world.scene()
        scene.connector.before = at(verb, item, Crash())
        if item:
            await scene.crash()
        else:
            await scene.run()
        scene.forget()
        await export_what_is_left(scene, NEXT)
        assert await violations(scene) == []
    score.note(deleted=4, violations=0)


@pytest.mark.parametrize("hours", [-1, 1])
async def test_our_clock_is_an_hour_off(world: World, score: Score, hours: int) -> None:
    scene = await world.scene()
    scene.clock.time += timedelta(hours=hours)
    scene.connector.before = at("record", 3, Crash())
    await scene.crash()
    await export_what_is_left(scene, NEXT)
    assert await violations(scene) == []
    score.note(clocks=1, violations=0)
