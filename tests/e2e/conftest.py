"""For end-to-end tests: the databases that several workers share."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pleo_export.store import sqlite_url
from tests.store.postgres_server import PostgresServer, a_server


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    # Not pytest's own folder: a server that root starts runs as another user, who may not enter there.
    with TemporaryDirectory(prefix="pleo-export-postgres-") as folder, a_server(Path(folder)) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "service.db")
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.url
