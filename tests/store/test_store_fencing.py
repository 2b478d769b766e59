import asyncio
import random
import threading
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import Connection, update

from pleo_export.domain.job import JobEventType
from pleo_export.domain.progress import Phase
from pleo_export.store import FencedError, Store, fencing
from pleo_export.store.errors import StoreFailedError
from pleo_export.store.tables import leases
from tests.store.stores import COMPANY, JOB, create_entry, opened, planned, reject, succeed

WRITES: list[Callable[[Store], Awaitable[object]]] = [
    lambda store: store.ensure_lease(),
    lambda store: store.see_company(COMPANY),
    lambda store: store.see_job("job-2", COMPANY),
    lambda store: store.forget_job(JOB),
    lambda store: store.mark_started(JOB),
    lambda store: store.plan(JOB, ["e2"]),
    lambda store: store.intend(JOB, "e1"),
    lambda store: create_entry(store, "e1"),
    lambda store: store.recorded(JOB, "e1"),
    lambda store: reject(store, "e1"),
    lambda store: store.reported(JOB, []),
    lambda store: store.report_refused(JOB, "e1", "no"),
    lambda store: store.closing(JOB, JobEventType.COMPLETED),
    lambda store: store.closed(JOB),
    lambda store: store.abandoned(JOB, "expired"),
    lambda store: store.trouble(COMPANY, "nothing works"),
    lambda store: store.keep_secret(COMPANY, "tokens", b"old"),
]


async def test_whoever_holds_the_lease_works_as_without_one(url: str) -> None:
    async with planned(url, "e1") as store:
        await store.take_lease(COMPANY, 7, "worker-1")
        view = store.fenced(COMPANY, 7)
        await succeed(view, "e1")
        await view.reported(JOB, ["e1"])
        await view.closing(JOB, JobEventType.COMPLETED)
        await view.closed(JOB)
        assert (await store.item(JOB, "e1")).phase is Phase.RECORDED
        assert not (await view.job(JOB)).open


async def test_of_two_views_the_older_is_refused_at_every_write_and_changes_nothing(url: str) -> None:
    async with planned(url, "e1") as store, opened(url) as other:
        await store.take_lease(COMPANY, 1, "worker-1")
        older = store.fenced(COMPANY, 1)
        await other.take_lease(COMPANY, 2, "worker-2")
        before = await store.company(COMPANY), await store.job(JOB), await store.items(JOB)
        for write in WRITES:
            with pytest.raises(FencedError, match="the one with token 1 must stop"):
                await write(older)
        after = await store.company(COMPANY), await store.job(JOB), await store.items(JOB)
        assert after == before
        assert await store.secrets() == []
        assert len(await older.items(JOB)) == 1
        await other.fenced(COMPANY, 2).intend(JOB, "e1")


