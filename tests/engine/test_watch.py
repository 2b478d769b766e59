"""The watch, looked at moment by moment: its time is given to it, and the locks are what a test says."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from pleo_export.engine import RunState, database, queue
from pleo_export.engine.queue import Queue, migrate
from pleo_export.engine.runs import ATTEMPTS_MAX, Runs
from pleo_export.engine.watch import Pace, Steady, Watch
from tests.engine.bench import StoppedClock

PACE = Pace(look=0.3, confirm=1.0, silence=15.0, sweep=5.0)
ME, OTHER = "worker-me", "worker-other"


class Locks:
    """Every lock is held, but those that a test lets go."""

    def __init__(self) -> None:
        self.free = set[str]()

    def hold(self, worker: str) -> None:
        self.free.discard(worker)

    @contextmanager
    def grasped(self, worker: str) -> Iterator[bool]:
        yield worker in self.free

    def release(self) -> None:
        raise AssertionError("the watch lets go of nothing")


class Scene:
    """A watch over one other worker, which began the run of company-a."""

    def __init__(self, folder: Path) -> None:
        url = database.address(f"sqlite:///{folder}/engine.db")
        self.engine = database.connect(url)
        database.prepare_file(database.sqlite_path(url))
        migrate(url)
        self.queue = Queue(self.engine)
        self.runs = Runs(self.engine, self.queue, StoppedClock())
        self.runs.prepare()
        self.locks = Locks()
        self.at_work: set[int] = set()
        self.watch = Watch(ME, self.runs, self.queue, self.locks, PACE, at_work=self.at_work.__contains__)
        self.now = 1000.0
        self.runs.fire("company-a", "webhook")
        self.begin()

    def begin(self) -> int:
        """Let the other worker claim and begin what waits."""
        (waiting,) = self.runs.status().waiting
        claim = text(
            "UPDATE workflow_status SET status = 'PENDING', executor_id = :worker WHERE workflow_uuid = :id"
        )
        with self.engine.begin() as connection:
            connection.execute(claim, {"worker": OTHER, "id": queue.entry_id(waiting.company_id, waiting.id)})
        begun = self.runs.begin(waiting.id, OTHER)
        assert begun is not None
        self.runs.beat(OTHER, "host", 1)
        return begun.token

    def look(self, *, after: float = 0.3) -> None:
        self.now += after
        self.watch.look(self.now)
        self.watch._looked_at = self.now

    def looks(self, seconds: float) -> None:
        for _ in range(int(seconds / 0.3) + 2):  # the first begins to count
            self.look()

    def states(self) -> list[RunState]:
        return [run.state for run in self.runs.open()]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    scene.queue.close()
    scene.engine.dispose()


@pytest.mark.slow
def test_a_worker_that_holds_its_lock_and_shows_signs_of_life_is_left_alone(scene: Scene) -> None:
    for _ in range(100):
        scene.runs.beat(OTHER, "host", 1)
        scene.look()
    assert scene.states() == [RunState.RUNNING]
    assert [pulse.worker for pulse in scene.runs.pulses()] == [OTHER, ME]


def test_one_look_at_a_free_lock_is_not_enough(scene: Scene) -> None:
    for _ in range(5):  # as after a restart of the database: free for a moment
        scene.locks.free.add(OTHER)
        scene.looks(0.6)
        scene.locks.hold(OTHER)
        scene.look()
    assert scene.states() == [RunState.RUNNING]


def test_a_lock_that_stays_free_hands_the_company_on(scene: Scene) -> None:
    scene.locks.free.add(OTHER)
    scene.looks(PACE.confirm)
    (waiting,) = scene.runs.open()
    assert (waiting.state, waiting.attempt, waiting.cause) == (RunState.WAITING, 2, f"Worker {OTHER} died.")
    assert [pulse.worker for pulse in scene.runs.pulses()] == [ME]
    assert scene.queue.claimed() == []
    status = scene.runs.status()
    assert (status.takeovers, status.last_takeover) == (1, waiting)


def test_a_trigger_that_waits_already_carries_the_lost_run_on(scene: Scene) -> None:
    scene.runs.fire("company-a", "button")
    scene.locks.free.add(OTHER)
    scene.looks(PACE.confirm)
    (waiting,) = scene.runs.open()
    assert (waiting.cause, waiting.attempt) == ("button", 2)


@pytest.mark.slow
def test_a_silent_worker_is_given_up_although_it_holds_its_lock(scene: Scene) -> None:
    scene.looks(PACE.silence - 1)
    assert scene.states() == [RunState.RUNNING]
    scene.looks(2)
    (waiting,) = scene.runs.open()
    assert waiting.cause == f"Worker {OTHER} gave no sign of life for 15 seconds."


def test_a_watch_that_was_frozen_itself_blames_nobody(scene: Scene) -> None:
    scene.looks(PACE.silence - 1)
    scene.look(after=60)
    scene.looks(PACE.silence - 1)
    assert scene.states() == [RunState.RUNNING]


def test_the_run_of_a_lost_worker_cannot_be_ended_by_it_any_more(scene: Scene) -> None:
    (running,) = scene.runs.open()
    scene.locks.free.add(OTHER)
    scene.looks(PACE.confirm)
    assert not scene.runs.end(running.id, RunState.DONE, None, successor="stop")
    assert scene.states() == [RunState.WAITING]


def test_a_run_that_had_ended_when_its_worker_died_is_not_run_again(scene: Scene) -> None:
    (running,) = scene.runs.open()
    scene.runs.end(running.id, RunState.DONE, None, successor=None)
    scene.locks.free.add(OTHER)
    scene.looks(PACE.confirm)
    assert scene.runs.open() == []
    assert scene.queue.claimed() == []


def test_a_run_that_its_worker_had_claimed_and_not_begun_is_handed_on(scene: Scene) -> None:
    (running,) = scene.runs.open()
    with scene.engine.begin() as connection:
        connection.execute(text("UPDATE runs SET state = 'waiting', worker = NULL"))
    scene.locks.free.add(OTHER)
    scene.looks(PACE.confirm)
    (waiting,) = scene.runs.open()
    assert (waiting.state, waiting.attempt) == (RunState.WAITING, 2)
    assert waiting.id > running.id


def test_a_run_that_a_lost_worker_had_claimed_as_it_was_forgotten_is_handed_on_as_well(scene: Scene) -> None:
    scene.runs.forget_worker(OTHER)
    scene.locks.free.add(OTHER)
    scene.looks(PACE.confirm)
    (waiting,) = scene.runs.open()
    assert (waiting.state, waiting.cause) == (RunState.WAITING, f"Worker {OTHER} died.")


def test_what_was_claimed_for_us_and_is_not_at_work_here_is_handed_on(scene: Scene) -> None:
    (running,) = scene.runs.status().running
    with scene.engine.begin() as connection:
        connection.execute(text("UPDATE workflow_status SET executor_id = :me"), {"me": ME})
    scene.at_work.add(running.id)
    scene.looks(PACE.silence)
    assert [run.id for run in scene.runs.status().running] == [running.id], "we are at it"
    scene.at_work.clear()
    scene.looks(PACE.silence - 1)
    assert scene.runs.status().waiting == ()
    scene.looks(1)
    (waiting,) = scene.runs.status().waiting
    assert (waiting.company_id, waiting.attempt, scene.queue.claimed()) == ("company-a", 1, [])


def test_after_six_lost_workers_in_a_row_the_run_fails_and_a_trigger_begins_anew(scene: Scene) -> None:
    tokens = []
    for _ in range(ATTEMPTS_MAX - 1):
        scene.locks.free.add(OTHER)
        scene.looks(PACE.confirm)
        scene.locks.hold(OTHER)
        tokens.append(scene.begin())
    scene.locks.free.add(OTHER)
    scene.looks(PACE.confirm)
    assert scene.runs.open() == []
    (failed,) = scene.runs.status().failed
    assert failed.problem == (
        f"6 workers in a row were lost at the work for this company. Worker {OTHER} died."
    )
    assert tokens == sorted(set(tokens))
    assert scene.runs.fire("company-a", "button")
    assert [run.attempt for run in scene.runs.open()] == [1]


def test_a_run_whose_entry_is_gone_is_queued_anew(scene: Scene) -> None:
    (running,) = scene.runs.open()
    scene.queue.delete([queue.entry_id("company-a", running.id)])
    scene.looks(PACE.sweep)
    (waiting,) = scene.runs.open()
    assert (waiting.state, waiting.attempt) == (RunState.WAITING, 1)
    assert waiting.cause == f"The queue lost sight of run {running.id}."
    assert scene.queue.find([queue.entry_id("company-a", waiting.id)]) != {}


def test_what_an_older_version_queued_is_queued_anew(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as older:
        older.setattr(queue, "VERSION", 0)
        scene.runs.fire("company-b", "webhook")
    *_, old = scene.runs.open()
    scene.looks(PACE.sweep)
    *_, new = scene.runs.open()
    assert (new.company_id, new.state, new.attempt) == ("company-b", RunState.WAITING, 1)
    entries = scene.queue.find([queue.entry_id("company-b", run.id) for run in (old, new)])
    assert [(entry.ended, entry.version) for _, entry in sorted(entries.items())] == [(True, 0), (False, 1)]


def test_something_is_steady_for_as_long_as_it_was_seen_the_same() -> None:
    steady = Steady()
    seen = [steady.seconds("lock", value, now) for value, now in [(1, 5.0), (1, 7.5), (2, 8.0), (2, 9.0)]]
    assert seen == [0, 2.5, 0, 1.0]
    steady.keep(set())
    assert steady.seconds("lock", 2, 10.0) == 0
