"""What is remembered of comparing Pleo, our memory and the accounting system, as statements."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, and_, delete, exists, func, insert, or_, select, update

from pleo_export.domain.item import Instant
from pleo_export.domain.job import ExportJob, ItemStatus, JobEventType
from pleo_export.domain.progress import ItemProgress, Phase, Settled
from pleo_export.domain.reconciling import Adoption, Difference, Told
from pleo_export.store import audit, companies
from pleo_export.store import items as item_steps
from pleo_export.store import jobs as job_steps
from pleo_export.store.errors import IllegalTransitionError, SecondEntryError
from pleo_export.store.jobs import OPEN
from pleo_export.store.tables import companies as company_rows
from pleo_export.store.tables import differences, insert_if_absent, items, jobs

OURSELVES = "pleo-export"  # who did it, where no person did
RESTORED = "database found to be older than Pleo or the books"
FORGOTTEN = "This export was not remembered here; its entries were found again by comparing."
NEVER_TOLD = "This export ended in Pleo before it was told of the entry."
CLOSINGS = frozenset(JobEventType) - {JobEventType.STARTED}


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A difference that was found, and since when; `known`: there is an item of ours to look at."""

    job_id: str
    accounting_entry_id: str
    kind: str
    sentence: str
    remedy: str
    found_at: Instant
    known: bool


class Due(msgspec.Struct, frozen=True):
    """Jobs of a company that are to be compared; `everything`: those that Pleo knows and we do not as well."""

    company_id: str
    job_ids: Sequence[str]
    everything: bool


def doubt(connection: Connection, job_id: str, sentence: str, now: datetime) -> bool:
    """Note why memory may be older than the world; the first reason stays. Return whether it is the first.

    Every ended job of the company is to be compared anew then.
    """
    of_it = (jobs.c.job_id == job_id, jobs.c.doubt.is_(None))
    if not connection.execute(update(jobs).where(*of_it).values(doubt=sentence)).rowcount:
        return False
    company_id = job_steps.get(connection, job_id).company_id
    connection.execute(update(jobs).where(jobs.c.company_id == company_id).values(reconciled_at=None))
    facts: dict[str, str | None] = {
        "who": OURSELVES,
        "company_id": company_id,
        "action": RESTORED,
        "detail": f"job {job_id}: {sentence}",
    }
    audit.note(connection, facts, now)
    return True


def was_intended(connection: Connection, job_id: str, entry_id: str) -> bool:
    """Whether an entry may be ours from before: another job began with it."""
    begun = or_(items.c.intended_at.is_not(None), items.c.external_id.is_not(None))
    others = select(items.c.job_id).where(
        items.c.accounting_entry_id == entry_id, items.c.job_id != job_id, begun
    )
    return connection.execute(others.limit(1)).first() is not None


def exported_later(connection: Connection, job_id: str) -> set[str]:
    """Return which items of a job stand in a job of the same company that was seen later."""
    of_it = select(jobs.c.company_id, jobs.c.first_seen_at).where(jobs.c.job_id == job_id)
    known = connection.execute(of_it).first()
    if known is None:
        return set()
    mine = select(items.c.accounting_entry_id).where(items.c.job_id == job_id)
    later = (jobs.c.company_id == known.company_id, jobs.c.first_seen_at > known.first_seen_at)
    query = (
        select(items.c.accounting_entry_id).join(jobs).where(*later, items.c.accounting_entry_id.in_(mine))
    )
    return set(connection.execute(query).scalars())


def seen_since(connection: Connection, company_id: str, since: datetime) -> list[str]:
    """Return the jobs of a company first seen since then."""
    query = select(jobs.c.job_id).where(jobs.c.company_id == company_id, jobs.c.first_seen_at >= since)
    return list(connection.execute(query).scalars())


def due(connection: Connection, since: datetime, again_before: datetime) -> list[Due]:
    """Return which ended jobs, seen `since`, are to be compared: never yet, or before then with differences found."""
    differ = exists().where(
        differences.c.company_id == jobs.c.company_id, differences.c.job_id == jobs.c.job_id
    )
    query = (
        select(jobs.c.company_id, jobs.c.job_id, jobs.c.doubt)
        .join(company_rows)
        .where(
            companies.ADDED, company_rows.c.paused_at.is_(None), ~and_(*OPEN), jobs.c.first_seen_at >= since
        )
        .where(or_(jobs.c.reconciled_at.is_(None), and_(differ, jobs.c.reconciled_at < again_before)))
        .order_by(jobs.c.company_id, jobs.c.first_seen_at)
    )
    found: dict[str, list[tuple[str, bool]]] = {}
    for company_id, job_id, why in connection.execute(query):
        found.setdefault(company_id, []).append((job_id, why is not None))
    return [
        Due(company_id, [job_id for job_id, _ in its_jobs], any(doubtful for _, doubtful in its_jobs))
        for company_id, its_jobs in found.items()
    ]


