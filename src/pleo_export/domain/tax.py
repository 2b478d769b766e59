"""Step 5.3, VAT: how the tax of a line splits its amount into postings.

`lineAmount` is what was paid. Inclusive and exclusive tax lie inside it: net = line - tax. Under reverse charge the
line is net already and the tax stands on both tax accounts. Pleo's pages describe `netAmount` in two ways that
contradict each other, so it is checked against both and never used.
"""

import msgspec

from pleo_export.domain.accounts import Accounts
from pleo_export.domain.data import booked_side
from pleo_export.domain.entry import Reason
from pleo_export.domain.failures import ItemFailureType, RejectedItemError
from pleo_export.domain.item import Line, Tax, TaxType, known
from pleo_export.domain.money import Money
from pleo_export.domain.reference import LedgerAccount, ReferenceData
from pleo_export.domain.settings import VatSettings

NET_TOLERANCE_UNITS = 1  # minor units: what rounding line by line may cost
RATE_DIGITS_MAX = 9  # a rate is shown only, so one that nobody would write is shown as it was sent


class TaxLeg(msgspec.Struct, frozen=True):
    """A posting of tax, in the direction of the line."""

    account: LedgerAccount
    amount: Money
    reason: Reason


class SplitLine(msgspec.Struct, frozen=True):
    """A line split into what is booked on its category and its tax legs; together they are what was paid."""

    net: Money
    legs: tuple[TaxLeg, ...] = ()
    tax_code: str | None = None


def split_line(
    line: Line, position: int, *, in_supplier_currency: bool, settings: VatSettings, accounts: Accounts
) -> SplitLine:
    """Split a line. Raises RejectedItemError, and MoneyError for an amount that cannot be booked exactly."""
    paid = booked_side(line.line_amount, in_supplier_currency=in_supplier_currency).exact()
    stated_net = booked_side(line.net_amount, in_supplier_currency=in_supplier_currency).exact()
    if line.tax is None:
        _check_net(position, stated_net, paid, Money(paid.currency, 0))
        return SplitLine(paid)
    tax = booked_side(line.tax.amount, in_supplier_currency=in_supplier_currency).exact()
    _check_tax(line.tax, position, accounts.reference)
    _check_net(position, stated_net, paid, tax)
    if tax.units == 0:
        return SplitLine(paid, (), line.tax.code)
    ingoing = _leg(line.tax, tax, accounts, "ingoing", (line.tax.ingoing_tax_account, settings.input_account))
    if line.tax.type == TaxType.REVERSE:
        outgoing = _leg(
            line.tax, -tax, accounts, "outgoing", (line.tax.outgoing_tax_account, settings.output_account)
        )
        return SplitLine(paid, (ingoing, outgoing), line.tax.code)
    return SplitLine(paid - tax, (ingoing,), line.tax.code)


def _leg(
    tax: Tax, amount: Money, accounts: Accounts, side: str, codes: tuple[str | None, str | None]
) -> TaxLeg:
    sent, configured = codes
    key = "vat.input_account" if side == "ingoing" else "vat.output_account"
    code = sent or configured
    if code is None:
        raise RejectedItemError(
            ItemFailureType.MISSING_CONFIGURATION,
            f"Account for {side} VAT missing: tax code {tax.code or tax.id} names none."
            f" Provide {key} in the settings, or the account with the tax code in Pleo; then export again.",
        )
    account, reason = accounts.tax(code, f"tax.{side}TaxAccount" if sent else key)
    fallback = None if sent else "the tax code names no account"
    return TaxLeg(
        account, amount, Reason(reason.rule, f"{reason.value} for {_rate(tax)} {tax.type} VAT", fallback)
    )


def _rate(tax: Tax) -> str:
    if not tax.rate.is_finite() or abs(tax.rate.adjusted()) > RATE_DIGITS_MAX:
        return str(tax.rate)
    return f"{(tax.rate * 100).normalize():f} %"


def _check_tax(tax: Tax, position: int, reference: ReferenceData) -> None:
    if known(TaxType, tax.type) is None:
        raise RejectedItemError(
            ItemFailureType.VALIDATION_FAILURE,
            f"Line {position} has the tax type '{tax.type}', which this version of pleo-export does not know."
            " Update pleo-export and export the expense again.",
        )
    codes = reference.tax_codes
    if codes is not None and tax.code is not None and tax.code not in codes:
        raise RejectedItemError(
            ItemFailureType.TAX_CODE_UNKNOWN,
            f"Tax code {tax.code} does not exist in the accounting system."
            " Choose another tax code in Pleo, or add it there; then export the expense again.",
        )


def _check_net(position: int, net: Money, paid: Money, tax: Money) -> None:
    for allowed in (paid, paid - tax):
        if abs((net - allowed).units) <= NET_TOLERANCE_UNITS:
            return
    raise RejectedItemError(
        ItemFailureType.VALIDATION_FAILURE,
        f"Line {position} of this expense does not add up: {paid} was paid, {tax} of it is tax, but Pleo gives a net"
        f" amount of {net}. Correct the tax of the line in Pleo and export the expense again.",
    )
