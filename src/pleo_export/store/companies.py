"""What is remembered about companies, as statements."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, case, delete, func, literal, select, update

from pleo_export.domain.progress import Company, LastLook
from pleo_export.store import sealed
from pleo_export.store.errors import CompanyExistsError, UnknownCompanyError
from pleo_export.store.tables import companies, grants, insert_if_absent

ADDED = companies.c.added_at.is_not(None)
WITHOUT_SETTINGS = [column for column in companies.c if column is not companies.c.settings]


def note(connection: Connection, company_id: str, now: datetime) -> None:
    """Remember the company, if only that there is one."""
    connection.execute(insert_if_absent(companies), {"company_id": company_id, "first_seen_at": now})


def see(connection: Connection, company_id: str, now: datetime) -> None:
    """Note that Pleo is asked for the company's jobs now."""
    note(connection, company_id, now)
    _change(connection, company_id, last_checked_at=now)


def add(connection: Connection, company_id: str, facts: dict[str, str], now: datetime) -> None:
    """Take the company into service. Raises CompanyExistsError where it is in service."""
    note(connection, company_id, now)
    if not _change(connection, company_id, companies.c.added_at.is_(None), added_at=now, **facts):
        raise CompanyExistsError(company_id)


def change(connection: Connection, company_id: str, settings: str, folder: str) -> None:
    """Keep other settings. Raises UnknownCompanyError."""
    _change_added(connection, company_id, settings=settings, folder=folder)


def pause(connection: Connection, company_id: str, now: datetime) -> None:
    """Note since when the company is paused; the first time counts. Raises UnknownCompanyError."""
    paused_at = func.coalesce(companies.c.paused_at, literal(now, companies.c.paused_at.type))
    _change_added(connection, company_id, paused_at=paused_at)


def resume(connection: Connection, company_id: str) -> None:
    """End the pause, if there is one. Raises UnknownCompanyError."""
    _change_added(connection, company_id, paused_at=None)


def remove(connection: Connection, company_id: str) -> None:
    """Take the company out of service and forget what it was run with; its jobs stay. Raises UnknownCompanyError."""
    gone = (
        "added_at",
        "name",
        "settings",
        "folder",
        "paused_at",
        "trouble",
        "trouble_since",
        "waiting_until",
    )
    _change_added(connection, company_id, **dict.fromkeys(gone))
    connection.execute(delete(grants).where(grants.c.company_id == company_id))
    sealed.drop(connection, company_id)


def trouble(connection: Connection, company_id: str, sentence: str | None, now: datetime) -> None:
    """Keep what is wrong, and since when; the time stays while the sentence does. Raises UnknownCompanyError."""
    known, since = companies.c.trouble, companies.c.trouble_since
    lasting = case((known == literal(sentence, known.type), since), else_=literal(now, since.type))
    if not _change(connection, company_id, trouble=sentence, trouble_since=lasting if sentence else None):
        raise UnknownCompanyError(company_id)


def wait_until(connection: Connection, company_id: str, until: datetime) -> None:
    """Note until when calls wait. Raises UnknownCompanyError."""
    if not _change(connection, company_id, waiting_until=until):
        raise UnknownCompanyError(company_id)


def get(connection: Connection, company_id: str) -> Company:
    """Return one company. Raises UnknownCompanyError."""
    found = _read(connection, select(companies).where(companies.c.company_id == company_id))
    if not found:
        raise UnknownCompanyError(company_id)
    return found[0]


def in_service(connection: Connection, company_id: str) -> Company:
    """Return one company, which was added and not removed since. Raises UnknownCompanyError."""
    company = get(connection, company_id)
    if not company.in_service:
        raise UnknownCompanyError(company_id)
    return company


def everyone(connection: Connection) -> list[Company]:
    """Return every company that was ever seen, by id, without its settings: of many, they are most of what there is."""
    return _read(connection, select(*WITHOUT_SETTINGS).order_by(companies.c.company_id))


def last_looks(connection: Connection) -> list[LastLook]:
    """Return when each company was last looked at that is in service and not paused."""
    active = (ADDED, companies.c.paused_at.is_(None))
    facts = (companies.c.company_id, companies.c.last_checked_at, companies.c.trouble.is_not(None))
    return [LastLook(*row) for row in connection.execute(select(*facts).where(*active))]


def only(connection: Connection) -> str | None:
    """Return the id of the company in service where there is one and no other."""
    found = connection.execute(select(companies.c.company_id).where(ADDED).limit(2)).scalars().all()
    return found[0] if len(found) == 1 else None


def _change_added(connection: Connection, company_id: str, **values: Any) -> None:
    if not _change(connection, company_id, ADDED, **values):
        raise UnknownCompanyError(company_id)


def _change(connection: Connection, company_id: str, *guards: ColumnElement[bool], **values: Any) -> bool:
    """Update the company where the guards allow it; return whether they did."""
    changed = update(companies).where(companies.c.company_id == company_id, *guards).values(values)
    return bool(connection.execute(changed).rowcount)


def _read(connection: Connection, query: Select[Any]) -> list[Company]:
    return [msgspec.convert(row, Company, from_attributes=True) for row in connection.execute(query)]
