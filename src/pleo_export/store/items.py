"""What may happen to an item, as guarded statements: the WHERE of each UPDATE holds the phases it may start from."""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from pleo_export.domain.failures import Rejection
from pleo_export.domain.progress import FINAL_PHASES, ItemProgress, Phase
from pleo_export.store.errors import (
    IllegalTransitionError,
    SecondEntryError,
    UnknownItemError,
    UnknownJobError,
)
from pleo_export.store.prepared import Prepared
from pleo_export.store.tables import UtcInstant, insert_if_absent, items

ROWS_AT_ONCE = 500  # so that a large job is not held twice

PLANNED = items.c.phase == Phase.PLANNED.value
INTENDED = items.c.phase == Phase.INTENDED.value
FINAL = or_(*(items.c.phase == phase.value for phase in sorted(FINAL_PHASES)))
THIS = and_(items.c.job_id == bindparam("job"), items.c.accounting_entry_id == bindparam("entry"))

INTEND = Prepared(
    update(items)
    .where(THIS, PLANNED)
    .values(phase=Phase.INTENDED.value, intended_at=bindparam("now", type_=UtcInstant))
)
# These set the columns they are given, and return the item: a second statement to read it costs as much again.
KNOW_ENTRY = Prepared(
    update(items).where(THIS, INTENDED, items.c.external_id.is_(None)).returning(items), items
)
REJECT = Prepared(update(items).where(THIS, or_(PLANNED, INTENDED)).returning(items), items)
RECORD = Prepared(
    update(items).where(THIS, INTENDED, items.c.external_id.is_not(None)).returning(items), items
)
REPORT = (
    update(items)
    .where(THIS, FINAL)
    .values(
        reported_at=func.coalesce(items.c.reported_at, bindparam("now", type_=UtcInstant)),
        report_problem=None,
    )
)


def plan(connection: Connection, job_id: str, entry_ids: Sequence[str]) -> None:
    """Add the items that the job does not have yet, behind those it has. Raises UnknownJobError."""
    behind = select(func.coalesce(func.max(items.c.position) + 1, 0)).where(items.c.job_id == job_id)
    first: int = connection.execute(behind).scalar_one()
    rows = (
        {
            "job_id": job_id,
            "accounting_entry_id": entry_id,
            "position": position,
            "phase": Phase.PLANNED.value,
            "already_there": False,
            "unknown": False,
        }
        for position, entry_id in enumerate(entry_ids, first)
    )
    insert = insert_if_absent(items)
    try:
        while some := list(islice(rows, ROWS_AT_ONCE)):
            connection.execute(insert, some)
    except IntegrityError as error:
        raise UnknownJobError(job_id) from error


def intend(connection: Connection, job_id: str, entry_id: str, now: datetime) -> None:
    """Note that the accounting system is about to be called. A second time is refused: look it up instead."""
    if not INTEND.run(connection, {"job": job_id, "entry": entry_id, "now": now}):
        raise _refusal(connection, job_id, entry_id, Phase.INTENDED)


def entry_created(  # noqa: PLR0913  one fact each, by name
    connection: Connection,
    job_id: str,
    entry_id: str,
    facts: dict[str, Any],
    now: datetime,
    *,
    complete: bool,
) -> ItemProgress:
    """Keep what is known about the entry. The same entry again changes nothing; another one is refused.

    Where it is `complete` the item is recorded as well.
    """
    phase = Phase.RECORDED if complete else Phase.INTENDED
    decided_at = now if complete else None
    values = {"job": job_id, "entry": entry_id, "phase": phase.value, "decided_at": decided_at, **facts}
    if (row := KNOW_ENTRY.row(connection, values)) is not None:
        return msgspec.convert(row, ItemProgress)
    known = get(connection, job_id, entry_id)
    if known.phase is not Phase.INTENDED or known.external_id is None:
        raise IllegalTransitionError(job_id, entry_id, known.phase, "having an entry")
    if known.external_id != facts["external_id"]:
        raise SecondEntryError(job_id, entry_id, known.external_id, facts["external_id"])
    return record(connection, job_id, entry_id, facts["note"], now) if complete else known


def record(
    connection: Connection, job_id: str, entry_id: str, note: str | None, now: datetime
) -> ItemProgress:
    """Take an item with a known entry to its final success; repeating that changes nothing."""
    recorded = {"job": job_id, "entry": entry_id, "phase": Phase.RECORDED.value, "decided_at": now}
    # Without a note the column is left alone: the entry may have come with one.
    return _arrived(connection, RECORD, recorded if note is None else {**recorded, "note": note})


