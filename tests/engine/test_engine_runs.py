import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pleo_export.engine import EngineError, RunState
from pleo_export.engine.queue import entry_id
from tests.engine.bench import NOON, Bench, Drained, Gate, eventually, numbered, wait_until_idle

pytestmark = pytest.mark.slow


class BooksClosedError(EngineError):
    """Stands for any error of ours: its sentence is made to be shown."""

    __module__ = "pleo_export.accounting"


def test_a_hundred_triggers_before_the_work_begins_are_one_run(bench: Bench) -> None:
    engine = bench.engine()
    assert [engine.fire("company-a", "webhook") for _ in range(100)] == [True] + 99 * [False]
    (waiting,) = engine.status().waiting
    assert (waiting.company_id, waiting.cause, waiting.state) == ("company-a", "webhook", RunState.WAITING)
    assert (waiting.fired_at, waiting.attempt) == (NOON, 1)


def test_triggers_at_the_same_moment_are_one_run(bench: Bench) -> None:
    engine = bench.engine()
    with ThreadPoolExecutor(8) as threads:
        fired = list(threads.map(lambda number: engine.fire("company-a", f"trigger {number}"), range(40)))
    assert sum(fired) == 1
    assert len(engine.status().waiting) == 1


def test_what_was_fired_before_any_worker_existed_is_drained(bench: Bench) -> None:
    firing = bench.engine()
    for company in numbered(3):
        firing.fire(company, "polling")
    working = bench.working()
    assert wait_until_idle(working).waiting == ()
    assert sorted(bench.companies()) == list(numbered(3))


def test_triggers_during_a_drain_are_one_more_drain(bench: Bench) -> None:
    gate = Gate()
    engine = bench.working(gate)
    engine.fire("company-a", "button")
    gate.wait_for_entry()
    assert [engine.fire("company-a", "webhook") for _ in range(100)] == [True] + 99 * [False]
    assert (len(engine.status().waiting), len(engine.status().running)) == (1, 1)
    gate.opened.set()
    wait_until_idle(engine)
    assert bench.companies() == ["company-a", "company-a"]


def test_a_company_is_drained_by_one_at_a_time_and_its_tokens_rise(bench: Bench) -> None:
    inside, overlaps = set[str](), list[str]()

    def drain(company: str, token: int) -> None:
        if company in inside:
            overlaps.append(company)
        inside.add(company)
        threading.Event().wait(0.1)  # longer than it takes to fire and to claim
        inside.discard(company)

    engine = bench.working(drain)
    for _ in range(30):
        for company in numbered(3):
            engine.fire(company, "webhook")
        threading.Event().wait(0.02)
    wait_until_idle(engine)
    assert overlaps == []
    for company in numbered(3):
        tokens = [drained.token for drained in bench.drained if drained.company == company]
        assert len(tokens) > 2
        assert tokens == sorted(set(tokens))


def test_companies_are_drained_side_by_side(bench: Bench) -> None:
    together = threading.Barrier(4)

    def drain(company: str, token: int) -> None:
        together.wait(10)

    engine = bench.working(drain)
    for company in numbered(4):
        engine.fire(company, "webhook")
    assert wait_until_idle(engine).failed == ()


def test_a_worker_takes_no_more_companies_than_its_capacity(bench: Bench) -> None:
    gate = Gate()
    engine = bench.working(gate, capacity=2)
    for company in numbered(3):
        engine.fire(company, "webhook")
    gate.wait_for_entry()
    gate.wait_for_entry()
    threading.Event().wait(0.2)
    assert (len(engine.status().running), len(engine.status().waiting)) == (2, 1)
    gate.opened.set()
    wait_until_idle(engine)
    assert len(bench.drained) == 3


def test_a_company_gives_way_where_others_wait_and_nowhere_is_room(bench: Bench) -> None:
    gate, (first, second, third) = Gate(), numbered(3)
    engine = bench.working(gate, capacity=2)
    engine.fire(first, "webhook")
    gate.wait_for_entry()
    assert not engine.gives_way(first), "there is room"
    engine.fire(second, "webhook")
    gate.wait_for_entry()
    engine.fire(second, "webhook")
    assert not engine.gives_way(first), "who waits is at work"
    engine.fire(third, "webhook")
    assert engine.gives_way(first)
    assert {run.company_id for run in engine.status().waiting} == {first, second, third}
    gate.opened.set()
    wait_until_idle(engine)
    assert sorted(bench.companies()) == [first, first, second, second, third]


