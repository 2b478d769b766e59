"""The engine: what fires a run, what takes it on, and what ends it."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar
from uuid import uuid4

from sqlalchemy.exc import DBAPIError

from pleo_export.crash_points import reach
from pleo_export.engine import database
from pleo_export.engine.errors import (
    EngineAlreadyStartedError,
    EngineStoppingError,
    EngineUnreachableError,
    NothingToRunError,
)
from pleo_export.engine.liveness import liveness_at
from pleo_export.engine.queue import Queue, migrate
from pleo_export.engine.runs import Begun, Clock, CompanyRuns, EngineStatus, Runs, RunState
from pleo_export.engine.watch import DATABASE_TROUBLE, Pace, Watch

T = TypeVar("T")
Drain = Callable[[Begun], None]

DEFAULT_PACE = Pace()
RETRY_SECONDS = 0.5
WATCH_ENDS_SECONDS = 30.0
STOPPED = "The worker was stopped."
NEXT_TURN = "next turn"

log = logging.getLogger(__name__)
_working = threading.Lock()  # one working engine a process: DBOS knows no more


class Engine:
    """Runs the work of companies: in order and never two at once for one of them, many of them side by side.

    `url` is the engine's own database, `sqlite:////folder/file.db` or `postgresql://...`; several processes on one database
    share the work. `clock` returns the time, aware. `capacity` is how many companies a worker serves at once; where workers
    differ, the last one that was started decides for all. `stopping` is set once the engine is stopped.
    """

    def __init__(self, url: str, clock: Clock, *, capacity: int = 8, pace: Pace = DEFAULT_PACE) -> None:
        """Connect to nothing yet. Raises UnknownEngineUrlError, OldSqliteError."""
        self._url = database.address(url)
        if database.is_sqlite(self._url):
            database.refuse_old_sqlite()
        self.worker = uuid4().hex[:12]  # never a second time: entries of an earlier process are not ours
        self.stopping = threading.Event()
        self._capacity, self._pace = capacity, pace
        self._engine = database.connect(self._url)
        self._queue = Queue(self._engine)
        self._runs = Runs(self._engine, self._queue, clock)
        self._liveness = liveness_at(self._url)
        self._active: set[int] = set()
        self._watch = Watch(
            self.worker, self._runs, self._queue, self._liveness, pace, at_work=self._active.__contains__
        )
        self._watching: threading.Thread | None = None
        self._watch_ends = threading.Event()
        self._drain: Drain | None = None
        self._idle = threading.Condition()
        self._ready = False
        self._guard = threading.Lock()

    def register(self, drain: Drain) -> None:
        """Say what a run does: `drain(begun)`, called in a thread of its own.

        It returns when the company has no job left, or early once `stopping` is set; what it raises ends the run as failed.
        `begun.token` rises with every run of a company, takeovers included: whoever holds a smaller one must not write any more.
        """
        self._drain = drain

    def fire(self, company_id: str, cause: str) -> bool:
        """Let a run wait for the company, durably; False where one waits already, which will see all that is new.

        `cause` says what fired it. Works without `start`. Raises EngineUnreachableError; firing again is harmless.
        """
        with self._explained():
            self._make_ready()
            return self._runs.fire(company_id, cause)

    def gives_way(self, company_id: str) -> bool:
        """Let the company, which is drained here, wait for its next turn if others wait and this worker takes no more.

        True where its drain is to end then. Raises EngineUnreachableError.
        """
        if len(self._active) < self._capacity:
            return False
        with self._explained():
            if not self._runs.somebody_waits():
                return False
            self._runs.fire(company_id, NEXT_TURN)
            return True

    def status(self) -> EngineStatus:
        """Return what waits, runs and failed, and who works. Works without `start`. Raises EngineUnreachableError."""
        with self._explained():
            self._make_ready()
            return self._runs.status()

    def fault(self) -> str | None:
        """Return, in a sentence, why this worker has to be ended and started again; None where it need not.

        A database that is away is no such reason: that is waited for. Asking costs nothing.
        """
        if self._watching is None or self._watch_ends.is_set():
            return None
        if not self._watching.is_alive():
            return "The watch over the other workers has ended by a fault; the log tells which."
        if (seconds := self._watch.hangs()) is not None:
            return f"The watch over the other workers has hung for {seconds:.0f} seconds."
        return None

    def runs_of(self, company_id: str) -> CompanyRuns:
        """Return what waits, runs and ended for one company. Works without `start`. Raises EngineUnreachableError."""
        with self._explained():
            self._make_ready()
            return self._runs.of_companies([company_id])[company_id]

    def runs_of_each(self, companies: Collection[str]) -> Mapping[str, CompanyRuns]:
        """Return the same for each of these companies, with a few queries for all. Raises EngineUnreachableError."""
        with self._explained():
            self._make_ready()
            return self._runs.of_companies(companies)

    def forget(self, before: datetime, *, done_before: datetime) -> int:
        """Delete all trace of the runs that ended before this time; return how many. Raises EngineUnreachableError.

        Of those that were done without a takeover, which tell nothing, where they ended before `done_before`.
        """
        with self._explained():
            self._make_ready()
            return self._runs.forget(before, done_before=done_before)

    def start(self) -> None:
        """Take runs from now on, and take over those of workers that are lost.

        Raises NothingToRunError, EngineAlreadyStartedError, EngineUnreachableError.
        """
        if self._drain is None:
            raise NothingToRunError
        if not _working.acquire(blocking=False):
            raise EngineAlreadyStartedError
        try:
            with self._explained():
                self._make_ready()
                # Before the first run is claimed: a worker without its lock counts as dead.
                self._liveness.hold(self.worker)
                self._runs.beat(self.worker, *self._watch.whereabouts)
                self._queue.start(self.worker, self._capacity, self._pace.poll, self._work)
        except BaseException:
            self._queue.stop(0)
            self._liveness.release()
            _working.release()
            raise
        self._watching = threading.Thread(
            target=self._watch.until, args=[self._watch_ends], name="engine-watch", daemon=True
        )
        self._watching.start()

    def stop(self, grace_seconds: float) -> bool:
        """Take no more runs, and wait so long for those at work to end; each of them leaves another one waiting.

        False where one is at work still. The process has to end then: its runs are taken over once it is gone.
        """
        deadline = time.monotonic() + grace_seconds
        self.stopping.set()
        if self._watching is None:
            self.close()
            return True
        self._queue.stop(grace_seconds if self._active else 0)
        with self._idle:
            # What was claimed at the last moment is put back while the queue stops.
            idle = self._idle.wait_for(lambda: not self._active, max(0, deadline - time.monotonic()))
        self._watch_ends.set()
        self._watching.join(WATCH_ENDS_SECONDS)
        if not idle:
            # The lock is kept: as long as a drain works on, nobody may take its company.
            return False
        try:
            unbegun = [entry for entry in self._queue.claimed() if entry.worker == self.worker]
            self._watch.hand_on(unbegun, STOPPED)
            self._runs.forget_worker(self.worker)
        except DATABASE_TROUBLE as error:
            log.warning("what this worker had claimed is left to be taken over: %s", type(error).__name__)
        self._liveness.release()
        self.close()
        self._watching = None
        _working.release()
        return True

    def close(self) -> None:
        """Close all connections, in a process that only fires."""
        self._queue.close()
        self._engine.dispose()

    def _work(self, run_id: int) -> None:
        """Take one run from its beginning to its end, in a thread of the queue."""
        with self._idle:
            self._active.add(run_id)
        try:
            if self.stopping.is_set():
                # Claimed while the queue stops, and often what a run that has just ended here left for the next worker.
                self._runs.hand_on(run_id, STOPPED, lost_worker=None)
                return
            begun = self._persist(run_id, lambda: self._runs.begin(run_id, self.worker))
            if begun is not None:
                reach("engine.run_begun")
                problem = self._drained(begun)
                state = RunState.DONE if problem is None else RunState.FAILED
                self._persist(run_id, lambda: self._end(run_id, state, problem))
                reach("engine.run_ended")
        finally:
            with self._idle:
                self._active.discard(run_id)
                self._idle.notify_all()

    def _drained(self, begun: Begun) -> str | None:
        """Drain the company; return what went wrong."""
        assert self._drain is not None
        try:
            self._drain(begun)
        except Exception as error:  # the edge of a thread: whatever it is ends this run, not the worker
            problem, trace = problem_of(error), None if _is_ours(error) else error
            log.warning("the run of company %s failed: %s", begun.company_id, problem, exc_info=trace)
            return problem
        return None

    def _end(self, run_id: int, state: RunState, problem: str | None) -> None:
        # A drain may return early when it is told to stop, so another one has to look.
        successor = STOPPED if self.stopping.is_set() else None
        if not self._runs.end(run_id, state, problem, successor=successor):
            log.warning("run %d ended here, but another worker had taken it over", run_id)

    def _persist(self, run_id: int, change: Callable[[], T]) -> T:
        """Make the change, again and again while the database is away or the company's last run is not known to be over."""
        told = False
        while True:
            try:
                return change()
            except DATABASE_TROUBLE as error:
                # Whatever it is: a server that is read-only for a moment says so by another class than one that is away.
                if not told:
                    log.warning("run %d cannot be written yet: %s", run_id, type(_cause_of(error)).__name__)
                told = True
            if self.stopping.wait(RETRY_SECONDS):
                raise EngineStoppingError(run_id)

    def _make_ready(self) -> None:
        with self._guard:
            if not self._ready:
                if database.is_sqlite(self._url):
                    database.prepare_file(database.sqlite_path(self._url))
                migrate(self._url)
                self._runs.prepare()
                self._ready = True

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DATABASE_TROUBLE as error:
            cause = _cause_of(error)
            url = self._url.render_as_string(hide_password=True)
            raise EngineUnreachableError(url, str(cause).strip() or type(cause).__name__) from error


def _cause_of(error: BaseException) -> BaseException:
    """Return what the driver said, where SQLAlchemy wrapped it."""
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def problem_of(error: Exception) -> str:
    """Return a sentence that may be kept and shown: errors of ours are made for that, others may hold anything."""
    if _is_ours(error):
        return str(error)
    return f"An unexpected error ({type(error).__name__}) ended the run; the log tells more."


def _is_ours(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] == __name__.partition(".")[0]
