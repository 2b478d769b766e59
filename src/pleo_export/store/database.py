"""Where a store lies, and what is asked of the database that holds it."""

from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, unquote

from sqlalchemy import Connection, Engine

from pleo_export.store.errors import StoreAddressError, StoreError
from pleo_export.store.sqlite import SqliteFile

SQLITE = "sqlite:///"


class Database(Protocol):
    """One database, with an engine that writes and one that cannot.

    `place` names it in a sentence, without credentials. `driver_errors` is what a use of either engine may raise, wrapped
    by SQLAlchemy or not.
    """

    @property
    def place(self) -> Path | str: ...
    @property
    def writer(self) -> Engine: ...
    @property
    def reader(self) -> Engine: ...
    @property
    def driver_errors(self) -> tuple[type[Exception], ...]: ...

    def preparing(self) -> AbstractContextManager[Connection]:
        """Check that the database is ours or empty, then be alone in a transaction that makes its tables ready."""
        ...

    def verify_in_place(self) -> None:
        """Raise StoreReplacedError where what was written just now went to another database than before."""
        ...

    def explained(self, error: Any) -> StoreError:
        """Return what one of the `driver_errors` means to whoever runs the service."""
        ...

    def exclusively(self, name: str) -> AbstractAsyncContextManager[None]:
        """Hold the name alone, over all processes that use this database. Raises StoreLockedError after a minute."""
        ...

    def dispose(self) -> None:
        """Close every connection."""
        ...


def database_at(url: str) -> Database:
    """Return the database of the URL, without opening it yet. Raises StoreAddressError."""
    if (path := sqlite_path(url)) is not None:
        return SqliteFile(path)
    if url.startswith(("postgresql://", "postgres://")):
        # Its driver takes as long to load as the rest of the store, and a file needs none of it.
        from pleo_export.store.postgres import PostgresDatabase  # noqa: PLC0415

        return PostgresDatabase(url)
    raise StoreAddressError


def sqlite_url(path: Path) -> str:
    """Return the URL of a store in a file."""
    return SQLITE + quote(str(path.absolute()))


def sqlite_path(url: str) -> Path | None:
    """Return the file that the URL names, None where it names no file."""
    named = unquote(url.removeprefix(SQLITE))
    return Path(named) if url.startswith(SQLITE) and named else None
