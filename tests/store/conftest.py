"""The store's tests run on a file and on a PostgreSQL server; both are given to them as a URL."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from pleo_export.store import sqlite_url
from tests.store.postgres_server import PostgresServer, a_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    # Not pytest's own temporary folder: a server that root starts runs as another user, who may not enter there.
    with TemporaryDirectory(prefix="pleo-export-postgres-") as folder, a_server(Path(folder)) as server:
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> str:
    """A database without a store."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("SET client_min_messages = warning")
        connection.execute("DROP SCHEMA IF EXISTS pleo_export CASCADE")
    return postgres.url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new store can be made."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "store.db")
    found: str = request.getfixturevalue("postgres_url")
    return found
