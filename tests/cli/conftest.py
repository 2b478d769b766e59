"""A simulated Pleo for the commands, and a company in it for each test."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from pleo_export.simulator.server import RunningSimulator
from tests.cli.desk import Desk


@pytest.fixture(scope="session")
def simulator_url() -> Iterator[str]:
    with RunningSimulator(seed=3) as simulator:
        yield simulator.url


@pytest.fixture
def desk(tmp_path: Path, simulator_url: str, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A bookkeeper's desk: settings, an API key in the environment, and the commands."""
    desk = Desk(tmp_path, simulator_url, str(uuid4()))
    monkeypatch.setenv("PLEO_EXPORT_API_KEY", desk.key)
    return desk
