"""All that only SQLite knows: engines, pragmas, what the file is, what its errors mean, locks beside it."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

from filelock import AsyncFileLock, Timeout
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from pleo_export.store.errors import (
    DamagedStoreError,
    NotAStoreError,
    StoreError,
    StoreFailedError,
    StoreFullError,
    StoreLockedError,
    StoreNotWritableError,
    StoreReplacedError,
)
from pleo_export.store.lease import lock_file

APPLICATION_ID = 0x504C454F  # "PLEO", in the file's header: SQLite's own way to say whose file it is
FILE_MAGIC = b"SQLite format 3\x00"
# Several workers may share the file: one of them was seen to wait 2.5 s for its turn while four wrote without a pause.
BUSY_TIMEOUT_SECONDS = 20.0
EXCLUSIVE_WAIT_SECONDS = 60.0
# A connection keeps pages of its own, 2 MB by default. Who reads a job from end to end has no use for them again.
PAGES_READ_KEPT_KB = 256


class SqliteFile:
    """One database file: an engine that writes, and one that cannot.

    `driver_errors` is what a use of either may raise, wrapped by SQLAlchemy or not; `explained` translates it.
    """

    driver_errors = (DBAPIError, sqlite3.Error)

    def __init__(self, path: Path) -> None:
        self.path = self.place = path
        # IMMEDIATE: a writer waits for its turn at the start, instead of failing in the middle.
        self.writer = _engine(path, begin="BEGIN IMMEDIATE", pragmas=("synchronous=FULL", "foreign_keys=ON"))
        reading = ("query_only=ON", f"cache_size=-{PAGES_READ_KEPT_KB}")
        self.reader = _engine(path, begin="BEGIN", pragmas=reading)
        self._inode = 0

    @contextmanager
    def preparing(self) -> Iterator[Connection]:
        """Make the folder, check that the file is ours or empty, switch it to WAL, and yield a transaction.

        Raises NotAStoreError, DamagedStoreError, StoreNotWritableError, or what else `explained` tells apart.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.exists() and not may_be_store(self.path):
                raise NotAStoreError(self.path)
            # Names and amounts stand in it; its journals get the same rights.
            self.path.touch(0o600)
        except OSError as error:
            raise StoreNotWritableError(self.path, error.strerror or str(error)) from error
        try:
            # Without SQLAlchemy: the journal mode cannot be changed inside a transaction.
            with closing(
                sqlite3.connect(self.path, BUSY_TIMEOUT_SECONDS, isolation_level=None)
            ) as connection:
                self._claim(connection)
                connection.execute("PRAGMA journal_mode=WAL")
            self._inode = self.path.stat().st_ino
        except sqlite3.Error as error:
            raise self.explained(error) from error
        with self.writer.begin() as connection:
            yield connection

    def _claim(self, connection: sqlite3.Connection) -> None:
        if _ask(connection, "PRAGMA application_id") != APPLICATION_ID:
            if _ask(connection, "SELECT count(*) FROM sqlite_master"):
                raise NotAStoreError(self.path)
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        finding = _ask(connection, "PRAGMA quick_check(1)")
        if finding != "ok":
            raise DamagedStoreError(self.path, str(finding))

    def verify_in_place(self) -> None:
        """Raise StoreReplacedError where the path no longer leads to the file that was opened."""
        try:
            inode = self.path.stat().st_ino
        except OSError:
            inode = 0
        if inode != self._inode:
            raise StoreReplacedError(self.path)

    def explained(self, error: DBAPIError | sqlite3.Error) -> StoreError:
        """Return what the driver's error means to whoever runs the service."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        detail = str(cause)
        code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        match code & 0xFF:  # the low byte is the kind, the rest its variety
            case sqlite3.SQLITE_FULL:
                return StoreFullError(self.path)
            case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
                return StoreNotWritableError(self.path, detail)
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                return StoreLockedError(self.path)
            case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
                return DamagedStoreError(self.path, detail)
            case _:
                return StoreFailedError(self.path, detail)

    @asynccontextmanager
    async def exclusively(self, name: str) -> AsyncIterator[None]:
        """Hold the name alone, by a lock beside the file. The kernel frees it when its process dies."""
        path = lock_file(self.path, f"exclusive {name}")
        lock = AsyncFileLock(path, timeout=EXCLUSIVE_WAIT_SECONDS, run_in_executor=False)
        try:
            await lock.acquire()
        except Timeout:
            raise StoreLockedError(path) from None
        try:
            yield
        finally:
            await lock.release()

    def dispose(self) -> None:
        """Close every connection."""
        self.reader.dispose()
        self.writer.dispose()


def _engine(path: Path, *, begin: str, pragmas: tuple[str, ...]) -> Engine:
    # isolation_level None: the driver starts no transactions of its own, the listener below starts all of them.
    address = URL.create("sqlite", database=str(path))
    engine = create_engine(
        address, connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT_SECONDS}, hide_parameters=True
    )

    def on_connect(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
    return engine


def _ask(connection: sqlite3.Connection, question: str) -> object:
    return connection.execute(question).fetchone()[0]


def may_be_store(path: Path) -> bool:
    """Whether a file is empty or begins like a database. Reads only; raises OSError."""
    with path.open("rb") as file:
        return file.read(len(FILE_MAGIC)) in (b"", FILE_MAGIC)
