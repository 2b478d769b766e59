"""Step 5.3, VAT: how the tax of a line splits its amount into postings.

`lineAmount` is what was paid. Inclusive and exclusive tax lie inside it: net = line - tax. Under reverse charge the
line is net already and the tax stands on both tax accounts. Pleo's pages describe `netAmount` in two ways that
contradict each other, so it is checked against both. Where tax lies inside, the net amount is off by rounding and the
company has an account for that, it is booked as Pleo states it and what it is off by on that account; else it is not
used.
"""

from collections.abc import Sequence

import msgspec

from pleo_export.domain.accounts import Accounts
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.data import booked_side
from pleo_export.domain.entry import Reason
from pleo_export.domain.failures import RejectedItemError
from pleo_export.domain.item import Line, Tax, TaxType, known
from pleo_export.domain.money import Money
from pleo_export.domain.reference import LedgerAccount
from pleo_export.domain.settings import TaxCodeMapping, VatHandling

RATE_DIGITS_MAX = 9  # a rate is shown only, so one that nobody would write is shown as it was sent


class LineLeg(msgspec.Struct, frozen=True):
    """A posting beside the one on the category, in the direction of the line: tax, or what rounding left."""

    account: LedgerAccount
    amount: Money
    reason: Reason
    of_tax: bool = True


class SplitLine(msgspec.Struct, frozen=True):
    """A line split into what is booked on its category and the legs beside it; together they are what was paid.

    `left_to_system` is the tax that the accounting system is to split off by the tax code, where it does that itself.
    """

    net: Money
    legs: tuple[LineLeg, ...] = ()
    tax_code: str | None = None
    left_to_system: Money | None = None

    def amounts_beside(self, legs: Sequence[LineLeg]) -> Sequence[Money]:
        """Return net amount and legs of this line as they stand beside the legs that it has in another currency.

        What this one has no leg for is zero; a leg that only this one has is part of the net amount.
        """
        left, amounts = list(self.legs), []
        for leg in legs:
            own = next((one for one in left if one.of_tax == leg.of_tax), None)
            if own is not None:
                left.remove(own)
            amounts.append(Money(self.net.currency, 0) if own is None else own.amount)
        return [sum((one.amount for one in left), self.net), *amounts]


def split_line(line: Line, position: int, *, in_supplier_currency: bool, accounts: Accounts) -> SplitLine:
    """Split a line. Raises RejectedItemError, and MoneyError for an amount that cannot be booked exactly."""
    paid = booked_side(line.line_amount, in_supplier_currency=in_supplier_currency).exact()
    stated_net = booked_side(line.net_amount, in_supplier_currency=in_supplier_currency).exact()
    vat = accounts.settings.vat
    if line.tax is None:
        _off(position, stated_net, paid, Money(paid.currency, 0))
        return SplitLine(paid, (), vat.no_tax_code)
    tax = booked_side(line.tax.amount, in_supplier_currency=in_supplier_currency).exact()
    mapping = _mapping(line.tax, accounts)
    code = _code(line.tax, position, mapping, accounts)
    off = _off(position, stated_net, paid, tax)
    if vat.handling is VatHandling.BY_CODE:
        if code is None and tax.units == 0:
            return SplitLine(paid, (), vat.no_tax_code)  # nothing is to be split
        if code is None:
            raise RejectedItemError(Cause.TAX_CODE_MISSING, line=position)
        return SplitLine(paid, (), code, tax)
    if tax.units == 0:
        return SplitLine(paid, (), code)
    split = _explicit(_LineTax(line.tax, tax, mapping, accounts), paid, code)
    return split if line.tax.type == TaxType.REVERSE else _rounded(split, off, accounts)


