import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import pleo_export
from pleo_export.engine import (
    Engine,
    EngineAlreadyStartedError,
    EngineUnreachableError,
    NothingToRunError,
    OldSqliteError,
    UnknownEngineUrlError,
)
from pleo_export.engine.database import refuse_old_sqlite
from tests.engine.bench import Bench, StoppedClock, wait_until_idle


def test_an_address_of_something_else_is_refused() -> None:
    with pytest.raises(UnknownEngineUrlError, match=r"mysql://me:\*\*\*@host/db is no address"):
        Engine("mysql://me:secret@host/db", StoppedClock())
    with pytest.raises(UnknownEngineUrlError, match="no address"):
        Engine("engine.db", StoppedClock())


@pytest.mark.parametrize("python", [(3, 12, 0), (3, 13, 5)])
def test_a_python_that_needs_a_newer_sqlite_is_refused_with_what_to_do(python: tuple[int, ...]) -> None:
    with pytest.raises(OldSqliteError, match=r"SQLite 3\.42 or later is needed"):
        refuse_old_sqlite(python, (3, 40, 1))


@pytest.mark.parametrize(("python", "sqlite"), [((3, 11, 7), (3, 40, 1)), ((3, 13, 5), (3, 42, 0))])
def test_other_pairs_of_python_and_sqlite_are_taken(python: tuple[int, ...], sqlite: tuple[int, ...]) -> None:
    refuse_old_sqlite(python, sqlite)


def test_a_server_that_does_not_answer_is_told_without_its_password() -> None:
    engine = Engine("postgresql://me:secret@127.0.0.1:1/db", StoppedClock())
    with pytest.raises(EngineUnreachableError) as raised:
        engine.fire("company-a", "webhook")
    engine.close()
    assert "postgresql+psycopg://me:***@127.0.0.1:1/db cannot be used" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    engine = Engine(f"sqlite:///{tmp_path}/file/engine.db", StoppedClock())
    engine.register(lambda _begun: None)
    with pytest.raises(EngineUnreachableError, match=r"Not a directory|File exists"):
        engine.start()
    engine.close()


@pytest.mark.slow
def test_an_engine_that_could_not_start_does_not_keep_another_from_it(tmp_path: Path) -> None:
    test_a_file_that_cannot_be_made_is_told(tmp_path)
    with Bench(f"sqlite:///{tmp_path}/engine.db") as bench:
        engine = bench.working()
        engine.fire("company-a", "webhook")
        wait_until_idle(engine)
        assert bench.companies() == ["company-a"]


def test_an_engine_without_work_to_do_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(NothingToRunError):
        Engine(f"sqlite:///{tmp_path}/engine.db", StoppedClock()).start()


@pytest.mark.slow
def test_a_second_working_engine_in_one_process_is_refused(tmp_path: Path) -> None:
    with Bench(f"sqlite:///{tmp_path}/engine.db") as bench:
        bench.working()
        with pytest.raises(EngineAlreadyStartedError):
            bench.working()


def test_the_file_may_be_read_and_written_by_several_processes_at_once(tmp_path: Path) -> None:
    with Bench(f"sqlite:///{tmp_path}/deep/engine.db") as bench:
        bench.engine().fire("company-a", "webhook")
    with closing(sqlite3.connect(tmp_path / "deep" / "engine.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.slow
def test_dbos_writes_to_no_console_of_its_own(tmp_path: Path) -> None:
    with Bench(f"sqlite:///{tmp_path}/engine.db") as bench:
        bench.working()
        handlers = [type(handler) for handler in logging.getLogger("dbos").handlers]
    assert logging.StreamHandler not in handlers


def test_one_module_knows_dbos() -> None:
    source = Path(pleo_export.__file__).parent
    knowing = [
        str(path.relative_to(source))
        for path in source.rglob("*.py")
        if "import dbos" in (code := path.read_text(encoding="utf-8")) or "from dbos" in code
    ]
    assert knowing == ["engine/queue.py"]
