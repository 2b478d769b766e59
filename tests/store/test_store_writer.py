import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import SQLAlchemyError

from pleo_export.domain.progress import Phase
from pleo_export.store import Store, StoreError, sqlite_url
from pleo_export.store.errors import IllegalTransitionError, StoreClosedError, StoreFailedError
from tests.store.stores import JOB, opened, planned

ENTRIES = [f"e{number:02}" for number in range(16)]


def count_commits(store: Store) -> list[Connection]:
    commits: list[Connection] = []
    event.listen(store._database.writer, "commit", commits.append)
    return commits


async def phases(store: Store) -> list[Phase]:
    return [item.phase for item in await store.items(JOB)]


async def test_sixteen_concurrent_writers_share_one_commit(url: str) -> None:
    async with planned(url, *ENTRIES) as store:
        commits = count_commits(store)
        await asyncio.gather(*(store.intend(JOB, entry_id) for entry_id in ENTRIES))
        assert len(commits) == 1
        assert await phases(store) == [Phase.INTENDED] * 16


async def test_whoever_comes_while_a_commit_runs_shares_the_next_one(url: str) -> None:
    async with planned(url, *ENTRIES) as store:
        commits = count_commits(store)
        entered, release = threading.Event(), threading.Event()

        def hold(_connection: Connection) -> None:
            entered.set()
            release.wait()

        held = asyncio.create_task(store._writer.run(hold))
        await asyncio.to_thread(entered.wait)
        writers = [asyncio.create_task(store.intend(JOB, entry_id)) for entry_id in ENTRIES]
        await asyncio.sleep(0)
        assert await phases(store) == [Phase.PLANNED] * 16
        release.set()
        await asyncio.gather(held, *writers)
        assert len(commits) == 2


async def test_sixteen_writers_in_a_loop_stay_together(url: str) -> None:
    async with planned(url, *ENTRIES) as store:
        commits = count_commits(store)

        async def write(company_id: str) -> None:
            for _ in range(10):
                await store.see_company(company_id)

        await asyncio.gather(*(write(name) for name in ENTRIES))
        assert len(commits) == 10


async def test_a_failing_operation_harms_none_of_its_neighbours(url: str) -> None:
    async with planned(url, *ENTRIES) as store:
        commits = count_commits(store)

        def half_done(connection: Connection) -> None:
            connection.exec_driver_sql("UPDATE items SET position = 99")
            connection.exec_driver_sql("UPDATE nowhere SET x = 1")

        writes: list[Any] = [store.intend(JOB, entry_id) for entry_id in ENTRIES]
        writes[8:8] = [store.recorded(JOB, ENTRIES[0]), store._writer.run(half_done)]
        outcomes = await asyncio.gather(*writes, return_exceptions=True)
        failures = [outcome for outcome in outcomes if outcome is not None]
        assert [type(failure) for failure in failures] == [IllegalTransitionError, StoreFailedError]
        assert len(commits) == 1
        assert [(item.phase, item.position) for item in await store.items(JOB)] == [
            (Phase.INTENDED, position) for position in range(16)
        ]


async def test_a_failing_commit_fails_all_of_its_batch_and_the_writer_lives_on(tmp_path: Path) -> None:
    async with planned(sqlite_url(tmp_path / "store.db"), *ENTRIES) as store:

        def break_at_commit(connection: Connection) -> None:
            connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
            connection.exec_driver_sql("UPDATE items SET job_id = 'nowhere' WHERE position = 3")

        outcomes = await asyncio.gather(
            store.intend(JOB, "e00"),
            store._writer.run(break_at_commit),
            store.intend(JOB, "e01"),
            return_exceptions=True,
        )
        assert all(isinstance(outcome, StoreError) for outcome in outcomes)
        assert await phases(store) == [Phase.PLANNED] * 16
        await store.intend(JOB, "e00")
        assert (await store.item(JOB, "e00")).phase is Phase.INTENDED


async def test_nobody_is_told_done_when_the_database_itself_ends_the_transaction(url: str) -> None:
    async with planned(url, *ENTRIES) as store:

        def lose_everything(connection: Connection) -> None:
            connection.exec_driver_sql("ROLLBACK")  # as a full disk may do
            connection.exec_driver_sql("UPDATE nowhere SET x = 1")

        outcomes = await asyncio.gather(
            store.intend(JOB, "e00"),
            store._writer.run(lose_everything),
            store.intend(JOB, "e01"),
            return_exceptions=True,
        )
        assert all(isinstance(outcome, StoreError) for outcome in outcomes)
        assert await phases(store) == [Phase.PLANNED] * 16
        await store.intend(JOB, "e00")


async def test_an_operation_that_first_reads_cannot_be_overtaken_by_another_program(tmp_path: Path) -> None:
    async with planned(sqlite_url(tmp_path / "store.db"), "e00") as store:

        def read_then_write(connection: Connection) -> None:
            connection.exec_driver_sql("SELECT * FROM items").all()
            with (
                closing(sqlite3.connect(tmp_path / "store.db", timeout=0, isolation_level=None)) as other,
                pytest.raises(sqlite3.OperationalError, match="locked"),
            ):
                other.execute("DELETE FROM items")
            connection.exec_driver_sql("UPDATE items SET position = 7")

        await store._writer.run(read_then_write)
        assert (await store.item(JOB, "e00")).position == 7


async def test_a_bug_in_an_operation_reaches_its_waiter_alone(url: str) -> None:
    async with planned(url, "e00") as store:

        def bug(connection: Connection) -> None:
            connection.exec_driver_sql("UPDATE items SET position = 99")
            raise ZeroDivisionError

        failed, intended = await asyncio.gather(
            store._writer.run(bug), store.intend(JOB, "e00"), return_exceptions=True
        )
        assert isinstance(failed, ZeroDivisionError)
        assert intended is None
        assert [(item.phase, item.position) for item in await store.items(JOB)] == [(Phase.INTENDED, 0)]


async def test_what_a_failed_statement_was_run_with_is_not_in_its_error(url: str) -> None:
    async with opened(url) as store:
        for engine in (store._database.writer, store._database.reader):
            with pytest.raises(SQLAlchemyError) as raised, engine.connect() as connection:
                connection.execute(text("SELECT 1 FROM nowhere WHERE name = :name"), {"name": "Ada Example"})
            assert "FROM nowhere" in str(raised.value)
            assert "Ada" not in str(raised.value)


async def test_a_cancelled_waiter_leaves_the_others_alone(url: str) -> None:
    async with planned(url, "e00", "e01") as store:
        cancelled = asyncio.create_task(store.intend(JOB, "e00"))
        other = asyncio.create_task(store.intend(JOB, "e01"))
        await asyncio.sleep(0)
        cancelled.cancel()
        await other
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert await phases(store) == [Phase.INTENDED] * 2


async def test_closing_finishes_what_waits_and_refuses_what_comes_later(url: str) -> None:
    async with planned(url, *ENTRIES) as store:
        writers = [asyncio.create_task(store.intend(JOB, entry_id)) for entry_id in ENTRIES]
        await asyncio.sleep(0)
        await store.close()
        await asyncio.gather(*writers)
        with pytest.raises(StoreClosedError):
            await store.see_company("a")
        with pytest.raises(StoreClosedError):
            await store.items(JOB)
    async with opened(url) as store:
        assert await phases(store) == [Phase.INTENDED] * 16