class _LineTax(msgspec.Struct, frozen=True):
    """The tax of a line in the currency that is booked, and what the company says about its code."""

    sent: Tax
    amount: Money
    mapping: TaxCodeMapping
    accounts: Accounts

    @property
    def code(self) -> str:
        return self.sent.code or self.sent.id

    def ingoing(self) -> LineLeg:
        configured = self.accounts.settings.vat.input_account
        codes = (self.mapping.input_account, self.sent.ingoing_tax_account, configured)
        return self._leg("ingoing", "vat.input_account", codes, self.amount)

    def outgoing(self) -> LineLeg:
        configured = self.accounts.settings.vat.output_account
        codes = (self.mapping.output_account, self.sent.outgoing_tax_account, configured)
        return self._leg("outgoing", "vat.output_account", codes, -self.amount)

    def _leg(
        self, side: str, key: str, codes: tuple[str | None, str | None, str | None], amount: Money
    ) -> LineLeg:
        rules = (f"mapping.tax_codes.{self.code}", f"tax.{side}TaxAccount", key)
        named = next(((code, rule) for code, rule in zip(codes, rules, strict=True) if code), None)
        if named is None:
            raise RejectedItemError(Cause.TAX_ACCOUNT_MISSING, side=side, code=self.code, key=key)
        code, rule = named
        place = "the accounts of the tax code in Pleo" if rule == rules[1] else f"{rule} in the settings"
        account, reason = self.accounts.tax(code, rule, place)
        mapped = self.mapping.code
        named_there = (
            f", {self.code} is {mapped} by mapping.tax_codes" if mapped and mapped != self.code else ""
        )
        told = f"{reason.value} for {_rate(self.sent)} {self.sent.type} VAT{named_there}"
        fallback = f"the tax code names no {side} account" if rule == key else None
        return LineLeg(account, amount, Reason(reason.rule, told, fallback))


def _explicit(tax: _LineTax, paid: Money, code: str | None) -> SplitLine:
    if tax.sent.type == TaxType.REVERSE:
        return SplitLine(paid, (tax.ingoing(), tax.outgoing()), code)
    return SplitLine(paid - tax.amount, (tax.ingoing(),), code)


def _rounded(split: SplitLine, off: Money, accounts: Accounts) -> SplitLine:
    """Book the net amount as Pleo states it where it is `off` and there is an account for that."""
    if off.units == 0 or accounts.settings.accounts.rounding is None:
        return split
    stated = split.net + off
    account, reason = accounts.rounding(f"Pleo states {stated} net, without the tax it is {split.net}")
    leg = LineLeg(account, -off, reason, of_tax=False)
    return SplitLine(stated, (*split.legs, leg), split.tax_code)


def _rate(tax: Tax) -> str:
    if not tax.rate.is_finite() or abs(tax.rate.adjusted()) > RATE_DIGITS_MAX:
        return str(tax.rate)
    return f"{(tax.rate * 100).normalize():f} %"


def tax_keys(tax: Tax) -> tuple[str, ...]:
    """Return what a tax of Pleo may be called in the settings, the surest first."""
    return tuple(key for key in (tax.code, tax.id) if key)


def _mapping(tax: Tax, accounts: Accounts) -> TaxCodeMapping:
    mapping = accounts.settings.mapping.tax_codes
    return next((mapping[key] for key in tax_keys(tax) if key in mapping), TaxCodeMapping())


def _code(tax: Tax, position: int, mapping: TaxCodeMapping, accounts: Accounts) -> str | None:
    """Return the accounting system's code for a tax."""
    if known(TaxType, tax.type) is None:
        raise RejectedItemError(Cause.TAX_TYPE_UNKNOWN, line=position, type=tax.type)
    codes, code = accounts.reference.tax_codes, mapping.code or tax.code
    if codes is not None and code is not None and code not in codes:
        raise RejectedItemError(Cause.TAX_CODE_UNKNOWN, code=code)
    return code


def _off(position: int, net: Money, paid: Money, tax: Money) -> Money:
    """Return by how much the stated net amount misses what is booked, which is no more than rounding.

    Nothing where it is the whole line by its other reading, which is not what is booked.
    """
    off, off_whole = net - (paid - tax), net - paid
    if off.is_rounding and abs(off.units) <= abs(off_whole.units):
        return off
    if off_whole.is_rounding:
        return Money(paid.currency, 0)
    raise RejectedItemError(Cause.TAX_DOES_NOT_ADD_UP, line=position, paid=paid, tax=tax, net=net)
