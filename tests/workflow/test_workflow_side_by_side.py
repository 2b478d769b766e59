"""What is done at the same time: lists, marks, receipts, entries and reports of one job, all of it bounded."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from pleo_export.accounting.port import Uniqueness
from pleo_export.domain.entry import Attachment, StoredFile
from pleo_export.domain.item import ExportItem, File, decode_as_sent
from pleo_export.domain.job import ExportJobItem, ItemStatus, ItemUpdate, ItemUpdateResult
from pleo_export.domain.progress import Phase
from pleo_export.pleo import limits
from pleo_export.pleo.errors import Facts, PleoNoAnswerError
from pleo_export.pleo.retrying import Before, at_any_time
from pleo_export.workflow import turns
from pleo_export.workflow.fetch import Work
from pleo_export.workflow.side_by_side import both
from pleo_export.workflow.spool import Spool, SpoolError
from pleo_export.workflow.turns import READY_AHEAD, LeftError, Ready, Turns
from tests.workflow.workflow_scene import Around, FakeClock, Scene, eid, expense


class TwoLists(Around):
    """Pleo's client, where each of the two lists waits for the other to be asked for."""

    def __init__(self, inner: object) -> None:
        super().__init__(inner)
        self._asked = asyncio.Barrier(2)

    async def job_items(self, job_id: str) -> AsyncIterator[ExportJobItem]:
        await self._asked.wait()
        async for item in self.inner.job_items(job_id):
            yield item

    async def export_items(self, job_id: str) -> AsyncIterator[ExportItem]:
        await self._asked.wait()
        async for item in self.inner.export_items(job_id):
            yield item


class Told(Around):
    """Pleo's client, which notes how many entries stood in the books at each update; outcomes may end with a `failure`."""

    def __init__(self, scene: Scene, inner: object, failure: Exception | None = None) -> None:
        super().__init__(inner)
        self._scene, self._failure = scene, failure
        self.updates: list[tuple[ItemStatus, int, int]] = []

    async def update_items(
        self, job_id: str, updates: Sequence[ItemUpdate], before: Before = at_any_time
    ) -> ItemUpdateResult:
        status = updates[0].status
        self.updates.append((status, len(updates), len(self._scene.books.entries)))
        if status is not ItemStatus.IN_PROGRESS and self._failure is not None:
            raise self._failure
        result: ItemUpdateResult = await self.inner.update_items(job_id, updates, before)
        return result


class Fetching(Around):
    """Receipts, and for how many entries each was fetched ahead of the one that was recorded last."""

    def __init__(self, scene: Scene, inner: object) -> None:
        super().__init__(inner)
        self._scene, self._fetched, self.furthest_ahead = scene, 0, 0
        self.begun = asyncio.Event()

    async def download(self, attachment: Attachment) -> StoredFile:
        self._fetched += 1
        self.begun.set()
        self.furthest_ahead = max(self.furthest_ahead, self._fetched - len(self._scene.books.entries))
        file: StoredFile = await self.inner.download(attachment)
        return file


class MarkedLate(Around):
    """Pleo's client, to which marks are on their way until a receipt is fetched."""

    def __init__(self, inner: object, fetching: Fetching) -> None:
        super().__init__(inner)
        self._fetching = fetching

    async def update_items(
        self, job_id: str, updates: Sequence[ItemUpdate], before: Before = at_any_time
    ) -> ItemUpdateResult:
        if updates[0].status is ItemStatus.IN_PROGRESS:
            await self._fetching.begun.wait()
        result: ItemUpdateResult = await self.inner.update_items(job_id, updates, before)
        return result


def item(number: int) -> ExportItem:
    sent = expense(number, day=number) | {"companyId": "company", "files": None}
    return decode_as_sent(msgspec.json.encode(sent), ExportItem)


ITEM, OTHER = item(1), item(2)


async def test_both_lists_of_a_job_are_read_at_the_same_time(scene: Scene) -> None:
    await scene.company.job_of(expense(1))
    async with scene.parts() as parts, asyncio.timeout(20):
        assert (await scene.run_one(pleo=TwoLists(parts.pleo))).event == "completed"


async def test_where_one_of_two_fails_the_other_ends_and_its_own_error_is_told() -> None:
    ended = asyncio.Event()

    async def fails() -> None:
        await asyncio.sleep(0)
        raise LookupError

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(LookupError):
        await both(fails(), waits())
    assert ended.is_set()


@pytest.mark.slow
async def test_outcomes_are_told_while_later_expenses_are_recorded_and_marks_go_ahead(scene: Scene) -> None:
    await scene.company.job_of(*(expense(number) for number in range(1, 301)))
    async with scene.parts() as parts:
        told = Told(scene, parts.pleo)
        await scene.run_one(pleo=told)
    outcomes = [entries for status, _, entries in told.updates if status is ItemStatus.SUCCESSFUL]
    assert len(outcomes) == 3
    assert outcomes[0] < 300, "the first outcomes are told before the last expense is recorded"
    marks = [entries for status, _, entries in told.updates if status is ItemStatus.IN_PROGRESS]
    assert marks[0] == 0
    assert marks[1] < 100, "the second hundred is marked before the first is done"
    assert all(number <= limits.items_per_update_max for _, number, _ in told.updates)


