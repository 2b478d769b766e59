"""What makes a worker useless, and what it survives: the thread that watches the others ends, hangs, or has trouble."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from pleo_export.engine import Engine, Pace
from pleo_export.engine.watch import Watch
from tests.engine.bench import PATIENCE_SECONDS, StoppedClock, eventually

Look = Callable[[Watch, float], None]
PACE = Pace(poll=0.02, look=0.01)


class Looks:
    """Every look of a watch goes through here: `so` is what it does instead, where that is set."""

    def __init__(self) -> None:
        self.so: Callable[[], None] | None = None
        self.count = 0

    def in_place_of(self, real: Look) -> Look:
        def look(watch: Watch, now: float) -> None:
            self.count += 1
            (self.so or (lambda: real(watch, now)))()

        return look


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    looks = Looks()
    monkeypatch.setattr(Watch, "look", looks.in_place_of(Watch.look))
    return looks


@contextmanager
def working(folder: Path, pace: Pace = PACE) -> Iterator[Engine]:
    engine = Engine(f"sqlite:///{folder}/engine.db", StoppedClock(), pace=pace)
    engine.register(lambda *_: None)
    engine.start()
    try:
        yield engine
    finally:
        engine.stop(PATIENCE_SECONDS)


@pytest.mark.slow
def test_a_worker_that_does_its_part_has_no_fault_before_during_and_after_its_work(
    looks: Looks, tmp_path: Path
) -> None:
    with working(tmp_path) as engine:
        eventually(lambda: looks.count > 3)
        assert engine.fault() is None
    assert engine.fault() is None
    only_fires = Engine(f"sqlite:///{tmp_path}/engine.db", StoppedClock())
    assert only_fires.fault() is None
    only_fires.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_watch_that_ends_by_a_fault_is_told(looks: Looks, tmp_path: Path) -> None:
    def fail() -> None:
        raise RuntimeError

    with working(tmp_path) as engine:
        looks.so = fail
        eventually(lambda: engine.fault() is not None)
        assert engine.fault() == "The watch over the other workers has ended by a fault; the log tells which."


@pytest.mark.slow
def test_a_watch_that_hangs_is_told_until_it_goes_on(looks: Looks, tmp_path: Path) -> None:
    freed = threading.Event()

    def hang() -> None:
        freed.wait(PATIENCE_SECONDS)

    with working(tmp_path, PACE._replace(hang=0.2)) as engine:
        looks.so = hang
        eventually(lambda: engine.fault() is not None)
        assert re.fullmatch(
            r"The watch over the other workers has hung for \d+ seconds\.", engine.fault() or "it goes on"
        )
        freed.set()
        eventually(lambda: engine.fault() is None)


@pytest.mark.slow
@pytest.mark.parametrize(
    "trouble",
    [
        OperationalError("SELECT 1", {}, Exception()),
        PoolTimeoutError(),
        psycopg.OperationalError(),
        OSError(),
    ],
    ids=lambda trouble: type(trouble).__name__,
)
def test_a_database_that_is_away_is_no_fault(looks: Looks, tmp_path: Path, trouble: Exception) -> None:
    def fail() -> None:
        raise trouble

    with working(tmp_path) as engine:
        looks.so = fail
        before = looks.count
        eventually(lambda: looks.count > before + 3)
        assert engine.fault() is None
