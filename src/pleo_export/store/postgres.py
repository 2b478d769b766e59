"""All that only PostgreSQL knows: how a connection is set up, what its errors mean, how one process holds a name alone."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from hashlib import blake2b
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError

from pleo_export.store.errors import (
    DamagedStoreError,
    StoreAddressError,
    StoreConflictError,
    StoreError,
    StoreFailedError,
    StoreFullError,
    StoreLockedError,
    StoreNotWritableError,
    StoreUnreachableError,
)
from pleo_export.store.tables import OPEN, jobs_open

# Not where the index is described: SQLAlchemy would load all that it knows of PostgreSQL, 2 MB, for who uses a file.
jobs_open.dialect_kwargs["postgresql_where"] = OPEN

# Our tables stand in a schema of their own, so that the database may hold other things as well.
SCHEMA = "pleo_export"
EXCLUSIVE_WAIT_SECONDS = 60

# How the client notices a server that vanished: 5 s without a word, then 3 questions 2 s apart.
CLIENT = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 11_000,
    "application_name": "pleo-export",
}
READERS = 2  # one for those who work, one for those who look
SESSION = {
    "search_path": SCHEMA,
    # A server may be set to answer before a commit is on the disk; we may not live with that.
    "synchronous_commit": "on",
    # How the server notices a client that vanished, and frees what it had locked.
    "tcp_keepalives_idle": 5,
    "tcp_keepalives_interval": 2,
    "tcp_keepalives_count": 3,
    # A process that is frozen inside a transaction loses its locks before those who wait for them give up.
    "idle_in_transaction_session_timeout": "10s",
    "lock_timeout": "15s",
}

# By SQLSTATE, or by its class, the first two characters.
TOLD_BY_ITSELF: dict[str, type[StoreError]] = {
    "40001": StoreConflictError,  # could not be put in an order
    "40P01": StoreConflictError,  # deadlock
    "53100": StoreFullError,
    "55P03": StoreLockedError,  # lock_timeout
}
TOLD_WITH_DETAIL: dict[str, type[StoreError]] = {
    "08": StoreUnreachableError,  # connection lost
    "57": StoreUnreachableError,  # shut down or starting
    "25P03": StoreUnreachableError,  # idle_in_transaction_session_timeout
    "53300": StoreUnreachableError,  # too many connections
    "25006": StoreNotWritableError,  # a standby
    "42501": StoreNotWritableError,  # no right
    "XX001": DamagedStoreError,
    "XX002": DamagedStoreError,
}


class PostgresDatabase:
    """One database of a PostgreSQL server, found by a URL as libpq reads it.

    A connection that was lost is made anew by the next use. Raises StoreAddressError for a URL that cannot be read.
    """

    driver_errors = (DBAPIError, psycopg.Error)

    def __init__(self, url: str) -> None:
        try:
            self._address: dict[str, Any] = {**CLIENT, **conninfo_to_dict(url)}
        except psycopg.ProgrammingError:
            raise StoreAddressError from None  # the driver's sentence may hold the password
        name, host = self._address.get("dbname", ""), self._address.get("host", "localhost")
        self.place = f"the PostgreSQL database {name} at {host}".replace("  ", " ")
        self.writer = self._engine()
        self.reader = self._engine(READERS, default_transaction_read_only="on")

    @contextmanager
    def preparing(self) -> Iterator[Connection]:
        """Make the schema where there is none, and keep every other process that prepares waiting."""
        with self.writer.begin() as connection:
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_key("preparing"),))
            known = connection.exec_driver_sql("SELECT 1 FROM pg_namespace WHERE nspname = %s", (SCHEMA,))
            # Not IF NOT EXISTS, which asks for the right to make one even where it exists.
            if known.first() is None:
                connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")
            yield connection

    def verify_in_place(self) -> None:
        """Do nothing: a database cannot be exchanged under an open connection."""

    def explained(self, error: DBAPIError | psycopg.Error) -> StoreError:
        """Return what the driver's error means to whoever runs the service."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        state = getattr(cause, "sqlstate", None)
        if state is None and isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
            return StoreUnreachableError(self.place, _first_line(cause))
        if state in TOLD_BY_ITSELF:
            return TOLD_BY_ITSELF[state](self.place)
        told = TOLD_WITH_DETAIL.get(state or "") or TOLD_WITH_DETAIL.get((state or "")[:2], StoreFailedError)
        return told(self.place, _first_line(cause))

    @asynccontextmanager
    async def exclusively(self, name: str) -> AsyncIterator[None]:
        """Hold the name alone. The server frees it when the connection ends, however the process does."""
        connection = await self._holding(name)
        try:
            yield
        finally:
            await connection.close()

    async def _holding(self, name: str) -> psycopg.AsyncConnection[Any]:
        connection = None
        try:
            address = self._with_session(lock_timeout=f"{EXCLUSIVE_WAIT_SECONDS}s")
            connection = await psycopg.AsyncConnection.connect(**address, autocommit=True)
            await connection.execute("SELECT pg_advisory_lock(%s)", (_key(f"exclusive {name}"),))
        except BaseException as error:
            if connection is not None:
                await connection.close()
            if isinstance(error, psycopg.Error):
                raise self.explained(error) from error
            raise
        return connection

    def dispose(self) -> None:
        """Close every connection."""
        self.reader.dispose()
        self.writer.dispose()

    def _engine(self, connections: int = 1, **session: str) -> Engine:
        return create_engine(
            "postgresql+psycopg://",
            creator=partial(psycopg.connect, **self._with_session(**session)),
            isolation_level="READ COMMITTED",
            # A connection that the server lost is found out before it is used, and replaced.
            pool_pre_ping=True,
            pool_size=connections,
            max_overflow=0,
            hide_parameters=True,  # what an error of ours chains may be logged
        )

    def _with_session(self, **session: str) -> dict[str, Any]:
        ours = " ".join(f"-c {name}={value}" for name, value in {**SESSION, **session}.items())
        return {**self._address, "options": f"{self._address.get('options', '')} {ours}".strip()}


def _key(name: str) -> int:
    """Return the number that PostgreSQL knows a lock of this name by."""
    return int.from_bytes(blake2b(f"{SCHEMA} {name}".encode(), digest_size=8).digest(), "big", signed=True)


def _first_line(error: BaseException | None) -> str:
    return str(error).strip().partition("\n")[0]
