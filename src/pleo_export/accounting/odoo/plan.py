"""An entry on its way into Odoo, and which documents it becomes. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

import msgspec

from pleo_export.accounting.acceptance import UnknownJournalError
from pleo_export.accounting.odoo.chart import Account, Chart, Currency, Journal
from pleo_export.accounting.odoo.names import Part
from pleo_export.accounting.port import EntryRefusedError
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Dimension, Entry, EntryKind, Posting
from pleo_export.domain.money import Money

MOVE_TYPES = {EntryKind.BILL: "in_invoice", EntryKind.CREDIT_NOTE: "in_refund"}
_PAYABLE = "liability_payable"


class NotPayableError(EntryRefusedError):
    """A bill would be owed on an account that Odoo allows no bill on."""

    cause = Cause.ODOO_NOT_PAYABLE

    def __init__(self, account: Account) -> None:
        super().__init__(account=account.code, name=account.name)


class CurrencyInactiveError(EntryRefusedError):
    """A line is in a currency that is not in use in Odoo."""

    cause = Cause.ODOO_CURRENCY_INACTIVE

    def __init__(self, currency: str) -> None:
        super().__init__(currency=currency)


class CurrencyRateMissingError(EntryRefusedError):
    """Odoo has no rate of a currency for the day, and Pleo does not say what the amount is worth."""

    cause = Cause.ODOO_RATE_MISSING

    def __init__(self, currency: str, day: date) -> None:
        super().__init__(currency=currency, day=day)


class CurrencyRoundingError(EntryRefusedError):
    """A line has an amount, or is worth one, that Odoo would round."""

    cause = Cause.ODOO_CURRENCY_ROUNDING

    def __init__(self, amount: Money, currency: Currency) -> None:
        least = Money(amount.currency, 1).decimal
        super().__init__(
            amount=amount,
            currency=amount.currency,
            rounding=f"{currency.rounding.normalize():f}",
            least=least,
        )


class DimensionUnknownError(EntryRefusedError):
    """A line has a dimension that is no analytic account in Odoo."""

    cause = Cause.TAG_UNKNOWN

    def __init__(self, dimension: Dimension) -> None:
        super().__init__(tag=dimension.code, group=dimension.group)


class TaxAmbiguousError(EntryRefusedError):
    """A line's tax code is the name of several taxes, whose rates differ."""

    cause = Cause.ODOO_TAX_AMBIGUOUS

    def __init__(self, code: str) -> None:
        super().__init__(code=code)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """An entry on its way into Odoo: its tax is split, its vendor there. `rates` are Odoo's, where some are needed.

    `fingerprint` is that of the entry before its tax was split; `attempt` is another one each time. `untold`: why Odoo
    is not told which lines of a bill are taxed, and does not work out the tax itself; empty where it is.
    """

    entry: Entry
    fingerprint: str
    chart: Chart
    attempt: str = ""
    partner: int | None = None
    rates: Mapping[str, Decimal] = {}
    untold: str = ""

    @property
    def is_bill(self) -> bool:
        """Whether it becomes a bill or refund: Odoo has none without a vendor."""
        return self.entry.kind in MOVE_TYPES and self.partner is not None

    @property
    def parts(self) -> tuple[Part, ...]:
        """The documents there are, in the order of their rows."""
        entry = self.entry
        found = [Part.ENTRY]
        found += [Part.SETTLEMENT] if entry.settlement else []
        found += [Part.CLEARING] if entry.clearing else []
        return tuple(found)

    def legs(self, part: Part) -> Sequence[Posting]:
        """Return the postings of a document."""
        entry = self.entry
        match part:
            case Part.ENTRY:
                return entry.postings
            case Part.SETTLEMENT:
                return entry.settlement
            case Part.CLEARING:
                return entry.clearing

    def journal(self, part: Part) -> Journal:
        """Return the journal a document goes into."""
        if part is Part.ENTRY:
            return journal_of(self.chart, self.entry.journal, bill=self.is_bill)
        return journal_of(self.chart, self.entry.settlement_journal, bill=False)

    @property
    def owed_at(self) -> int:
        """The place of the posting on which a bill is owed; for other entries the last one. Raises NotPayableError."""
        entry, accounts = self.entry, self.chart.accounts
        if not self.is_bill:
            return len(entry.postings) - 1
        payable = [
            place
            for place, leg in enumerate(entry.postings)
            if accounts[leg.account].account_type == _PAYABLE
        ]
        if not payable:
            raise NotPayableError(accounts[entry.postings[-1].account])
        return payable[-1]


def journal_of(chart: Chart, code: str | None, *, bill: bool) -> Journal:
    """Return the journal with this code, else the first one that takes such entries."""
    if code is not None:
        if code not in chart.journals:
            raise UnknownJournalError(code)
        return chart.journals[code]
    wanted = "purchase" if bill else "general"
    found = next((one for one in chart.journals.values() if one.type == wanted), None)
    if found is None:
        raise UnknownJournalError(f"of the type {wanted}")
    return found
