"""The engine's own database: a SQLite file or a PostgreSQL database, behind one kind of address."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import psycopg
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from pleo_export.engine.errors import OldSqliteError, UnknownEngineUrlError

CONNECTIONS_MAX = 20
BUSY_TIMEOUT_SECONDS = 30.0
# Each connection keeps pages of its own, 2 MB by default. Looks are at the same few pages.
PAGES_KEPT_KB = 256
# A worker whose cable is pulled is given up after 5 + 3 * 2 seconds; the system's own default is two hours.
KEEPALIVE = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 11_000,
    "connect_timeout": 10,
}
# A worker that is frozen inside a transaction loses its locks after a minute.
SESSION = ("SET idle_in_transaction_session_timeout = 60000", "SET search_path = pleo_export_engine")


def address(url: str) -> URL:
    """Return the address with the driver that is used for it. Raises UnknownEngineUrlError."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UnknownEngineUrlError("What was given") from None
    match parsed.get_backend_name():
        case "sqlite" if parsed.database:
            return parsed.set(drivername="sqlite")
        case "postgresql" if parsed.database:
            return parsed.set(drivername="postgresql+psycopg")
    raise UnknownEngineUrlError(parsed.render_as_string(hide_password=True))


def is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def sqlite_path(url: URL) -> Path:
    return Path(url.database or "")


def connect(url: URL) -> Engine:
    """Return the pool of connections; connects to nothing yet."""
    # Errors are logged; the values that a statement was run with are nobody's business there.
    common = {"pool_size": CONNECTIONS_MAX, "max_overflow": 0, "pool_pre_ping": True, "hide_parameters": True}
    if not is_sqlite(url):
        engine = create_engine(url, connect_args=KEEPALIVE, **common)
        event.listen(engine, "connect", _set_up_session)
        return engine
    # IMMEDIATE: a writer waits for its turn at the start, instead of failing in the middle.
    arguments = {"isolation_level": "IMMEDIATE", "timeout": BUSY_TIMEOUT_SECONDS}
    engine = create_engine(url, connect_args=arguments, **common)
    event.listen(engine, "connect", _set_up_file)
    return engine


def prepare_file(path: Path) -> None:
    """Make the file and its folder, readable and writable by several processes at once. Raises OSError, sqlite3.Error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, BUSY_TIMEOUT_SECONDS, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


def refuse_old_sqlite(
    python: tuple[int, ...] = sys.version_info[:3], sqlite: tuple[int, ...] = sqlite3.sqlite_version_info
) -> None:
    """Raise OldSqliteError where DBOS would use a function that this SQLite lacks: it decides by Python's version."""
    if python >= (3, 12) and sqlite < (3, 42):
        raise OldSqliteError(".".join(map(str, python)), ".".join(map(str, sqlite)))


def _set_up_session(connection: psycopg.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.autocommit = True
    for statement in SESSION:
        connection.execute(statement)
    connection.autocommit = False


def _set_up_file(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(f"PRAGMA cache_size=-{PAGES_KEPT_KB}")
