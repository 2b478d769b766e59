"""A worker that was taken over finds out before it does anything else outside, wherever it stands."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import pytest

from pleo_export.accounting.port import RateLimitedError, UnreachableError
from pleo_export.store import FencedError, Store, fencing
from pleo_export.store.errors import StoreFailedError
from pleo_export.testing.faults import Verb
from pleo_export.workflow.flow import export_pending
from pleo_export.workflow.ports import Parts
from tests.workflow.workflow_scene import Scene, eid, expense, nothing


@asynccontextmanager
async def first_worker(scene: Scene) -> AsyncIterator[tuple[Parts, Callable[[], Awaitable[None]]]]:
    """Give the parts of a worker that holds the company's lease, and what takes the company over from it."""
    async with scene.parts() as parts:
        store, company = parts.store, scene.company.id
        assert isinstance(store, Store)
        await store.take_lease(company, 1, "worker-1")
        yield (
            replace(parts, store=store.fenced(company, 1)),
            partial(store.take_lease, company, 2, "worker-2"),
        )


@pytest.mark.parametrize("hanging", [1, 2], ids=["a sign of life", "an outcome"])
async def test_a_worker_that_was_taken_over_while_it_recorded_tells_pleo_nothing_more(
    scene: Scene, hanging: int
) -> None:
    scene.connector.change(concurrency=1)
    job_id = await scene.company.job_of(expense(1), expense(2))
    recording, forever = asyncio.Event(), asyncio.Event()

    async def hang(_verb: str, reference: str) -> None:
        if reference == eid(hanging):
            recording.set()
            await forever.wait()

    scene.connector.before = hang
    async with first_worker(scene) as (parts, take_over):
        working = asyncio.create_task(export_pending(parts))
        await recording.wait()
        told = await scene.company.updates(job_id)
        await take_over()
        await scene.clock.until_asleep(1)
        scene.clock.advance(30)  # time for a sign of life or, where there is one, the first expense's outcome
        with pytest.raises(FencedError):
            await working
    assert await scene.company.updates(job_id) == told


async def test_a_worker_that_was_taken_over_between_two_tries_does_not_try_again(scene: Scene) -> None:
    await scene.company.job_of(expense(1))
    async with first_worker(scene) as (parts, take_over):

        async def lost(_verb: str, _reference: str) -> None:
            await take_over()
            raise UnreachableError

        scene.connector.before = lost
        with pytest.raises(FencedError):
            await export_pending(parts)
    assert scene.connector.asked("record") == [eid(1)]
    assert scene.booked() == []


async def test_a_worker_that_was_taken_over_while_it_waited_for_its_turn_does_not_call(scene: Scene) -> None:
    await scene.company.job_of(expense(1))
    scene.faults.order(Verb.RECORD, RateLimitedError(10.0))
    async with first_worker(scene) as (parts, take_over):
        working = asyncio.create_task(export_pending(parts))
        await scene.clock.until_asleep(2)  # the keep-alive as well
        await take_over()
        scene.clock.advance(10)
        with pytest.raises(FencedError):
            await working
    assert scene.connector.asked("record") == [eid(1)]
    assert scene.booked() == []


async def test_an_expense_does_not_fail_because_the_lease_could_not_be_looked_at(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await scene.company.job_of(expense(1))

    async def lose_the_table(_verb: str, _reference: str) -> None:
        monkeypatch.setitem(fencing.HELD, "sqlite", "SELECT 1 FROM no_such_table WHERE ? = ?")
        raise UnreachableError

    scene.connector.before = lose_the_table
    async with first_worker(scene) as (parts, _):
        with pytest.raises(StoreFailedError):
            await export_pending(parts)
        monkeypatch.undo()
        scene.connector.before = nothing
        (summary,) = await export_pending(parts)
    assert summary.event == "completed"
    assert await scene.company.statuses(job_id) == {1: "successful"}
