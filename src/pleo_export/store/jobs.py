"""What is remembered about jobs, as statements."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)

from pleo_export.domain.failure_types import JobFailureType
from pleo_export.domain.job import JobEventType
from pleo_export.domain.progress import JobProgress, Phase
from pleo_export.store import companies
from pleo_export.store.errors import (
    ClosingDecidedError,
    IllegalJobStepError,
    JobOfAnotherCompanyError,
    UnknownJobError,
)
from pleo_export.store.tables import insert_if_absent, items, jobs, plain, steps

OPEN = (jobs.c.closed_at.is_(None), jobs.c.problem.is_(None))
COUNTS = {
    phase: func.sum(case((items.c.phase == phase.value, 1), else_=0)).label(phase.name) for phase in Phase
}


def see_job(connection: Connection, job_id: str, company_id: str, now: datetime, *, planned: bool) -> bool:
    """Remember the job, which Pleo shows as unfinished, and its company too: no earlier end of it holds.

    Once `planned`, it stays so. Return whether nothing was known of it.
    Raises JobOfAnotherCompanyError.
    """
    companies.note(connection, company_id, now)
    row = {"job_id": job_id, "company_id": company_id, "first_seen_at": now}
    is_new = bool(connection.execute(insert_if_absent(jobs), row).rowcount)
    known = connection.execute(select(jobs.c.company_id).where(jobs.c.job_id == job_id)).scalar_one()
    if known != company_id:
        raise JobOfAnotherCompanyError(job_id, known, company_id)
    _change(
        connection,
        job_id,
        problem=None,
        closed_at=None,
        told_at=None,
        planned=or_(jobs.c.planned, literal(planned)),
    )
    return is_new


def forget(connection: Connection, job_id: str) -> None:
    """Forget a job that was seen and never started."""
    connection.execute(delete(jobs).where(jobs.c.job_id == job_id, jobs.c.started_at.is_(None)))


def mark_started(connection: Connection, job_id: str, now: datetime) -> None:
    """Note when Pleo took `started`; the first time counts. Raises UnknownJobError."""
    if not _change(connection, job_id, started_at=_first(jobs.c.started_at, now)):
        raise UnknownJobError(job_id)


def step_taken(connection: Connection, job_id: str, step: int, now: datetime) -> None:
    """Note when a step was begun; the first time counts."""
    connection.execute(insert_if_absent(steps), {"job_id": job_id, "step": step, "taken_at": now})


def steps_of(connection: Connection, job_id: str) -> dict[int, datetime]:
    """Return when each step was begun."""
    taken = select(steps.c.step, steps.c.taken_at).where(steps.c.job_id == job_id)
    return {row.step: row.taken_at for row in connection.execute(taken)}


def decide_closing(
    connection: Connection, job_id: str, decision: tuple[JobEventType, str | None, JobFailureType | None]
) -> None:
    """Keep the closing event before it is sent. The same decision again changes nothing.

    Raises ClosingDecidedError for another one, IllegalJobStepError for a job that was given up, UnknownJobError.
    """
    event, reason, reason_type = decision
    reason = plain(reason) if reason is not None else None
    values = {
        "closing_event": event.value,
        "closing_reason": reason,
        "closing_reason_type": reason_type.value if reason_type else None,
    }
    if _change(connection, job_id, *OPEN, jobs.c.closing_event.is_(None), **values):
        return
    job = get(connection, job_id)
    if job.closing_event is None:
        raise IllegalJobStepError(job_id, f"given up ({job.problem})", "closed")
    if (job.closing_event, job.closing_reason, job.closing_reason_type) != (event, reason, reason_type):
        raise ClosingDecidedError(job_id, job.closing_event, event)


def close(connection: Connection, job_id: str, now: datetime) -> None:
    """Note when Pleo took the closing event; the first time counts. Whatever problem the job had is over then.

    Raises IllegalJobStepError where no closing event was decided, UnknownJobError.
    """
    decided = jobs.c.closing_event.is_not(None)
    if not _change(connection, job_id, decided, closed_at=_first(jobs.c.closed_at, now), problem=None):
        get(connection, job_id)
        raise IllegalJobStepError(job_id, "without a decided closing event", "closed")


def abandon(connection: Connection, job_id: str, problem: str) -> None:
    """Give the job up without a closing event, and why; the first problem stays.

    Raises IllegalJobStepError for a closed job, UnknownJobError.
    """
    unclosed = jobs.c.closed_at.is_(None)
    if not _change(connection, job_id, unclosed, problem=_first(jobs.c.problem, problem)):
        job = get(connection, job_id)
        raise IllegalJobStepError(job_id, f"closed ({job.closing_event})", "given up")


def get(connection: Connection, job_id: str) -> JobProgress:
    """Return one job. Raises UnknownJobError."""
    found = _read(connection, _counted(jobs.c.job_id == job_id))
    if not found:
        raise UnknownJobError(job_id)
    return found[0]


def get_of(connection: Connection, company_id: str, job_id: str) -> JobProgress:
    """Return one job of the company. Raises UnknownJobError."""
    found = _read(connection, _counted(jobs.c.job_id == job_id, jobs.c.company_id == company_id))
    if not found:
        raise UnknownJobError(job_id)
    return found[0]


def of_company(connection: Connection, company_id: str, limit: int, offset: int = 0) -> list[JobProgress]:
    """Return the company's jobs, the one seen last first, at most `limit`, without the first `offset`."""
    newest_first = (jobs.c.first_seen_at.desc(), jobs.c.job_id.desc())
    newest = select(jobs.c.job_id).where(jobs.c.company_id == company_id).order_by(*newest_first)
    newest = newest.limit(limit).offset(offset)
    return _read(connection, _counted(jobs.c.job_id.in_(newest)).order_by(*newest_first))


def open_of_company(connection: Connection, company_id: str) -> list[JobProgress]:
    """Return the company's jobs that are neither closed nor given up, the one seen first first."""
    unfinished = _counted(jobs.c.company_id == company_id, *OPEN)
    return _read(connection, unfinished.order_by(jobs.c.first_seen_at, jobs.c.job_id))


def _first(column: Column[Any], value: datetime | str) -> ColumnElement[Any]:
    """Return what the column holds or, where it is empty, the value."""
    return func.coalesce(column, literal(value, column.type))


def _change(connection: Connection, job_id: str, *guards: ColumnElement[bool], **values: Any) -> bool:
    """Update the job where the guards allow it; return whether they did."""
    changed = update(jobs).where(jobs.c.job_id == job_id, *guards).values(values)
    return bool(connection.execute(changed).rowcount)


def _counted(*conditions: ColumnElement[bool]) -> Select[Any]:
    return select(jobs, *COUNTS.values()).outerjoin(items).where(*conditions).group_by(jobs.c.job_id)


def _read(connection: Connection, query: Select[Any]) -> list[JobProgress]:
    return [_progress(row) for row in connection.execute(query).mappings()]


def _progress(row: RowMapping) -> JobProgress:
    fields = {str(name): value for name, value in row.items()}  # SQLAlchemy's names are a kind of str
    fields["counts"] = {phase: fields.pop(phase.name) for phase in Phase}
    return msgspec.convert(fields, JobProgress)
