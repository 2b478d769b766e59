"""Step 5.5: the date an entry is posted on. The accounting system owns the periods; Pleo only sends the date."""

from datetime import UTC, date

from pleo_export.domain.item import ExportItem
from pleo_export.domain.settings import ClosedPeriodStrategy


def expense_date(item: ExportItem) -> date:
    """Return the transaction date (UTC), the date every entry is first tried with. `servicePeriod` never moves it."""
    return item.date.astimezone(UTC).date()


def adjusted_date(
    strategy: ClosedPeriodStrategy, closed: date, *, today: date, next_open: date | None
) -> date | None:
    """Return the date to try after `closed` was refused, or None where the expense has to fail."""
    match strategy:
        case ClosedPeriodStrategy.FAIL:
            return None
        case ClosedPeriodStrategy.TODAY:
            return today if today != closed else None
        case ClosedPeriodStrategy.NEXT_OPEN:
            return next_open
