"""What a person may make of an item that failed, or whose entry was lost. Every other step of an item stands in `items`."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    String,
    and_,
    bindparam,
    delete,
    exists,
    literal,
    select,
    update,
)

from pleo_export.domain.progress import FINAL_PHASES, ItemProgress, JobProgress, Phase, Settled
from pleo_export.domain.reconciling import ENTRY_LOST
from pleo_export.store import items as steps
from pleo_export.store import jobs as job_steps
from pleo_export.store.errors import (
    IllegalTransitionError,
    NotToSettleError,
    SecondEntryError,
    UnknownItemError,
)
from pleo_export.store.tables import differences, items, jobs, leases

# An item gets one final status in Pleo; that of a job's failed item cannot be changed, not even while the job is open.
TOLD_OF_FAILURE = "Pleo was told before that this expense had failed, and takes one word on it in an export."
STANDS = "it counts as recorded already, as {entry}. Where that entry is missing, compare Pleo and the books first."
IN_HAND = "it is in hand there at the moment. Wait until that export has ended."
NEVER_TRIED = (
    "nothing was recorded for it in this export. If you have recorded it yourself, mark it as exported in Pleo; else export"
    " it again there."
)
REASON_KNOWN = "it failed for a known reason, so there is nothing to look up."
ON_ITS_WAY = "Pleo is being told of its failure. Try again in a few minutes."
KEPT = ("external_id", "external_url", "posted_on", "note", "settled_how", "settled_by", "settled_at")


class Settlement(Struct, frozen=True, kw_only=True):
    """What a person says of an item: how it is known (`how`), whose word it is (`by`), and under which id the entry stands."""

    how: Settled
    by: str
    external_id: str
    url: str | None = None
    posted_on: date | None = None
    note: str | None = None


def settle(  # noqa: PLR0913  one fact each, by name
    connection: Connection,
    company_id: str,
    job_id: str,
    entry_id: str,
    settlement: Settlement,
    *,
    now: datetime,
) -> ItemProgress:
    """Make a success of a failed item. Pleo goes on to show what it was told, which is noted as its `report_problem`.

    Of a recorded one whose entry was found to be lost, the entry that a person has made by hand takes the place.

    Raises UnknownItemError, also where the job is another company's, NotToSettleError and SecondEntryError.
    """
    # No worker writes for the company meanwhile: what it plans it sees settled, or it was planned before this looks.
    connection.execute(select(leases.c.token).where(leases.c.company_id == company_id).with_for_update())
    # Where the item and its job stand may not change while this is decided.
    row = connection.execute(
        select(jobs.c.job_id)
        .where(jobs.c.job_id == job_id, jobs.c.company_id == company_id)
        .with_for_update()
    )
    if row.first() is None:
        raise UnknownItemError(job_id, entry_id)
    this = (items.c.job_id == job_id, items.c.accounting_entry_id == entry_id)
    connection.execute(select(items.c.phase).where(*this).with_for_update())
    job, known = job_steps.get(connection, job_id), steps.get(connection, job_id, entry_id)
    gone, lost = None, _found_lost(company_id, known)
    by_hand = settlement.how is Settled.BY_HAND
    if by_hand and known.phase is Phase.RECORDED and _is_any(connection, lost):
        gone, known = known.external_id, replace(known, external_url=None, exported_at=None, posted_on=None)
    elif (hindrance := _hindrance(job, known, settlement.how)) is not None:
        raise NotToSettleError(job_id, entry_id, hindrance)
    if by_hand:
        _require_no_other(connection, job, known, settlement, gone)
        connection.execute(delete(differences).where(*lost))
    _require_one_entry(known, settlement, gone)
    connection.execute(update(items).where(*this).values(_settled(known, settlement, now)))
    return steps.get(connection, job_id, entry_id)


def _hindrance(job: JobProgress, item: ItemProgress, how: Settled) -> str | None:
    """Say why an item is nothing for a person to settle, and what helps."""
    match item.phase:
        case Phase.RECORDED:
            return STANDS.format(entry=item.external_id)
        case Phase.INTENDED if not job.open:
            return None  # begun, and nobody will look what became of it any more
        case Phase.PLANNED if not job.open:
            return NEVER_TRIED
        case Phase.PLANNED | Phase.INTENDED:
            return IN_HAND
        case Phase.REJECTED:
            if how is Settled.LOOKED_UP and not item.unknown:
                return REASON_KNOWN
            return ON_ITS_WAY if job.open and job.closing_event is None and not _is_told(item) else None


def _found_lost(company_id: str, item: ItemProgress) -> Sequence[ColumnElement[bool]]:
    """Return the conditions for what comparing found: that no entry stands for the item."""
    return (
        differences.c.company_id == company_id,
        differences.c.job_id == item.job_id,
        differences.c.accounting_entry_id == item.accounting_entry_id,
        differences.c.kind.in_(ENTRY_LOST),
    )


def _is_any(connection: Connection, differs: Sequence[ColumnElement[bool]]) -> bool:
    return bool(connection.execute(select(exists().where(*differs))).scalar())


def _is_told(item: ItemProgress) -> bool:
    return item.reported_at is not None or item.report_problem is not None


def _require_one_entry(known: ItemProgress, settlement: Settlement, gone: str | None) -> None:
    if known.external_id not in (None, settlement.external_id, gone):
        raise SecondEntryError(
            known.job_id, known.accounting_entry_id, known.external_id, settlement.external_id
        )


def _require_no_other(
    connection: Connection, job: JobProgress, known: ItemProgress, settlement: Settlement, gone: str | None
) -> None:
    """See to it that no other job of the company has recorded the expense, or is about to."""
    entry_id = known.accounting_entry_id
    theirs = (items.c.accounting_entry_id == entry_id, jobs.c.company_id == job.company_id)
    others = select(items.c.job_id).join(jobs).where(*theirs, items.c.job_id != job.job_id)
    for other_id in connection.execute(others).scalars().all():
        other = steps.get(connection, other_id, entry_id)
        _require_one_entry(other, settlement, gone)
        if other.phase not in FINAL_PHASES and job_steps.get(connection, other_id).open:
            raise NotToSettleError(other_id, entry_id, IN_HAND)


def _settled(known: ItemProgress, settlement: Settlement, now: datetime) -> Mapping[str, Any]:
    failed = known.phase is Phase.REJECTED and known.reported_at is not None
    return {
        "phase": Phase.RECORDED.value,
        "external_id": settlement.external_id,
        "external_url": settlement.url or known.external_url,
        "exported_at": known.exported_at or now,
        "posted_on": settlement.posted_on or known.posted_on,
        "already_there": True,
        "note": settlement.note,
        "unknown": False,
        "decided_at": now,
        "report_problem": TOLD_OF_FAILURE
        if known.report_problem is None and failed
        else known.report_problem,
        "settled_how": settlement.how.value,
        "settled_by": settlement.by,
        "settled_at": now,
        **dict.fromkeys(("failure_code", "failure_type", "failure_reason")),
    }


def by_hand(connection: Connection, job_id: str) -> set[str]:
    """Return which planned items of the job a person has recorded by hand, as other jobs of the company say."""
    return set(connection.execute(_PLANNED_HERE_AND_BY_HAND, {"job": job_id}).scalars())


def adopt(connection: Connection, job_id: str, entry_id: str, now: datetime) -> ItemProgress:
    """Take a planned item to success, as a person recorded it by hand in another job of the company.

    Raises IllegalTransitionError where nobody has, or where it is planned no more.
    """
    other = items.alias("other")
    theirs = (other.c.accounting_entry_id == entry_id, _by_hand_in_company_of(literal(job_id), other))
    newest = select(other).where(*theirs).order_by(other.c.settled_at.desc()).limit(1)
    row = connection.execute(newest).mappings().first()
    known = steps.get(connection, job_id, entry_id)
    if row is None or known.phase is not Phase.PLANNED:
        raise IllegalTransitionError(job_id, entry_id, known.phase, Settled.BY_HAND)
    values = {name: row[name] for name in KEPT} | {
        "phase": Phase.RECORDED.value,
        "exported_at": row["exported_at"],
        "already_there": True,
        "decided_at": now,
    }
    this = (items.c.job_id == job_id, items.c.accounting_entry_id == entry_id, steps.PLANNED)
    connection.execute(update(items).where(*this).values(values))
    return steps.get(connection, job_id, entry_id)


def _by_hand_in_company_of(job_id: ColumnElement[str], other: FromClause) -> ColumnElement[bool]:
    company = select(jobs.c.company_id).where(jobs.c.job_id == job_id).scalar_subquery()
    its_jobs = select(jobs.c.job_id).where(jobs.c.company_id == company, jobs.c.job_id != job_id)
    return and_(other.c.settled_how == Settled.BY_HAND.value, other.c.job_id.in_(its_jobs))


def _planned_here_and_by_hand() -> Select[str]:
    job, mine, other = bindparam("job", type_=String), items.alias("mine"), items.alias("other")
    same_entry = other.c.accounting_entry_id == mine.c.accounting_entry_id
    planned = mine.c.phase == Phase.PLANNED.value
    return (
        select(mine.c.accounting_entry_id)
        .join(other, same_entry)
        .where(mine.c.job_id == job, planned, _by_hand_in_company_of(job, other))
    )


# Made once: every job asks this, and what SQLAlchemy makes for it lasts until garbage is collected.
_PLANNED_HERE_AND_BY_HAND = _planned_here_and_by_hand()
