"""How a worker is known to live: it holds a lock that the kernel, or PostgreSQL, frees by itself when the process dies."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL

from pleo_export import file_locks
from pleo_export.engine.database import KEEPALIVE, is_sqlite, sqlite_path


class Liveness(Protocol):
    """The locks of all workers on one database. For one thread, but for `release` after that thread has ended."""

    def hold(self, worker: str) -> None:
        """Take the worker's own lock, or take it again where it was lost; where another looks at it, the next time."""

    def grasped(self, worker: str) -> AbstractContextManager[bool]:
        """Try to hold another worker's lock while the body runs; True where it was free, so its worker is dead."""

    def release(self) -> None:
        """Let go of the own lock."""


def liveness_at(url: URL) -> Liveness:
    """Return the locks that belong to a database: files beside a SQLite file, sessions of a PostgreSQL server."""
    if is_sqlite(url):
        path = sqlite_path(url)
        return FileLiveness(path.with_name(f"{path.name}.workers"))
    return SessionLiveness(url)


class FileLiveness:
    """A locked file a worker: for workers on one machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: tuple[int, Path] | None = None

    def hold(self, worker: str) -> None:
        if self._held is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / worker
        descriptor = file_locks.attempt(path, os.O_CREAT)
        self._held = None if descriptor is None else (descriptor, path)

    @contextmanager
    def grasped(self, worker: str) -> Iterator[bool]:
        path = self._folder / worker
        try:
            descriptor = file_locks.attempt(path)
        except FileNotFoundError:  # it was seen free before, by us or by another worker
            yield True
            return
        if descriptor is None:
            yield False
            return
        try:
            yield True
        finally:
            path.unlink(missing_ok=True)
            os.close(descriptor)

    def release(self) -> None:
        if self._held is not None:
            descriptor, path = self._held
            path.unlink(missing_ok=True)
            os.close(descriptor)
            self._held = None


class SessionLiveness:
    """An advisory lock a worker, on a connection of its own: for workers on many machines."""

    def __init__(self, url: URL) -> None:
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._address = make_conninfo(plain, **KEEPALIVE)
        self._session: psycopg.Connection | None = None
        self._held = False

    def hold(self, worker: str) -> None:
        if self._session is None:
            self._held = False
            self._session = psycopg.connect(self._address, autocommit=True)
            # The server's side of it: where a cable is pulled, the server has to notice that we are gone.
            for name, value in (("idle", 5), ("interval", 2), ("count", 3)):
                self._session.execute(f"SET tcp_keepalives_{name} = {value}")
            self._session.execute("SET tcp_user_timeout = 11000")
        if not self._held:
            self._held = self._attempt(worker)
        else:
            self._ask("SELECT true")

    @contextmanager
    def grasped(self, worker: str) -> Iterator[bool]:
        free = self._attempt(worker)
        try:
            yield free
        finally:
            if free:
                self._ask("SELECT pg_advisory_unlock(%s)", _key(worker))

    def release(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session, self._held = None, False

    def _attempt(self, worker: str) -> bool:
        return self._ask("SELECT pg_try_advisory_lock(%s)", _key(worker))

    def _ask(self, question: str, *values: int) -> bool:
        if self._session is None:
            raise psycopg.OperationalError("the worker's session is lost")
        try:
            row = self._session.execute(question, values).fetchone()
        except psycopg.OperationalError:
            self.release()
            raise
        return row is not None and bool(row[0])


def _key(worker: str) -> int:
    name = f"pleo-export worker {worker}".encode()
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big", signed=True)