def test_a_drain_that_fails_says_why_and_the_next_trigger_starts_anew(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    problems = [BooksClosedError("The books are closed until Monday."), None]

    def drain(company: str, token: int) -> None:
        if company == "company-a" and (problem := problems.pop(0)) is not None:
            raise problem

    engine = bench.working(drain)
    engine.fire("company-a", "webhook")
    engine.fire("company-b", "webhook")
    (failed,) = wait_until_idle(engine).failed
    assert (failed.company_id, failed.state, failed.problem) == (
        "company-a",
        RunState.FAILED,
        "The books are closed until Monday.",
    )
    assert (failed.started_at, failed.ended_at, failed.worker) == (NOON, NOON, engine.worker)
    (said,) = [one for one in caplog.records if "the run of company" in one.message]
    assert said.message == "the run of company company-a failed: The books are closed until Monday."
    assert said.exc_info is None, "an error of ours says it all"
    assert engine.fire("company-a", "button")
    wait_until_idle(engine)
    assert sorted(bench.companies()) == ["company-a", "company-a", "company-b"]


def test_the_text_of_a_foreign_error_is_not_kept(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    def drain(company: str, token: int) -> None:
        raise KeyError("Bearer abc")

    engine = bench.working(drain)
    engine.fire("company-a", "webhook")
    (failed,) = wait_until_idle(engine).failed
    assert failed.problem == "An unexpected error (KeyError) ended the run; the log tells more."
    (said,) = [one for one in caplog.records if "the run of company" in one.message]
    assert said.exc_info is not None


def test_the_status_tells_who_works(bench: Bench) -> None:
    gate = Gate()
    engine = bench.working(gate)
    engine.fire("company-a", "polling")
    gate.wait_for_entry()
    (running,) = engine.status().running
    assert (running.company_id, running.cause, running.worker) == ("company-a", "polling", engine.worker)
    assert [worker.id for worker in engine.status().workers] == [engine.worker]
    gate.opened.set()


def test_a_drain_that_returns_early_at_a_stop_leaves_a_run_waiting_for_the_next_worker(bench: Bench) -> None:
    entered = threading.Event()

    def drain(company: str, token: int) -> None:
        entered.set()
        assert engine.stopping.wait(10)

    engine = bench.working(drain)
    engine.fire("company-a", "webhook")
    assert entered.wait(10)
    assert engine.stop(grace_seconds=10)
    watching = bench.engine()
    (waiting,) = watching.status().waiting
    assert (waiting.company_id, waiting.attempt, watching.status().workers) == ("company-a", 1, ())
    bench.working()
    wait_until_idle(watching)
    first, second = bench.drained
    assert second.token > first.token


def test_a_run_that_is_claimed_while_the_worker_stops_is_left_to_the_next_one(bench: Bench) -> None:
    engine = bench.working()
    engine.stopping.set()  # and the queue goes on claiming, as it does for a moment in every stop
    engine.fire("company-a", "webhook")
    (fired,) = engine.status().waiting
    eventually(lambda: [run.id for run in engine.status().waiting] > [fired.id])
    assert engine.stop(grace_seconds=10)
    assert bench.drained == []
    wait_until_idle(bench.working())
    assert bench.companies() == ["company-a"]


def test_a_stop_says_when_a_drain_does_not_end(bench: Bench) -> None:
    gate = Gate()
    engine = bench.working(gate)
    engine.fire("company-a", "webhook")
    gate.wait_for_entry()
    assert not engine.stop(grace_seconds=0.1)
    assert [run.company_id for run in engine.status().running] == ["company-a"]
    gate.opened.set()
    eventually(lambda: not engine.status().running)  # it ends after all, and leaves a successor
    assert [run.company_id for run in engine.status().waiting] == ["company-a"]
    assert engine.stop(grace_seconds=1)


def test_runs_that_ended_long_ago_are_forgotten_and_no_others(bench: Bench) -> None:
    engine = bench.working()
    engine.fire("company-a", "webhook")
    wait_until_idle(engine)
    bench.clock.forward(days=30)
    engine.fire("company-a", "webhook")
    wait_until_idle(engine)
    assert engine.stop(grace_seconds=5)
    firing = bench.engine()
    firing.fire("company-a", "webhook")
    limit = bench.clock.forward(days=-1)
    assert firing.forget(limit, done_before=limit) == 1
    assert firing.forget(limit, done_before=limit) == 0
    assert len(firing.status().waiting) == 1
    later = bench.clock.forward(days=2)
    assert firing.forget(later, done_before=later) == 1


def test_runs_that_were_simply_done_are_forgotten_sooner_than_those_that_tell_something(bench: Bench) -> None:
    def drain(company: str, token: int) -> None:
        if company == "company-a":
            raise BooksClosedError("The books are closed.")

    engine = bench.working(drain)
    for company in numbered(2):
        engine.fire(company, "poll")
    engine.fire("company-a", "poll")
    wait_until_idle(engine)
    long_ago, now = bench.clock.now, bench.clock.forward(days=4)
    assert engine.forget(long_ago, done_before=now) == 2
    assert engine.runs_of("company-0").ended is None
    failed = engine.runs_of("company-a").ended
    assert failed is not None
    assert (failed.state, failed.problem) == (RunState.FAILED, "The books are closed.")


def test_what_is_known_of_one_company_is_told(bench: Bench) -> None:
    gate = Gate()
    engine = bench.working(gate)
    engine.fire("company-a", "webhook")
    gate.wait_for_entry()
    bench.clock.forward(minutes=1)
    engine.fire("company-a", "poll")
    engine.fire("company-b", "poll")
    known = engine.runs_of("company-a")
    assert engine.runs_of_each(["company-a"]) == {"company-a": known}
    assert (known.running is not None, known.ended, known.takeovers) == (True, None, 0)
    assert known.waiting is not None
    assert (known.waiting.cause, known.waiting.fired_at) == ("poll", bench.clock())
    gate.opened.set()
    wait_until_idle(engine)
    after = engine.runs_of("company-a")
    assert engine.runs_of_each(["company-a", "company-b", "company-c"]) == {
        company: engine.runs_of(company) for company in ("company-a", "company-b", "company-c")
    }
    assert engine.runs_of_each([]) == {}
    assert (after.waiting, after.running) == (None, None)
    assert after.ended is not None
    assert after.ended.state is RunState.DONE


def test_failures_are_counted_also_where_only_the_latest_are_shown(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pleo_export.engine.runs.FAILURES_SHOWN_MAX", 2)

    def drain(company: str, token: int) -> None:
        raise BooksClosedError("The books are closed.")

    engine = bench.working(drain)
    for company in numbered(3):
        engine.fire(company, "poll")
    status = wait_until_idle(engine)
    assert (len(status.failed), status.failures) == (2, 3)


def test_a_company_whose_last_run_was_never_ended_is_not_blocked(bench: Bench) -> None:
    firing = bench.engine()
    firing.fire("company-a", "webhook")
    (lost,) = firing.status().waiting
    assert firing._runs.begin(lost.id, "a worker nobody knows") is not None
    firing._queue.cancel([entry_id("company-a", lost.id)])
    firing.fire("company-a", "button")
    bench.working()
    wait_until_idle(firing)
    assert bench.companies() == ["company-a"]


def test_tokens_rise_when_the_clock_stands_still_or_is_set_back(bench: Bench) -> None:
    engine = bench.working()
    for hours in (0, 0, -5, 3):
        bench.clock.forward(hours=hours)
        engine.fire("company-a", "webhook")
        wait_until_idle(engine)
    tokens = [token for _, token in bench.drained]
    assert tokens == sorted(set(tokens))
    assert tokens[0] == NOON.timestamp() * 1000


def test_tokens_go_on_rising_where_the_engines_database_was_lost(
    bench: Bench, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first = bench.working()
    first.fire("company-a", "webhook")
    wait_until_idle(first)
    first.stop(5)
    bench.clock.forward(seconds=1)
    bench.url = f"sqlite:///{tmp_path_factory.mktemp('new')}/engine.db"
    second = bench.working()
    second.fire("company-a", "webhook")
    wait_until_idle(second)
    assert bench.drained == [
        Drained("company-a", int(NOON.timestamp() * 1000)),
        Drained("company-a", int(NOON.timestamp() * 1000) + 1000),
    ]
