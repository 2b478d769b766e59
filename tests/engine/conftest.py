"""The engine's tests run on a file and on a PostgreSQL server; both are given to them as a URL."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import make_url

from tests.engine.bench import Bench
from tests.store.postgres_server import PostgresServer, a_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    # Not in pytest's own folder: each session that starts closes it to other users, and the server may run as one.
    with (
        tempfile.TemporaryDirectory(prefix="engine-", ignore_cleanup_errors=True) as folder,
        a_server(Path(folder)) as server,
    ):
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> str:
    """An empty database."""
    name = f"engine_{uuid4().hex}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return make_url(postgres.url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an engine can keep its runs."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/engine.db"
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
def bench(url: str) -> Iterator[Bench]:
    with Bench(url) as bench:
        yield bench