async def test_a_failed_look_at_the_lease_is_a_failure_of_the_store(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind, question in fencing.HELD.items():
        monkeypatch.setitem(fencing.HELD, kind, question.replace("leases", "no_such_table"))
    async with opened(url) as store:
        with pytest.raises(StoreFailedError, match="no_such_table"):
            await store.fenced(COMPANY, 1).ensure_lease()


async def test_nobody_writes_with_a_token_that_never_took_the_lease(url: str) -> None:
    async with planned(url, "e1") as store:
        for token in (1, 4):
            with pytest.raises(FencedError):
                await store.fenced(COMPANY, token).intend(JOB, "e1")
            await store.take_lease(COMPANY, 2 + token, "worker-1")
        with pytest.raises(FencedError):
            await store.fenced("company-b", 6).intend(JOB, "e1")


@pytest.mark.parametrize("token", [1, 5])
async def test_a_lease_is_never_taken_with_a_token_that_is_not_larger(url: str, token: int) -> None:
    async with opened(url) as store:
        await store.take_lease(COMPANY, 5, "worker-1")
        with pytest.raises(FencedError):
            await store.take_lease(COMPANY, token, "worker-2")
        await store.fenced(COMPANY, 5).see_company(COMPANY)
        await store.take_lease("company-b", token, "worker-2")


async def test_a_lease_outlives_the_company_and_the_store_and_large_tokens_fit(url: str) -> None:
    async with opened(url) as store:
        await store.add_company(COMPANY, "A", "", "/srv")
        await store.take_lease(COMPANY, 2**60, "worker-1")
        await store.remove_company(COMPANY)
    async with opened(url) as store:
        await store.fenced(COMPANY, 2**60).see_company(COMPANY)
        with pytest.raises(FencedError):
            await store.take_lease(COMPANY, 2**60 - 1, "worker-2")


async def test_of_two_that_take_a_lease_at_once_with_one_token_one_gets_it(url: str) -> None:
    async with opened(url) as one, opened(url) as other:
        for token in range(1, 11):
            outcomes = await asyncio.gather(
                one.take_lease(COMPANY, token, "one"),
                other.take_lease(COMPANY, token, "other"),
                return_exceptions=True,
            )
            assert sorted(type(outcome).__name__ for outcome in outcomes) == ["FencedError", "NoneType"]


async def test_however_leases_are_raced_for_the_largest_token_holds_it(url: str) -> None:
    async with opened(url) as one, opened(url) as other:
        tokens = random.Random(1).sample(range(1, 41), 40)
        await asyncio.gather(
            *((one, other)[token % 2].take_lease(COMPANY, token, str(token)) for token in tokens),
            return_exceptions=True,
        )
        for token in range(1, 40):
            with pytest.raises(FencedError):
                await other.fenced(COMPANY, token).see_company(COMPANY)
        await one.fenced(COMPANY, 40).see_company(COMPANY)


@pytest.mark.slow
async def test_a_lease_is_taken_only_after_the_write_that_still_holds_it_is_committed(url: str) -> None:
    async with planned(url, "e1") as store, opened(url) as other:
        await store.take_lease(COMPANY, 1, "worker-1")
        entered, release = threading.Event(), threading.Event()

        def hold(_connection: Connection) -> None:
            entered.set()
            release.wait()

        held = asyncio.create_task(store.fenced(COMPANY, 1)._write(hold))
        await asyncio.to_thread(entered.wait)
        taking = asyncio.create_task(other.take_lease(COMPANY, 2, "worker-2"))
        done, _ = await asyncio.wait({taking}, timeout=0.3)
        assert not done
        release.set()
        await asyncio.gather(held, taking)
        with pytest.raises(FencedError):
            await store.fenced(COMPANY, 1).intend(JOB, "e1")


async def test_nothing_of_the_older_view_is_committed_once_the_lease_was_taken(url: str) -> None:
    async with planned(url) as store, opened(url) as other:
        await store.take_lease(COMPANY, 1, "worker-1")
        older, some = store.fenced(COMPANY, 1), asyncio.Event()

        async def write(worker: int) -> None:
            for number in range(10_000):
                await older.plan(JOB, [f"{worker}-{number}"])
                if number == 5:
                    some.set()

        writers = [asyncio.create_task(write(worker)) for worker in range(4)]
        await some.wait()
        await other.take_lease(COMPANY, 2, "worker-2")
        kept = await other.items(JOB)
        outcomes = await asyncio.gather(*writers, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [FencedError] * 4
        assert await other.items(JOB) == kept


async def test_a_write_that_waits_behind_a_takeover_in_the_same_commit_is_refused(url: str) -> None:
    async with planned(url, "e1", "e2") as store:
        await store.take_lease(COMPANY, 1, "worker-1")
        older = store.fenced(COMPANY, 1)
        outcomes = await asyncio.gather(
            older.intend(JOB, "e1"),
            store.take_lease(COMPANY, 2, "worker-1"),
            older.intend(JOB, "e2"),
            return_exceptions=True,
        )
        assert [type(outcome).__name__ for outcome in outcomes] == ["NoneType", "NoneType", "FencedError"]
        assert [item.phase for item in await store.items(JOB)] == [Phase.INTENDED, Phase.PLANNED]


async def test_a_worker_from_before_a_restore_stays_out_although_the_lease_is_older(url: str) -> None:
    """The restored lease names an older token than the worker has; the next worker's is larger than both."""
    async with planned(url, "e1") as store:
        await store.take_lease(COMPANY, 50, "worker-1")
        await store.take_lease(COMPANY, 100, "worker-2")
        woken, newest = store.fenced(COMPANY, 50), store.fenced(COMPANY, 100)
        await lease_as_in_a_copy(store, 50)
        with pytest.raises(FencedError, match="the one with token 100 must stop"):
            await newest.intend(JOB, "e1")
        await store.take_lease(COMPANY, 101, "worker-3")
        for older in (woken, newest):
            with pytest.raises(FencedError):
                await older.intend(JOB, "e1")
        await store.fenced(COMPANY, 101).intend(JOB, "e1")


async def lease_as_in_a_copy(store: Store, token: int) -> None:
    """Let the lease be as it was when a copy was made."""
    older = update(leases).where(leases.c.company_id == COMPANY).values(token=token)
    await store._write(lambda connection: connection.execute(older).rowcount)
