"""Secrets as statements. They come encrypted and are never seen here in clear."""

from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, delete, select, update

from pleo_export.domain.item import Instant
from pleo_export.store.tables import insert_if_absent, secrets


class SealedSecret(msgspec.Struct, frozen=True, kw_only=True):
    """One secret of a company, encrypted."""

    company_id: str
    kind: str
    ciphertext: bytes
    updated_at: Instant


def get(connection: Connection, company_id: str, kind: str) -> bytes | None:
    """Return the secret, None where there is none."""
    return connection.execute(select(secrets.c.ciphertext).where(_this(company_id, kind))).scalar()


def keep(connection: Connection, company_id: str, kind: str, ciphertext: bytes, now: datetime) -> None:
    """Keep the secret in the place of what was there."""
    facts = {"ciphertext": ciphertext, "updated_at": now}
    row = {"company_id": company_id, "kind": kind, **facts}
    if not connection.execute(insert_if_absent(secrets), row).rowcount:
        connection.execute(update(secrets).where(_this(company_id, kind)).values(facts))


def replace(
    connection: Connection, company_id: str, kind: str, ciphertexts: tuple[bytes, bytes], now: datetime
) -> bool:
    """Keep the second ciphertext where the first one still stands; return whether it did."""
    old, new = ciphertexts
    unchanged = (_this(company_id, kind), secrets.c.ciphertext == old)
    changed = update(secrets).where(*unchanged).values(ciphertext=new, updated_at=now)
    return bool(connection.execute(changed).rowcount)


def drop(connection: Connection, company_id: str, kind: str | None = None) -> int:
    """Forget the company's secret of this kind, or all of them; return how many there were."""
    these = secrets.c.company_id == company_id if kind is None else _this(company_id, kind)
    return connection.execute(delete(secrets).where(these)).rowcount


def forget(connection: Connection, kind: str, before: datetime) -> int:
    """Forget what was kept before of this kind, for whatever company; return how much it was."""
    these = (secrets.c.kind == kind, secrets.c.updated_at < before)
    return connection.execute(delete(secrets).where(*these)).rowcount


def everything(connection: Connection) -> list[SealedSecret]:
    """Return all secrets of all companies."""
    rows = connection.execute(select(secrets).order_by(secrets.c.company_id, secrets.c.kind))
    return [msgspec.convert(row, SealedSecret, from_attributes=True) for row in rows]


def _this(company_id: str, kind: str) -> ColumnElement[bool]:
    return and_(secrets.c.company_id == company_id, secrets.c.kind == kind)
