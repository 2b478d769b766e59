"""What a person may make of an item that failed, or whose entry was lost. Every other step of an item stands in `items`."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

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
    UnknownItemError,
)
from pleo_export.store.tables import differences, items, jobs, leases

# An item gets one final status in Pleo; that of a job's failed item cannot be changed, not even while the job is open.
TOLD_OF_FAILURE = "Pleo was told before that this expense had failed, and takes one word on it in an export."
STANDS = "it counts as recorded already, as {entry}. Where that entry is missing, compare Pleo and the books first."
NOT_ENDED = "this export has not ended here. The service ends it by itself, else pleo-export run does; then say it again."
NEVER_TRIED = (
    "nothing was recorded for it in this export. If you have recorded it yourself, mark it as exported in Pleo; else export"
    " it again there."
)
REASON_KNOWN = "it failed for a known reason, so there is nothing to look up."
OTHER_ENTRY = (
    "its entry is remembered as {entry}, and now {named} is named. Look at both in the accounting system: the expense may stand"
    " there twice."
)
KEPT = ("external_id", "external_url", "posted_on", "note", "settled_how", "settled_by", "settled_at")


class Settlement(Struct, frozen=True, kw_only=True):
    """What a person says of an item: how it is known (`how`), whose word it is (`by`), and under which id the entry stands."""

    how: Settled
    by: str
    external_id: str
    url: str | None = None
    posted_on: date | None = None
    note: str | None = None


def to_settle(
    connection: Connection, company_id: str, job_id: str, entry_id: str, how: Settled
) -> ItemProgress:
    """Return an item that a person may settle so. Raises UnknownItemError and NotToSettleError."""
    return _case(connection, company_id, job_id, entry_id, how).item


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

    The entry that a person has made by hand takes the place of one that was found to be lost, or named by hand before.

    Raises UnknownItemError, also where the job is another company's, and NotToSettleError.
    """
    # No worker writes for the company meanwhile: what it plans it sees settled, or it was planned before this looks.
    connection.execute(select(leases.c.token).where(leases.c.company_id == company_id).with_for_update())
    # Where the item and its job stand may not change while this is decided.
    connection.execute(select(jobs.c.job_id).where(jobs.c.job_id == job_id).with_for_update())
    this = (items.c.job_id == job_id, items.c.accounting_entry_id == entry_id)
    connection.execute(select(items.c.phase).where(*this).with_for_update())
    job, known, gone = _case(connection, company_id, job_id, entry_id, settlement.how)
    if gone is not None:
        known = replace(known, external_url=None, exported_at=None, posted_on=None)
    if settlement.how is Settled.BY_HAND:
        _require_no_other(connection, job, known, settlement, gone)
        connection.execute(delete(differences).where(*_found_lost(company_id, known)))
    _require_one_entry(known, settlement, gone)
    connection.execute(update(items).where(*this).values(_settled(known, settlement, now)))
    return steps.get(connection, job_id, entry_id)


class _Case(NamedTuple):
    """What a person settles; `gone` is the entry that another may take the place of."""

    job: JobProgress
    item: ItemProgress
    gone: str | None


def _case(connection: Connection, company_id: str, job_id: str, entry_id: str, how: Settled) -> _Case:
    of_company = select(jobs.c.job_id).where(jobs.c.job_id == job_id, jobs.c.company_id == company_id)
    if connection.execute(of_company).first() is None:
        raise UnknownItemError(job_id, entry_id)
    job, item = job_steps.get(connection, job_id), steps.get(connection, job_id, entry_id)
    if how is Settled.BY_HAND and item.phase is Phase.RECORDED:
        corrects = item.settled_how is Settled.BY_HAND and not _on_its_way(job, item)
        if corrects or _is_any(connection, _found_lost(company_id, item)):
            return _Case(job, item, item.external_id)
    if (hindrance := _hindrance(job, item, how)) is not None:
        raise NotToSettleError(job_id, entry_id, hindrance)
    return _Case(job, item, None)


def _hindrance(job: JobProgress, item: ItemProgress, how: Settled) -> str | None:
    """Say why an item is nothing for a person to settle, and what helps."""
    match item.phase:
        case Phase.RECORDED:
            corrects = how is Settled.BY_HAND and item.settled_how is Settled.BY_HAND
            return NOT_ENDED if corrects else STANDS.format(entry=item.external_id)
        case Phase.INTENDED if not job.open:
            return None  # begun, and nobody will look what became of it any more
        case Phase.PLANNED if not job.open:
            return NEVER_TRIED
        case Phase.PLANNED | Phase.INTENDED:
            return NOT_ENDED
        case Phase.REJECTED:
            if how is Settled.LOOKED_UP and not item.unknown:
                return REASON_KNOWN
            return NOT_ENDED if _on_its_way(job, item) else None


def _on_its_way(job: JobProgress, item: ItemProgress) -> bool:
    """Whether Pleo is still to be told of the outcome."""
    told = item.reported_at is not None or item.report_problem is not None
    return job.open and job.closing_event is None and not told


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


def _require_one_entry(known: ItemProgress, settlement: Settlement, gone: str | None) -> None:
    if known.external_id not in (None, settlement.external_id, gone):
        sentence = OTHER_ENTRY.format(entry=known.external_id, named=settlement.external_id)
        raise NotToSettleError(known.job_id, known.accounting_entry_id, sentence)


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
            raise NotToSettleError(other_id, entry_id, NOT_ENDED)


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
