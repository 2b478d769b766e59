"""The table of runs: at most one waiting and one running for a company, held by two unique indexes.

Every change of a run is one guarded statement, and the queue's entry is made in the same transaction as the run.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, Engine, Row, String, bindparam, text

from pleo_export.engine.queue import Queue, entry_id

Clock = Callable[[], datetime]

ATTEMPTS_MAX = 6  # the first, and five more after a worker died
FAILURES_SHOWN_MAX = 50


class RunState(StrEnum):
    """Where a run stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"  # `problem` says why; the next trigger starts a new run
    ABANDONED = "abandoned"  # its worker is gone; another run of the company carries on


class Run(NamedTuple):
    """One drain of one company."""

    id: int
    company_id: str
    cause: str  # what fired it
    state: RunState
    fired_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    worker: str | None
    attempt: int  # one more than workers died in a row at this company's work
    problem: str | None


class Worker(NamedTuple):
    """A process that takes runs."""

    id: str
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime


class Pulse(NamedTuple):
    """A worker's sign of life: `beat` changes as long as it lives."""

    worker: str
    beat: int


class Begun(NamedTuple):
    """What a run works on, what fired it and when, and the number that tells it from every earlier run of the company."""

    company_id: str
    token: int
    cause: str
    fired_at: datetime


class EngineStatus(NamedTuple):
    """What the engine does at the moment. A takeover is a run that carries on the work of a worker that was lost."""

    waiting: tuple[Run, ...]
    running: tuple[Run, ...]
    failed: tuple[Run, ...]  # the latest FAILURES_SHOWN_MAX, the last one first
    failures: int  # of all runs that are remembered
    workers: tuple[Worker, ...]
    takeovers: int  # as far back as runs are remembered
    last_takeover: Run | None


class CompanyRuns(NamedTuple):
    """What the engine knows of one company, as far back as runs are remembered."""

    waiting: Run | None
    running: Run | None
    ended: Run | None  # the last one that came to an end of its own, done or failed
    takeovers: int


