"""Up to which day Odoo takes nothing more.

Odoo itself refuses nothing: it posts on another day and says so only in the entry. So the locks are read before.
"""

from datetime import date

import msgspec

from pleo_export.accounting.odoo.client import OdooClient


class Locks(msgspec.Struct, frozen=True):
    """Up to which day Odoo takes nothing more; `1-01-01` where it takes everything. The user's exceptions count."""

    user_fiscalyear_lock_date: str
    user_hard_lock_date: str
    user_purchase_lock_date: str
    user_sale_lock_date: str
    user_tax_lock_date: str

    def through(self, journal_type: str | None = None, *, taxed: bool = False) -> date | None:
        """Return the last closed day for entries in a journal of this type, with or without tax."""
        of_journal = {"purchase": self.user_purchase_lock_date, "sale": self.user_sale_lock_date}
        days = [self.user_fiscalyear_lock_date, self.user_hard_lock_date]
        days += [of_journal[journal_type]] if journal_type in of_journal else []
        days += [self.user_tax_lock_date] if taxed else []
        closed = max(_day(one) for one in days)
        return None if closed == date.min else closed


def _day(text: str) -> date:
    year, month, day = text.split("-")
    return date(int(year), int(month), int(day))


async def read_locks(client: OdooClient) -> Locks:
    """Return the lock dates as they are now. Raises ConnectorError."""
    company = await client.company()
    rows = await client.search_read("res.company", list[Locks], [["id", "=", company.id]])
    return rows[0]