def ask_again(connection: Connection, company_id: str) -> None:
    """Let the jobs of a company in which something differs be due at once."""
    differing = select(differences.c.job_id).where(differences.c.company_id == company_id)
    these = (jobs.c.company_id == company_id, jobs.c.job_id.in_(differing))
    connection.execute(update(jobs).where(*these).values(reconciled_at=None))


def keep(
    connection: Connection, company_id: str, job_id: str, found: Mapping[str, Told], now: datetime
) -> None:
    """Keep what was found in a job in the place of what was found before; what differs as before does so since then.

    What nobody accounts for is kept with a job that is remembered only: another integration may have done the others.
    """
    its_own = (differences.c.company_id == company_id, differences.c.job_id == job_id)
    before = {
        (row.accounting_entry_id, row.kind): {"found_at": row.found_at, "told_at": row.told_at}
        for row in connection.execute(select(differences).where(*its_own))
    }
    connection.execute(delete(differences).where(*its_own))
    compared = update(jobs).where(jobs.c.job_id == job_id).values(reconciled_at=now)
    remembered = bool(connection.execute(compared).rowcount)
    rows = [
        {
            "company_id": company_id,
            "job_id": job_id,
            "accounting_entry_id": entry_id,
            "kind": told.kind.value,
            "sentence": told.sentence,
            "remedy": told.remedy,
            **before.get((entry_id, told.kind.value), {"found_at": now, "told_at": None}),
        }
        for entry_id, told in found.items()
        if remembered or told.kind is not Difference.UNACCOUNTED
    ]
    if rows:
        connection.execute(insert(differences), rows)


def of_company(
    connection: Connection, company_id: str, job_id: str | None = None, entry_id: str | None = None
) -> list[Kept]:
    """Return what differs, the oldest first: in a company, in one job of it, or in one item of that."""
    same = (
        items.c.job_id == differences.c.job_id,
        items.c.accounting_entry_id == differences.c.accounting_entry_id,
    )
    query = select(differences, exists().where(*same).label("known")).where(
        differences.c.company_id == company_id
    )
    if job_id is not None:
        query = query.where(differences.c.job_id == job_id)
    if entry_id is not None:
        query = query.where(differences.c.accounting_entry_id == entry_id)
    rows = connection.execute(query.order_by(differences.c.found_at, differences.c.accounting_entry_id))
    return [msgspec.convert(row, Kept, from_attributes=True) for row in rows]


def by_kind(connection: Connection) -> dict[str, int]:
    """Count what differs in all companies, by kind; those that nothing differs in any more are 0."""
    query = select(differences.c.kind, func.count()).group_by(differences.c.kind)
    return dict.fromkeys(map(str, Difference), 0) | dict(connection.execute(query).all())


def adopt(connection: Connection, job: ExportJob, adoption: Adoption, now: datetime) -> ItemProgress:
    """Remember an entry that stands in the books; nothing is told to Pleo.

    Raises IllegalTransitionError where the job is at work or the item is recorded, SecondEntryError where another entry
    is remembered for it.
    """
    entry_id, exported = adoption.accounting_entry_id, adoption.shown == ItemStatus.SUCCESSFUL
    _remember(connection, job, now)
    item_steps.plan(connection, job.id, [entry_id])
    known = item_steps.get(connection, job.id, entry_id)
    if known.phase is Phase.RECORDED or job_steps.get(connection, job.id).open:
        raise IllegalTransitionError(job.id, entry_id, known.phase, Settled.LOOKED_UP)
    if known.external_id not in (None, adoption.external_id):
        raise SecondEntryError(job.id, entry_id, known.external_id, adoption.external_id)
    this = (items.c.job_id == job.id, items.c.accounting_entry_id == entry_id)
    connection.execute(
        update(items)
        .where(*this)
        .values(
            phase=Phase.RECORDED.value,
            external_id=adoption.external_id,
            external_url=adoption.url,
            posted_on=adoption.posted_on,
            exported_at=known.exported_at or now,
            already_there=True,
            unknown=False,
            decided_at=now,
            reported_at=known.reported_at or (now if exported else None),
            report_problem=None if exported else NEVER_TOLD,
            settled_how=Settled.LOOKED_UP.value,
            settled_by=adoption.by,
            settled_at=now,
            **dict.fromkeys(("failure_code", "failure_type", "failure_reason")),
        )
    )
    return item_steps.get(connection, job.id, entry_id)


def _remember(connection: Connection, job: ExportJob, now: datetime) -> None:
    """Remember a job that ended in Pleo and that nothing is known of."""
    companies.note(connection, job.company_id, now)
    ended = job.completed_at or now
    closing = job.status if job.status in CLOSINGS else None
    row = {
        "job_id": job.id,
        "company_id": job.company_id,
        "first_seen_at": job.created_at,
        "started_at": job.started_at,
        "closing_event": closing,
        "closed_at": ended if closing else None,
        "problem": None if closing else FORGOTTEN,
        "told_at": now,
    }
    connection.execute(insert_if_absent(jobs), row)
