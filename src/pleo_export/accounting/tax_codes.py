"""Tax that the mapping leaves to the books: how a connector that keeps its own splits it off by code."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from math import floor

import msgspec
from msgspec.structs import replace

from pleo_export.accounting.port import EntryRefusedError
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Entry, Posting, Reason
from pleo_export.domain.matching import round_half_even
from pleo_export.domain.money import Money


class TaxRule(msgspec.Struct, frozen=True, kw_only=True):
    """What a tax code does: `rate` is a fraction, None where nothing can be split by the code.

    `input_account` takes the tax. With an `output_account` the tax comes on top and is owed there: reverse charge.
    """

    rate: Decimal | None
    input_account: str | None = None
    output_account: str | None = None


def split_by_code(entry: Entry, rules: Mapping[str, TaxRule]) -> Entry:
    """Return the entry with every tax that was left to the books on the accounts of its code (the keys of `rules`).

    Raises TaxCodeUnknownError, TaxRateMissingError or TaxDiffersError.
    """
    if all(posting.tax is None for posting in entry.postings):
        return entry
    return replace(entry, postings=tuple(leg for posting in entry.postings for leg in _legs(posting, rules)))


class TaxCodeUnknownError(EntryRefusedError):
    """A posting's tax code is none that the books can split by."""

    cause = Cause.TAX_CODE_UNKNOWN

    def __init__(self, code: str | None) -> None:
        super().__init__(code=code)


class TaxRateMissingError(EntryRefusedError):
    """The books know the tax code, but no rate or no account for it."""

    cause = Cause.TAX_RATE_MISSING

    def __init__(self, posting: Posting) -> None:
        super().__init__(code=posting.tax_code, tax=posting.tax, amount=posting.amount)


class TaxDiffersError(EntryRefusedError):
    """By its code the tax comes to something else than Pleo states."""

    cause = Cause.TAX_DIFFERS

    def __init__(self, posting: Posting, tax: Money) -> None:
        super().__init__(code=posting.tax_code, computed=tax, amount=posting.amount, stated=posting.tax)


def _legs(posting: Posting, rules: Mapping[str, TaxRule]) -> Iterator[Posting]:
    """Yield the posting itself, or its net amount and the tax beside it, in the posting's direction."""
    if posting.tax is None:
        yield posting
        return
    rule = rules.get(posting.tax_code or "")
    if rule is None:
        raise TaxCodeUnknownError(posting.tax_code)
    if rule.rate is None or (rule.rate and rule.input_account is None):
        raise TaxRateMissingError(posting)
    on_top = rule.output_account is not None
    tax = _tax(posting.amount, rule.rate, on_top=on_top)
    if not (tax - posting.tax).is_rounding:
        raise TaxDiffersError(posting, tax)
    stated = "" if tax == posting.tax else f", Pleo states {posting.tax}"
    net = posting.amount if on_top else posting.amount - tax
    taxed = Posting(
        account=rule.input_account or "",
        amount=tax,
        reason=Reason(f"tax code {posting.tax_code} of the books", f"{_percent(rule.rate)} of {net}{stated}"),
        line_id=posting.line_id,
        tax_code=posting.tax_code,
        original=_share(posting.original, tax, posting.amount),
    )
    yield replace(
        posting,
        amount=net,
        original=posting.original if on_top else _minus(posting.original, taxed.original),
        tax=None,
    )
    if tax.units:
        yield taxed
    if tax.units and rule.output_account is not None:
        yield replace(
            taxed,
            account=rule.output_account,
            amount=-tax,
            original=_minus(None, taxed.original),
        )


def _share(whole: Money | None, tax: Money, amount: Money) -> Money | None:
    """Return the tax in another currency's `whole` that stands for `amount`."""
    if whole is None or amount.units == 0:
        return whole
    return Money(whole.currency, round_half_even(whole.units * tax.units, amount.units))


def _minus(whole: Money | None, part: Money | None) -> Money | None:
    if part is None:
        return whole
    return -part if whole is None else whole - part


def _tax(amount: Money, rate: Decimal, *, on_top: bool) -> Money:
    """Return the tax in or on an amount, rounded half up; a negative amount gives the same with the other sign."""
    share = Fraction(rate) if on_top else Fraction(rate) / (1 + Fraction(rate))
    units = floor(abs(amount.units) * share + Fraction(1, 2))
    return Money(amount.currency, units if amount.units >= 0 else -units)


def _percent(rate: Decimal) -> str:
    return f"{(rate * 100).normalize():f} %"