@pytest.mark.slow
@pytest.mark.parametrize(
    "failure", [PleoNoAnswerError(Facts(method="PUT", path="/items")), ValueError("a fault of ours")]
)
async def test_where_outcomes_cannot_be_told_what_was_begun_is_finished_and_no_more_begun(
    scene: Scene, failure: Exception
) -> None:
    job_id = await scene.company.job_of(*(expense(number) for number in range(1, 301)))
    async with scene.parts() as parts:
        with pytest.raises(type(failure)):
            await scene.run(pleo=Told(scene, parts.pleo, failure))
        items = await parts.store.items(job_id)
    assert 100 <= len(scene.books.entries) < 300
    assert {item.phase for item in items} == {Phase.RECORDED, Phase.PLANNED}, "nothing is left half done"
    summary = await scene.run_one()
    assert scene.booked() == list(range(1, 301))
    assert summary.event == "completed"


@pytest.mark.slow
async def test_receipts_are_fetched_ahead_of_the_entries_but_not_without_end(scene: Scene) -> None:
    scene.connector.change(concurrency=1)
    await scene.company.job_of(*(expense(number, files=["png"]) for number in range(1, 61)))
    async with scene.parts() as parts:
        fetching = Fetching(scene, parts.receipts)
        await scene.run_one(receipts=fetching)
    assert 1 < fetching.furthest_ahead <= 2 + READY_AHEAD
    assert scene.booked() == list(range(1, 61))
    assert scene.leftovers() == []


async def test_receipts_are_fetched_while_the_marks_are_on_their_way(scene: Scene) -> None:
    await scene.company.job_of(*(expense(number, files=["png"]) for number in range(1, 4)))
    async with scene.parts() as parts:
        fetching = Fetching(scene, parts.receipts)
        summary = await scene.run_one(receipts=fetching, pleo=MarkedLate(parts.pleo, fetching))
    assert summary.event == "completed"


@pytest.mark.parametrize(("uniqueness", "most"), [(Uniqueness.UNIQUE_KEY, 4), (Uniqueness.LOOKUP_ONLY, 2)])
async def test_intents_go_ahead_only_where_a_second_entry_cannot_be(
    scene: Scene, uniqueness: Uniqueness, most: int
) -> None:
    """Where only a look-up protects, an intent that is found after a crash costs the expense its export."""
    scene.connector.change(concurrency=2, uniqueness=uniqueness)
    job_id = await scene.company.job_of(*(expense(number) for number in range(1, 11)))
    intended: list[int] = []
    async with scene.parts() as parts:

        async def count(verb: str, _reference: str) -> None:
            if verb == "record":
                phases = [item.phase for item in await parts.store.items(job_id)]
                intended.append(phases.count(Phase.INTENDED))

        scene.connector.before = count
        await scene.run_one()
    assert max(intended) <= most
    assert scene.connector.busiest == 2


# ---- the order of turns, by themselves


def work(number: int, sizes: Sequence[int] = ()) -> Ready:
    files = tuple(File(url="https://files.invalid/1", size=size) for size in sizes)
    return Ready(Work(eid(number), replace(ITEM, files=files), ItemStatus.PENDING))


async def test_items_begin_in_their_order_whoever_is_ready_first() -> None:
    order = Turns(FakeClock(), 10, lambda: False)
    given = [await order.give(work(number)) for number in range(1, 6)]
    begun: list[str] = []

    async def begin(turn: turns.Turn) -> None:
        async with order.begins(turn):
            begun.append(turn.work.entry_id)

    await asyncio.gather(*map(begin, reversed(given)))
    assert begun == [eid(number) for number in range(1, 6)]


async def test_an_item_that_ends_without_beginning_lets_the_next_one_begin() -> None:
    order = Turns(FakeClock(), 10, lambda: False)
    first, second = await order.give(work(1)), await order.give(work(2))
    waiting = asyncio.ensure_future(second.comes())
    await asyncio.sleep(0)
    assert not waiting.done()
    order.ended(first)
    await waiting


async def test_nothing_begins_once_the_work_ends() -> None:
    order = Turns(FakeClock(), 10, lambda: True)
    turn = await order.give(work(1))
    with pytest.raises(LeftError):
        async with order.begins(turn):
            pytest.fail("it began")


async def test_large_receipts_wait_for_room_and_one_that_is_larger_than_the_room_comes_alone() -> None:
    order = Turns(FakeClock(), 10, lambda: False)
    most = turns.RECEIPT_BYTES_AT_HAND
    first = await order.give(work(1, [most // 2, most]))
    second = asyncio.ensure_future(order.give(work(2, [1])))
    await asyncio.sleep(0)
    assert not second.done()
    order.ended(first)
    third = asyncio.ensure_future(order.give(work(3, [most - 1])))
    await asyncio.gather(second, third)


# ---- the spool, by itself


def test_what_is_kept_comes_back_and_leaves_nothing(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        places = [spool.keep(one) for one in (ITEM, OTHER)]
        assert list(tmp_path.iterdir()) == [], "nobody else can see what is in it"
        assert [spool.read(place) for place in places] == [ITEM, OTHER]
        assert places[1].date == OTHER.date


def test_a_disk_that_takes_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpoolError, match=r"could not be kept in .*gone while it is worked on: No such file"):
        Spool(tmp_path / "gone")
