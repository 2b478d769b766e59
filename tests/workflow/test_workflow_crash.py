"""The process dies at every single step of a small job, once each, and comes back to life."""

import inspect
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest

from pleo_export.accounting.port import Uniqueness
from pleo_export.simulator.server import RunningSimulator
from pleo_export.workflow.flow import export_pending
from pleo_export.workflow.ports import Parts
from tests.workflow.workflow_scene import Around, Company, Crash, Scene, eid, expense, with_parts

FAILING = 4
EXPENSES = (
    expense(1, files=["pdf"]),
    expense(2),
    expense(3, files=["png", "jpg"]),
    expense(FAILING, account="9999"),
    expense(5),
    expense(6),
)
STEPS_MAX = 200
"""More than a run of the job above takes; the search for the last step must end."""


@dataclass
class Fate:
    """Counts everything that reaches beyond the process, and lets it die at step `last`: after the effect, or before.

    After that nothing of this process has an effect any more.
    """

    last: int | None
    before: bool
    steps: int = 0
    dead: bool = False

    def begin(self) -> int:
        self.steps += 1
        self._die(self.before and self.steps == self.last)
        return self.steps

    def end(self, step: int) -> None:
        self._die(not self.before and step == self.last)

    def _die(self, now: bool) -> None:  # noqa: FBT001 - the only thing it is told
        self.dead = self.dead or now
        if self.dead:
            raise Crash


class Mortal(Around):
    """Passes every call on, one step each."""

    def __init__(self, inner: object, fate: Fate) -> None:
        super().__init__(inner)
        self._fate = fate

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self.inner, name)
        if inspect.isasyncgenfunction(verb):
            return self._pages(verb)
        return self._call(verb) if inspect.iscoroutinefunction(verb) else verb

    def _call(self, verb: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def mortal(*arguments: Any, **named: Any) -> Any:
            step = self._fate.begin()
            result = await verb(*arguments, **named)
            self._fate.end(step)
            return result

        return mortal

    def _pages(self, verb: Callable[..., AsyncIterator[Any]]) -> Callable[..., AsyncIterator[Any]]:
        async def mortal(*arguments: Any) -> AsyncIterator[Any]:
            step = self._fate.begin()
            async for one in verb(*arguments):
                yield one
            self._fate.end(step)

        return mortal


def mortal(parts: Parts, fate: Fate) -> Parts:
    names = ("pleo", "connector", "receipts", "store")
    return with_parts(parts, **{name: Mortal(getattr(parts, name), fate) for name in names})


async def survives(scene: Scene, fate: Fate) -> bool:
    """Export with fresh parts; return whether the process came to the end alive."""
    async with scene.parts() as parts:
        try:
            await export_pending(mortal(parts, fate))
        except Crash:
            return False
    return True


async def assert_all_is_well(scene: Scene, job_id: str) -> None:
    """What must hold at the end, whatever happened on the way, seen from outside."""
    outcomes = await scene.company.outcomes(job_id)
    successful = {number for number, one in outcomes.items() if one["status"] == "successful"}
    failed = {number: one["failureReason"] for number, one in outcomes.items() if one["status"] == "failed"}
    # Nothing is lost, nothing is hidden, nothing is there twice.
    assert successful | failed.keys() == {1, 2, 3, 4, 5, 6}
    assert sorted(scene.booked()) == sorted(successful)
    assert set(scene.connector.made) == {eid(number) for number in successful}
    assert max(scene.connector.made.values()) == 1
    assert "Account 9999" in failed.pop(FAILING)
    only_looked_up = scene.connector.capabilities.uniqueness is Uniqueness.LOOKUP_ONLY
    assert all(only_looked_up and "nothing was recorded" in reason for reason in failed.values())
    # Every receipt is attached, once.
    for number in successful:
        attached = scene.books.files.get(eid(number), {})
        assert len(attached) == len(EXPENSES[number - 1]["files"])
    # Pleo heard each thing once.
    ending = "completed_with_errors"
    assert await scene.company.event_names(job_id) == ["started", ending]
    updates = await scene.company.updates(job_id)
    told = Counter(
        one["accountingEntryId"]
        for update in updates
        for one in update
        if one["status"] in ("successful", "failed")
    )
    assert told == {eid(number): 1 for number in range(1, 7)}
    async with scene.parts() as parts:
        assert await parts.store.open_jobs(scene.company.id) == []
        assert await parts.store.unreported(job_id) == []


def assert_looked_up_before_recorded_again(scene: Scene) -> None:
    last: dict[str, str] = {}
    for verb, reference in scene.connector.calls:
        if verb in ("find", "record"):
            assert (verb, last.get(reference)) != ("record", "record"), f"{reference} was recorded blindly"
            last[reference] = verb


class Scenes:
    """As many companies as a test needs, each with the same job waiting."""

    def __init__(self, http: aiohttp.ClientSession, url: str, folder: Path) -> None:
        self._http, self._url, self._folder = http, url, folder

    async def next(self, name: str, *, concurrency: int, uniqueness: Uniqueness) -> tuple[Scene, str]:
        folder = self._folder / name
        folder.mkdir()
        scene = Scene(await Company.create(self._http, self._url), folder)
        scene.connector.change(concurrency=concurrency, uniqueness=uniqueness)
        return scene, await scene.company.job_of(*EXPENSES)


@pytest.fixture
async def scenes(simulator: RunningSimulator, tmp_path: Path) -> AsyncIterator[Scenes]:
    async with aiohttp.ClientSession() as http:
        yield Scenes(http, simulator.url, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("concurrency", "uniqueness", "before"),
    [
        (1, Uniqueness.UNIQUE_KEY, False),
        (1, Uniqueness.LOOKUP_ONLY, True),
        (4, Uniqueness.UNIQUE_KEY, True),
        (4, Uniqueness.LOOKUP_ONLY, False),
    ],
)
async def test_the_process_may_die_at_any_step(
    scenes: Scenes, concurrency: int, uniqueness: Uniqueness, *, before: bool
) -> None:
    for step in range(1, STEPS_MAX):
        scene, job_id = await scenes.next(str(step), concurrency=concurrency, uniqueness=uniqueness)
        alive = await survives(scene, Fate(step, before=before))
        if not alive:
            assert await survives(scene, Fate(None, before=before))
        await assert_all_is_well(scene, job_id)
        assert_looked_up_before_recorded_again(scene)
        if alive:
            break
    assert 40 < step < STEPS_MAX - 1, "the search ended because a run came through"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
async def test_the_process_may_die_again_and_again(scenes: Scenes, seed: int) -> None:
    chance = Random(seed)
    scene, job_id = await scenes.next(
        "again", concurrency=chance.choice([1, 2, 4]), uniqueness=chance.choice(list(Uniqueness))
    )
    deaths = [chance.randrange(1, 40) for _ in range(chance.randrange(2, 6))]
    for step in deaths:
        await survives(scene, Fate(step, before=chance.random() < 0.5))
    assert await survives(scene, Fate(None, before=False))
    await assert_all_is_well(scene, job_id)
    assert_looked_up_before_recorded_again(scene)