def reject(  # noqa: PLR0913  one fact each, by name
    connection: Connection, job_id: str, entry_id: str, rejection: Rejection, now: datetime, *, unknown: bool
) -> ItemProgress:
    """Take an item to its final failure, and note whether the outcome is unknown. The first one stays."""
    facts = {
        "failure_code": rejection.cause.value,
        "failure_type": rejection.type.value,
        "failure_reason": rejection.reason,
        "unknown": unknown,
        "decided_at": now,
    }
    rejected = {"job": job_id, "entry": entry_id, "phase": Phase.REJECTED.value, **facts}
    return _arrived(connection, REJECT, rejected)


def report(connection: Connection, job_id: str, entry_ids: Sequence[str], now: datetime) -> None:
    """Note that Pleo took these outcomes; the first time counts. All of them or, where one is not final, none."""
    rows = [{"job": job_id, "entry": entry_id, "now": now} for entry_id in entry_ids]
    if rows and connection.execute(REPORT, rows).rowcount != len(rows):
        for entry_id in entry_ids:
            if not get(connection, job_id, entry_id).final:
                raise _refusal(connection, job_id, entry_id, "reported")


def refuse_report(connection: Connection, job_id: str, entry_id: str, problem: str) -> None:
    """Note why Pleo did not take an outcome."""
    refused = update(items).where(THIS, FINAL, items.c.reported_at.is_(None)).values(report_problem=problem)
    if not connection.execute(refused, {"job": job_id, "entry": entry_id}).rowcount:
        raise _refusal(connection, job_id, entry_id, "refused by Pleo")


def unreported(connection: Connection, job_id: str) -> list[ItemProgress]:
    """Return the final items that Pleo has neither taken nor refused, in order."""
    return _in_order(
        connection, job_id, FINAL, items.c.reported_at.is_(None), items.c.report_problem.is_(None)
    )


def of_job(connection: Connection, job_id: str) -> list[ItemProgress]:
    """Return the items of the job in order; none for a job that is not known."""
    return _in_order(connection, job_id)


def get(connection: Connection, job_id: str, entry_id: str) -> ItemProgress:
    """Return one item. Raises UnknownItemError."""
    row = connection.execute(select(items).where(THIS), {"job": job_id, "entry": entry_id}).first()
    if row is None:
        raise UnknownItemError(job_id, entry_id)
    return _progress(row)


def entry_facts(  # noqa: PLR0913  one fact each, by name
    *,
    external_id: str,
    url: str | None,
    exported_at: datetime,
    posted_on: date,
    already_there: bool,
    note: str | None,
) -> dict[str, Any]:
    """Name the columns that tell about an entry."""
    return {
        "external_id": external_id,
        "external_url": url,
        "exported_at": exported_at,
        "posted_on": posted_on,
        "already_there": already_there,
        "note": note,
    }


def _in_order(connection: Connection, job_id: str, *conditions: ColumnElement[bool]) -> list[ItemProgress]:
    query = select(items).where(items.c.job_id == job_id, *conditions).order_by(items.c.position)
    rows = connection.execute(query, execution_options={"yield_per": ROWS_AT_ONCE})
    found = []
    for row in rows:
        item = _progress(row)
        msgspec.structs.force_setattr(item, "job_id", job_id)  # one text for all of them
        found.append(item)
    return found


def _progress(row: Row[Any]) -> ItemProgress:
    return msgspec.convert(row, ItemProgress, from_attributes=True)


def _arrived(connection: Connection, step: Prepared, values: dict[str, Any]) -> ItemProgress:
    """Take the item to the phase in `values`; one that is there already stays as it is."""
    if (row := step.row(connection, values)) is not None:
        return msgspec.convert(row, ItemProgress)
    item = get(connection, values["job"], values["entry"])
    if item.phase.value != values["phase"]:
        raise _refusal(connection, values["job"], values["entry"], values["phase"])
    return item


def _refusal(connection: Connection, job_id: str, entry_id: str, target: str) -> IllegalTransitionError:
    known = get(connection, job_id, entry_id)
    origin = f"{known.phase} (reported)" if known.reported_at else known.phase
    if known.phase is Phase.INTENDED and known.external_id is None:
        origin = f"{known.phase} (no entry known)"
    return IllegalTransitionError(job_id, entry_id, origin, target)
