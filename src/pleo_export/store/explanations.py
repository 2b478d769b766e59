"""What is kept of expenses and their entries, as statements. Nothing else in the store knows an expense."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, delete, select, update

from pleo_export.domain.explanation import Explanation
from pleo_export.store.prepared import Prepared
from pleo_export.store.tables import explanations, insert_if_absent

KEEP = Prepared(insert_if_absent(explanations))


def keep(
    connection: Connection, job_id: str, entry_id: str, explanation: Explanation | None, now: datetime
) -> None:
    """Keep an explanation in the place of the one before, if there is any to keep."""
    if explanation is None:
        return
    amount = explanation.amount
    row = {
        "job_id": job_id,
        "accounting_entry_id": entry_id,
        "kept_at": now,
        "amount": amount.units if amount else None,
        "currency": amount.currency if amount else None,
        "document": explanation.encoded(),
    }
    if not KEEP.run(connection, row):
        this = (explanations.c.job_id == job_id, explanations.c.accounting_entry_id == entry_id)
        connection.execute(update(explanations).where(*this).values(row))


def get(connection: Connection, job_id: str, entry_id: str) -> Explanation | None:
    """Return what was kept, None where nothing is."""
    this = (explanations.c.job_id == job_id, explanations.c.accounting_entry_id == entry_id)
    kept = connection.execute(select(explanations.c.document).where(*this)).scalar()
    return None if kept is None else read(kept)


def read(kept: bytes) -> Explanation | None:
    """Return what was kept; None where another version kept it in a way that this one does not know."""
    try:
        return Explanation.decoded(kept)
    except msgspec.DecodeError:
        return None


def forget(connection: Connection, before: datetime) -> int:
    """Forget what was kept before; return how many."""
    return connection.execute(delete(explanations).where(explanations.c.kept_at < before)).rowcount
