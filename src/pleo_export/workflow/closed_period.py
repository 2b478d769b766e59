"""What becomes of an entry whose period is closed: the same for a run and for a preview."""

from datetime import date

from msgspec.structs import replace

from pleo_export.accounting.port import PeriodClosedError
from pleo_export.domain.entry import Entry
from pleo_export.domain.period import adjusted_date
from pleo_export.domain.settings import CompanySettings


def move_entry(entry: Entry, closed: PeriodClosedError, settings: CompanySettings, *, today: date) -> Entry:
    """Return the entry on the date that the company's strategy gives. Raises `closed` where it gives none."""
    strategy = settings.bookkeeping.closed_period
    day = adjusted_date(strategy, closed.day, today=today, next_open=closed.next_open)
    if day is None:
        raise closed
    return replace(entry, posting_date=day)