SCHEMA = (
    """CREATE TABLE IF NOT EXISTS runs (
        id {key}, company TEXT NOT NULL, cause TEXT NOT NULL, state TEXT NOT NULL, fired_at BIGINT NOT NULL,
        started_at BIGINT, ended_at BIGINT, worker TEXT, attempt INTEGER NOT NULL, problem TEXT)""",
    "CREATE UNIQUE INDEX IF NOT EXISTS one_waiting ON runs (company) WHERE state = 'waiting'",
    "CREATE UNIQUE INDEX IF NOT EXISTS one_running ON runs (company) WHERE state = 'running'",
    "CREATE INDEX IF NOT EXISTS runs_ended ON runs (state, ended_at)",
    "CREATE INDEX IF NOT EXISTS runs_of_company ON runs (company, id)",
    "CREATE INDEX IF NOT EXISTS runs_taken_over ON runs (id) WHERE attempt > 1",
    "CREATE INDEX IF NOT EXISTS takeovers_of_company ON runs (company) WHERE attempt > 1",
    "CREATE TABLE IF NOT EXISTS run_tokens (company TEXT PRIMARY KEY, token BIGINT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS run_workers (
        id TEXT PRIMARY KEY, host TEXT NOT NULL, pid BIGINT NOT NULL, started_at BIGINT NOT NULL, seen_at BIGINT NOT NULL,
        beat BIGINT NOT NULL)""",
)
SCHEMA_LOCK = 0x504C454F_52554E53  # "PLEORUNS"
KEYS = {
    # Never a number twice, not even the number of a row that was deleted.
    "sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "postgresql": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
}

ADD = text(
    "INSERT INTO runs (company, cause, state, fired_at, attempt) VALUES (:company, :cause, 'waiting', :now, :attempt)"
    " ON CONFLICT DO NOTHING RETURNING id"
)
WAITS = text("SELECT 1 FROM runs WHERE company = :company AND state = 'waiting'")
SOMEBODY_WAITS = text(
    "SELECT 1 FROM runs AS waiting WHERE state = 'waiting' AND NOT EXISTS"
    " (SELECT 1 FROM runs WHERE company = waiting.company AND state = 'running') LIMIT 1"
)
INHERIT = text(
    "UPDATE runs SET attempt = :attempt WHERE company = :company AND state = 'waiting' AND attempt < :attempt"
)
BEGIN = text(
    "UPDATE runs SET state = 'running', started_at = :now, worker = :worker WHERE id = :id AND state = 'waiting'"
    " RETURNING company, cause, fired_at"
)
# The upsert locks the company's row until the run has begun. Milliseconds, so that tokens go on rising where this
# database is lost and begins anew.
TAKE_TOKEN = text(
    "INSERT INTO run_tokens (company, token) VALUES (:company, :millis) ON CONFLICT (company) DO UPDATE SET token ="
    " CASE WHEN run_tokens.token >= excluded.token THEN run_tokens.token + 1 ELSE excluded.token END RETURNING token"
)
END = text(
    "UPDATE runs SET state = :state, ended_at = :now, problem = :problem WHERE id = :id AND state = 'running'"
    " RETURNING company"
)
GIVE_UP = text(
    "UPDATE runs SET state = 'abandoned', ended_at = :now, problem = :problem, worker = COALESCE(worker, :worker)"
    " WHERE id = :id AND state IN ('waiting', 'running') RETURNING company, attempt"
)
FAIL_FOR_GOOD = text("UPDATE runs SET state = 'failed', problem = :problem WHERE id = :id")
OPEN = text("SELECT * FROM runs WHERE state IN ('waiting', 'running') ORDER BY id")
FAILED = text("SELECT * FROM runs WHERE state = 'failed' ORDER BY ended_at DESC, id DESC LIMIT :most")
COUNT_FAILED = text("SELECT count(*) FROM runs WHERE state = 'failed'")
LAST_TAKEOVER = text("SELECT * FROM runs WHERE attempt > 1 ORDER BY id DESC LIMIT 1")
COUNT_TAKEOVERS = text("SELECT count(*) FROM runs WHERE attempt > 1")
# Of one company or many at once. A company has a token once a run of it has begun.
THESE: BindParameter[Any] = bindparam("companies", type_=String, expanding=True)
OPEN_OF_THESE = text(
    "SELECT * FROM runs WHERE company IN :companies AND state = 'waiting'"
    " UNION ALL SELECT * FROM runs WHERE company IN :companies AND state = 'running'"
).bindparams(THESE)
ENDED_OF_THESE = text(
    "SELECT * FROM runs WHERE id IN (SELECT (SELECT r.id FROM runs r WHERE r.company = t.company"
    " AND r.state IN ('done', 'failed') ORDER BY r.id DESC LIMIT 1) FROM run_tokens t WHERE t.company IN :companies)"
).bindparams(THESE)
COUNT_TAKEOVERS_OF_THESE = text(
    "SELECT company, count(*) FROM runs WHERE attempt > 1 AND company IN :companies GROUP BY company"
).bindparams(THESE)
OLD = text(
    "SELECT id, company FROM runs WHERE state IN ('done', 'failed', 'abandoned') AND ended_at < :before"
    " OR state = 'done' AND ended_at < :done_before AND attempt = 1"
)
FORGET = text("DELETE FROM runs WHERE id = :id")
BEAT = text(
    "INSERT INTO run_workers (id, host, pid, started_at, seen_at, beat) VALUES (:id, :host, :pid, :now, :now, 0)"
    " ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, beat = run_workers.beat + 1"
)
WORKERS = text("SELECT id, host, pid, started_at, seen_at FROM run_workers ORDER BY started_at, id")
PULSES = text("SELECT id, beat FROM run_workers")
FORGET_WORKER = text("DELETE FROM run_workers WHERE id = :id")


class Runs:
    """The runs in the engine's database. Every method may raise SQLAlchemy's DBAPIError."""

    def __init__(self, engine: Engine, queue: Queue, clock: Clock) -> None:
        self._engine, self._queue, self._clock = engine, queue, clock

    def prepare(self) -> None:
        """Create the tables that are missing."""
        with self._engine.begin() as connection:
            if self._engine.dialect.name == "postgresql":
                # IF NOT EXISTS alone does not keep two processes apart there.
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SCHEMA_LOCK})
                connection.execute(text("CREATE SCHEMA IF NOT EXISTS pleo_export_engine"))
            for statement in SCHEMA:
                connection.execute(text(statement.format(key=KEYS[self._engine.dialect.name])))

    def fire(self, company_id: str, cause: str) -> bool:
        """Let a run wait for the company; False where one waits already, which is as good."""
        with self._engine.connect() as connection:
            # A look waits for nobody, and most of a flood of webhooks needs no more.
            if connection.execute(WAITS, {"company": company_id}).first() is not None:
                return False
        with self._engine.begin() as connection:
            return self._add(connection, company_id, cause)

    def begin(self, run_id: int, worker: str) -> Begun | None:
        """Take the run on, durably; None where it no longer waits.

        Raises IntegrityError where another run of the company is not known to have ended.
        """
        with self._engine.begin() as connection:
            values = {"id": run_id, "worker": worker, "now": self._now()}
            begun = connection.execute(BEGIN, values).first()
            if begun is None:
                return None
            company, cause, fired_at = begun
            token = connection.execute(TAKE_TOKEN, {"company": company, "millis": self._now()}).scalar_one()
        return Begun(company, token, cause, _instant(fired_at))

    def end(self, run_id: int, state: RunState, problem: str | None, *, successor: str | None) -> bool:
        """End the run, and let another one wait where a `successor` has a cause; False where the run was taken away."""
        values = {"id": run_id, "state": state.value, "problem": problem, "now": self._now()}
        with self._engine.begin() as connection:
            company = connection.execute(END, values).scalar()
            if company is not None and successor is not None:
                self._add(connection, company, successor)
        return company is not None

    def hand_on(self, run_id: int, problem: str, *, lost_worker: str | None) -> bool:
        """Give the run up and let another one wait for the company; False where it had ended.

        Where a worker was lost, the other run is the next attempt; after ATTEMPTS_MAX of them in a row this one fails
        instead, and nothing waits until the next trigger.
        """
        values = {"id": run_id, "problem": problem, "worker": lost_worker, "now": self._now()}
        with self._engine.begin() as connection:
            given_up = connection.execute(GIVE_UP, values).first()
            if given_up is None:
                return False
            company, attempt = given_up
            if lost_worker is None:
                self._add(connection, company, problem, attempt)
            elif attempt < ATTEMPTS_MAX:
                self._add(connection, company, problem, attempt + 1)
            else:
                sentence = f"{attempt} workers in a row were lost at the work for this company. {problem}"
                connection.execute(FAIL_FOR_GOOD, {"id": run_id, "problem": sentence})
        return True

    def somebody_waits(self) -> bool:
        """Return whether a run waits whose company is not at work."""
        with self._engine.connect() as connection:
            return connection.execute(SOMEBODY_WAITS).first() is not None

    def open(self) -> list[Run]:
        """Return the runs that wait or run, the oldest first."""
        with self._engine.connect() as connection:
            return [_run(row) for row in connection.execute(OPEN)]

    def status(self) -> EngineStatus:
        with self._engine.connect() as connection:
            opened = [_run(row) for row in connection.execute(OPEN)]
            last = connection.execute(LAST_TAKEOVER).first()
            return EngineStatus(
                waiting=tuple(run for run in opened if run.state is RunState.WAITING),
                running=tuple(run for run in opened if run.state is RunState.RUNNING),
                failed=tuple(_run(row) for row in connection.execute(FAILED, {"most": FAILURES_SHOWN_MAX})),
                failures=connection.execute(COUNT_FAILED).scalar_one(),
                workers=tuple(_worker(row) for row in connection.execute(WORKERS)),
                takeovers=connection.execute(COUNT_TAKEOVERS).scalar_one(),
                last_takeover=None if last is None else _run(last),
            )

    def of_companies(self, companies: Collection[str]) -> Mapping[str, CompanyRuns]:
        values = {"companies": list(companies)}
        with self._engine.connect() as connection:
            opened = [_run(row) for row in connection.execute(OPEN_OF_THESE, values)]
            ended = {run.company_id: run for run in map(_run, connection.execute(ENDED_OF_THESE, values))}
            takeovers: dict[str, int] = dict(connection.execute(COUNT_TAKEOVERS_OF_THESE, values).all())
        in_state = {(run.company_id, run.state): run for run in opened}
        return {
            company: CompanyRuns(
                waiting=in_state.get((company, RunState.WAITING)),
                running=in_state.get((company, RunState.RUNNING)),
                ended=ended.get(company),
                takeovers=takeovers.get(company, 0),
            )
            for company in companies
        }

    def forget(self, before: datetime, *, done_before: datetime) -> int:
        """Delete the runs that ended before a time, with their entries in the queue; return how many.

        Those that were done at the first attempt, which are most, are deleted where they ended before `done_before`.
        """
        limits = {"before": _millis(before), "done_before": _millis(done_before)}
        with self._engine.connect() as connection:
            old = [(run_id, company) for run_id, company in connection.execute(OLD, limits)]
        # The entries first: a run without an entry is found again, an entry without a run is not.
        self._queue.delete([entry_id(company, run_id) for run_id, company in old])
        if old:
            with self._engine.begin() as connection:
                connection.execute(FORGET, [{"id": run_id} for run_id, _ in old])
        return len(old)

    def beat(self, worker: str, host: str, pid: int) -> None:
        """Note a sign of life of the worker."""
        with self._engine.begin() as connection:
            connection.execute(BEAT, {"id": worker, "host": host, "pid": pid, "now": self._now()})

    def pulses(self) -> list[Pulse]:
        with self._engine.connect() as connection:
            return [Pulse(worker, beat) for worker, beat in connection.execute(PULSES)]

    def forget_worker(self, worker: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(FORGET_WORKER, {"id": worker})

    def _add(self, connection: Connection, company: str, cause: str, attempt: int = 1) -> bool:
        values = {"company": company, "cause": cause, "attempt": attempt, "now": self._now()}
        run_id: int | None = connection.execute(ADD, values).scalar()
        if run_id is None and attempt > 1:
            connection.execute(INHERIT, values)
        if run_id is None:
            return False
        self._queue.put(connection, company, run_id)
        return True

    def _now(self) -> int:
        return _millis(self._clock())


def _millis(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def _instant(millis: int) -> datetime:
    return datetime.fromtimestamp(millis / 1000, UTC)


def _instant_or_none(millis: int | None) -> datetime | None:
    return None if millis is None else _instant(millis)


def _run(row: Row[Any]) -> Run:
    return Run(
        id=row.id,
        company_id=row.company,
        cause=row.cause,
        state=RunState(row.state),
        fired_at=_instant(row.fired_at),
        started_at=_instant_or_none(row.started_at),
        ended_at=_instant_or_none(row.ended_at),
        worker=row.worker,
        attempt=row.attempt,
        problem=row.problem,
    )


def _worker(row: Row[Any]) -> Worker:
    return Worker(row.id, row.host, row.pid, _instant(row.started_at), _instant(row.seen_at))
