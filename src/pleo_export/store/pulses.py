"""Whether anything has changed, told by a look that is cheap however much there is."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, func, select, true

from pleo_export.store.jobs import OPEN
from pleo_export.store.tables import audit, companies, differences, items, jobs, steps

Pulse = tuple[Any, ...]  # means nothing but that another one is another one

COMPANY_TIMES = ("last_checked_at", "paused_at", "trouble_since", "waiting_until", "added_at")
JOB_FACTS = ("first_seen_at", "started_at", "closing_event")
ITEM_TIMES = ("intended_at", "decided_at", "reported_at", "report_problem")


def of(connection: Connection, company_ids: AbstractSet[str] | None) -> Pulse:
    """Return what differs once something has changed for these companies, None: all."""
    return tuple(fact for look in _looks(company_ids) for fact in connection.execute(look).one())


def _looks(company_ids: AbstractSet[str] | None) -> Iterator[Select[Any]]:
    yield _told(companies, COMPANY_TIMES).where(_of(companies, company_ids))
    # An ended job changes no more, but by a person's hand; and where one ends there is one open job less.
    ours = (_of(jobs, company_ids), *OPEN)
    yield _told(jobs, JOB_FACTS).where(*ours)
    yield _told(items, ITEM_TIMES).join(jobs).where(*ours)
    yield select(func.count()).select_from(steps).join(jobs).where(*ours)
    yield select(func.max(audit.c.id)).where(_of(audit, company_ids))
    yield _told(differences, ("found_at",)).where(_of(differences, company_ids))


def _told(table: Table, names: tuple[str, ...]) -> Select[Any]:
    """Count the rows, and how many hold each column; with the greatest value none is exchanged for another unseen."""
    columns = [table.c[name] for name in names]
    facts: list[ColumnElement[Any]] = [func.count()]
    for column in columns:
        facts += (func.count(column), func.max(column))
    return select(*facts).select_from(table)


def _of(table: Table, company_ids: AbstractSet[str] | None) -> ColumnElement[bool]:
    return true() if company_ids is None else table.c.company_id.in_(sorted(company_ids))
