import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from pleo_export.domain.progress import Company, Phase
from pleo_export.store import Store, StoreError, sqlite_path, sqlite_url
from pleo_export.store.errors import (
    DamagedStoreError,
    NewerStoreError,
    NotAStoreError,
    StoreFullError,
    StoreLockedError,
    StoreNotWritableError,
    StoreReplacedError,
)
from pleo_export.store.migrate import HEAD, migrate
from pleo_export.store.sqlite import PAGES_READ_KEPT_KB, SqliteFile
from pleo_export.store.tables import metadata
from tests.store.stores import (
    COMPANY,
    JOB,
    NOON,
    StoppedClock,
    create_entry,
    opened,
    planned,
    reject,
    succeed,
)


async def pragma(store: Store, text: str) -> object:
    """Ask the connection that writes."""

    def ask(connection: Connection) -> object:
        answer = connection.exec_driver_sql(f"PRAGMA {text}")
        return answer.scalar() if answer.returns_rows else None

    return await store._writer.run(ask)


def at(folder: Path) -> str:
    return sqlite_url(folder / "store.db")


def content(path: Path) -> bytes:
    return path.read_bytes()


async def refused(path: Path, error: type[StoreError]) -> str:
    """Open the file in vain; nothing in it may change. Returns what the user reads."""
    before = content(path)
    with pytest.raises(error) as raised:
        await Store.open(sqlite_url(path), lambda: NOON)
    assert content(path) == before
    return str(raised.value)


