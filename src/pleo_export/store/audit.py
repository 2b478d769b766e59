"""Who pressed what, and when, as statements."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, insert, select

from pleo_export.domain.item import Instant
from pleo_export.store.tables import audit


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a person did; `company_id` is None where it concerns no company alone."""

    id: int
    at: Instant
    who: str
    company_id: str | None
    action: str
    detail: str | None


def note(connection: Connection, facts: dict[str, str | None], now: datetime) -> None:
    """Keep that somebody did something."""
    connection.execute(insert(audit).values(at=now, **facts))


def actions(
    connection: Connection, company_id: str | None, limit: int, before_id: int | None
) -> list[Action]:
    """Return what was done, the newest first: in a company, or, where that is None, anywhere."""
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if company_id is not None:
        query = query.where(audit.c.company_id == company_id)
    if before_id is not None:
        query = query.where(audit.c.id < before_id)
    return [msgspec.convert(row, Action, from_attributes=True) for row in connection.execute(query)]