async def test_opening_makes_the_folder_and_a_second_opening_finds_everything(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "100% of it?"
    async with planned(at(folder), "e1", "e2") as store:
        await succeed(store, "e1")
        before = await store.items(JOB)
    assert (folder / "store.db").is_file()
    async with opened(at(folder)) as store:
        assert await store.items(JOB) == before


@pytest.mark.parametrize("name", ["store.db", "100% of it?.db", "#1 & ü.db", "a%20b.db"])
def test_the_url_of_a_file_leads_back_to_it(tmp_path: Path, name: str) -> None:
    assert sqlite_path(sqlite_url(tmp_path / name)) == tmp_path / name


def test_a_url_names_a_file_from_the_root_or_from_here() -> None:
    assert sqlite_path("sqlite:////srv/my%20books/store.db") == Path("/srv/my books/store.db")
    assert sqlite_path("sqlite:///store.db") == Path("store.db")
    assert sqlite_path("postgresql://host/store.db") is None
    assert sqlite_url(Path("store.db")) == sqlite_url(Path.cwd() / "store.db")


async def test_the_writer_syncs_every_commit_to_a_write_ahead_log(tmp_path: Path) -> None:
    async with opened(at(tmp_path)) as store:
        assert await pragma(store, "journal_mode") == "wal"
        assert await pragma(store, "synchronous") == 2  # FULL
        assert await pragma(store, "foreign_keys") == 1
        assert await pragma(store, "busy_timeout") == 20_000


async def test_the_reading_engine_cannot_write(tmp_path: Path) -> None:
    async with planned(at(tmp_path), "e1") as store:
        with pytest.raises(StoreNotWritableError):
            await store._reader.run(lambda connection: connection.exec_driver_sql("DELETE FROM items"))
        assert len(await store.items(JOB)) == 1


def test_the_newest_migration_is_the_one_that_opening_looks_for() -> None:
    config = Config()
    config.set_main_option("script_location", "pleo_export.store:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_the_migrations_lead_to_the_tables_the_code_uses(tmp_path: Path) -> None:
    file = SqliteFile(tmp_path / "store.db")
    with file.preparing() as connection:
        migrate(connection, None)
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert context.get_current_revision() == HEAD
        assert compare_metadata(context, metadata) == []
    file.dispose()


def test_whoever_reads_keeps_little_of_a_large_file(tmp_path: Path) -> None:
    file = SqliteFile(tmp_path / "store.db")
    with file.reader.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA cache_size").scalar() == -PAGES_READ_KEPT_KB
    file.dispose()


def earlier_store(path: Path, revision: str) -> None:
    """A store as an earlier version left it, in the middle of a job."""
    file = SqliteFile(path)
    with file.preparing() as connection:
        migrate(connection, None, revision)
    file.dispose()
    with closing(sqlite3.connect(path)) as rows, rows:
        seen = "2026-03-01 12:00:00.000000"
        rows.execute("INSERT INTO companies (company_id, first_seen_at) VALUES (?, ?)", (COMPANY, seen))
        rows.execute(
            "INSERT INTO jobs (job_id, company_id, first_seen_at) VALUES (?, ?, ?)", (JOB, COMPANY, seen)
        )
        rows.executemany(
            "INSERT INTO items (job_id, accounting_entry_id, position, phase, failure_type, failure_reason,"
            " already_there, unknown) VALUES (?, ?, ?, ?, ?, ?, 0, 0)",
            [
                (JOB, "e1", 0, "rejected", "account_unknown", "Account 9999 does not exist."),
                (JOB, "e2", 1, "intended", None, None),
            ],
        )


@pytest.mark.parametrize("revision", ["0001", "0002"])
async def test_a_store_of_an_earlier_version_keeps_its_items_and_goes_on(
    tmp_path: Path, revision: str
) -> None:
    path = tmp_path / "store.db"
    earlier_store(path, revision)
    async with opened(sqlite_url(path)) as store:
        first, second = await store.items(JOB)
        assert (first.failure_type, first.failure_reason, first.failure_code, first.note) == (
            "account_unknown",
            "Account 9999 does not exist.",
            None,
            None,
        )
        assert second.phase is Phase.INTENDED
        await reject(store, "e2")
        assert (await store.item(JOB, "e2")).failure_code == "account-unknown"
        assert await store.companies() == [Company(company_id=COMPANY, first_seen_at=NOON)]
        await store.add_company(COMPANY, "A", "", "/srv")
        await store.take_lease(COMPANY, 1, "worker-1")
        assert (await store.company(COMPANY)).active
    async with opened(sqlite_url(path)) as store:
        assert await pragma(store, "quick_check") == "ok"
        assert len(await store.items(JOB)) == 2


async def test_a_new_store_needs_no_migration(tmp_path: Path) -> None:
    async with opened(at(tmp_path)) as store:
        with store._database.reader.begin() as connection:
            context = MigrationContext.configure(connection, opts={"compare_server_default": True})
            assert context.get_current_revision() == HEAD
            assert compare_metadata(context, metadata) == []


async def test_a_migration_that_fails_leaves_no_half_schema(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "store.db"
    file = SqliteFile(path)
    monkeypatch.setattr("alembic.op.create_index", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError), file.preparing() as connection:
        migrate(connection, None)
    file.dispose()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    async with opened(sqlite_url(path)) as store:
        assert await store.companies() == []


async def test_a_text_file_is_refused_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Remember the milk.\n" * 100)
    assert await refused(path, NotAStoreError) == (
        f"{path} is not a store of pleo-export; nothing was changed in it. Name another file, or move this one away."
    )


async def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (title)")
    assert "is not a store of pleo-export" in await refused(path, NotAStoreError)


async def test_the_store_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with opened(sqlite_url(path)):
        pass
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "written by a newer version of pleo-export (its schema is 9999" in await refused(
        path, NewerStoreError
    )


@pytest.mark.parametrize("first_damaged_byte", [100, 4096])
async def test_a_damaged_store_is_refused(tmp_path: Path, first_damaged_byte: int) -> None:
    path = tmp_path / "store.db"
    async with planned(at(tmp_path), *(f"e{number}" for number in range(500))):
        pass
    damaged = bytearray(content(path))
    damaged[first_damaged_byte : first_damaged_byte + 4000] = b"\xa5" * 4000
    path.write_bytes(damaged)
    assert "is damaged" in await refused(path, DamagedStoreError)


async def test_a_store_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with planned(at(tmp_path), *(f"e{number}" for number in range(500))):
        pass
    path.write_bytes(path.read_bytes()[:20480])
    assert "is damaged" in await refused(path, DamagedStoreError)


async def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.touch()
    async with opened(sqlite_url(path)) as store:
        assert await store.companies() == []


async def test_a_path_that_cannot_be_a_file_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "store.db"):
        with pytest.raises(StoreNotWritableError, match="Give this user the right"):
            await Store.open(sqlite_url(path), lambda: NOON)


async def test_a_full_disk_fails_the_write_in_words_and_work_goes_on_once_there_is_room(
    tmp_path: Path,
) -> None:
    async with planned(at(tmp_path), "e1") as store:
        await pragma(store, "max_page_count=1")  # SQLite takes the present size, if that is more
        outcomes = await asyncio.gather(
            store.intend(JOB, "e1"),
            store.plan(JOB, [f"more-{number}" for number in range(1000)]),
            return_exceptions=True,
        )
        # SQLite ends the whole transaction, so the neighbour must not be told that its work is done.
        assert [type(outcome) for outcome in outcomes] == [StoreFullError, StoreFullError]
        assert "Free some space" in str(outcomes[0])
        assert (await store.item(JOB, "e1")).phase is Phase.PLANNED
        await store.intend(JOB, "e1")
        await pragma(store, "max_page_count=100000")
        await store.plan(JOB, ["e2"])
        assert [item.phase for item in await store.items(JOB)] == [Phase.INTENDED, Phase.PLANNED]


async def test_a_store_that_became_read_only_says_so(tmp_path: Path) -> None:
    async with planned(at(tmp_path), "e1") as store:
        await pragma(store, "query_only=ON")
        with pytest.raises(StoreNotWritableError, match="not read-only"):
            await store.intend(JOB, "e1")


async def test_a_lock_held_for_too_long_is_told_and_the_write_works_afterwards(tmp_path: Path) -> None:
    async with planned(at(tmp_path), "e1") as store:
        await pragma(store, "busy_timeout=0")
        with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreLockedError, match="locked by another program"):
                await store.intend(JOB, "e1")
            assert (await store.item(JOB, "e1")).phase is Phase.PLANNED  # reading goes on meanwhile
        await store.intend(JOB, "e1")


@pytest.mark.parametrize("replaced", [False, True])
async def test_a_file_that_was_deleted_or_exchanged_is_never_taken_for_kept(
    tmp_path: Path, *, replaced: bool
) -> None:
    path = tmp_path / "store.db"
    async with planned(at(tmp_path), "e1") as store:
        await store.intend(JOB, "e1")
        path.rename(tmp_path / "gone.db")
        if replaced:
            path.touch()
        with pytest.raises(StoreReplacedError, match="Restart the service"):
            await create_entry(store, "e1")


async def test_nobody_else_reads_a_new_store(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = await Store.open(sqlite_url(path), StoppedClock())
    await store.see_company("company-a")
    files = sorted(path.parent.glob("store.db*"))
    assert len(files) >= 2, "its journal lies beside it"
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    await store.close()
