"""Taxes of Odoo: how an amount is split by one, and which lines of an entry count for the tax report. Pure.

A tax has shares: the account and the tags for so many percent of it. A share without an account stays where the expense
is (tax that is not deducted). Shares that add up to nothing are reverse charge.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

import msgspec
from msgspec.structs import replace

from pleo_export.accounting.tax_codes import TaxRule, split_by_code
from pleo_export.domain.entry import Entry, Posting
from pleo_export.domain.money import Money

_WHOLE = Decimal(100)
# Where the split tax waits until it is put on the accounts of its shares.
_ASIDE, _OWED_ASIDE = "(tax)", "(tax owed)"


class Share(msgspec.Struct, frozen=True):
    """A part of a tax: `percent` of it, below zero where it is owed; `account` is a code, None: where the expense is."""

    id: int
    percent: Decimal
    account: str | None
    tags: tuple[int, ...]

    @property
    def tag(self) -> "Tag":
        """What marks a line that is this share."""
        return Tag(share=self.id, tags=self.tags)


class Tax(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase tax. `rate` is a fraction, None where it is no percentage; the shares are of bills and of refunds.

    `included`: prices hold it, so that Odoo takes it off what a bill says. `on_payment`: it is due once a bill is paid; Odoo
    then moves it from the account with the number `waits_on`, and puts the tags.
    """

    id: int
    name: str
    rate: Decimal | None
    invoice: tuple[Share, ...]
    refund: tuple[Share, ...]
    invoice_tags: tuple[int, ...] = ()
    refund_tags: tuple[int, ...] = ()
    included: bool = False
    on_payment: bool = False
    waits_on: int | None = None

    def shares(self, *, refund: bool) -> tuple[Share, ...]:
        """Return the shares that come to something."""
        return tuple(one for one in (self.refund if refund else self.invoice) if one.percent)

    def tag(self, *, refund: bool) -> "Tag":
        """Return what marks an expense on which it is due."""
        # Reverse charge is in no price, whatever the tax says of itself.
        reverse = any(one.percent < 0 for one in self.invoice)
        inside = self.rate if self.rate and self.included and not reverse else 0
        return Tag(
            tax=self.id, tags=self.refund_tags if refund else self.invoice_tags, times=Decimal(1) + inside
        )

    @property
    def splits(self) -> bool:
        """Whether an amount can be split by it: all of the tax is in it, or it is reverse charge."""
        added = sum(one.percent for one in self.invoice if one.percent > 0)
        owed = sum(one.percent for one in self.invoice if one.percent < 0)
        return self.rate is not None and (self.rate == 0 or (added == _WHOLE and owed in (0, -_WHOLE)))

    @property
    def rule(self) -> TaxRule:
        """The rule that splits by it, with places in the stead of accounts."""
        reverse = any(one.percent < 0 for one in self.invoice)
        return TaxRule(
            rate=self.rate if self.splits else None,
            input_account=_ASIDE,
            output_account=_OWED_ASIDE if reverse else None,
        )


class Tag(msgspec.Struct, frozen=True):
    """What Odoo has to know of a line for its tax report: the tax that is due on it, or the share that it is; tags.

    The price of the line is its amount so many `times`: more than once where prices hold the tax. `account` is the number
    of the one that the line stands on in the stead of its own.
    """

    tax: int | None = None
    share: int | None = None
    tags: tuple[int, ...] = ()
    times: Decimal = Decimal(1)
    account: int | None = None


NO_TAG = Tag()


def split(entry: Entry, taxes: Mapping[str, Tax]) -> Entry:
    """Return the entry with each tax that was left to Odoo on the accounts of its shares.

    Raises TaxCodeUnknownError, TaxRateMissingError or TaxDiffersError.
    """
    whole = split_by_code(entry, {name: tax.rule for name, tax in taxes.items()})
    legs: list[Posting] = []
    for leg in whole.postings:
        expense = legs[-1].account if legs else ""
        legs += _shared(leg, taxes[leg.tax_code or ""], expense) if _aside(leg) else [leg]
    return replace(whole, postings=tuple(legs))


def _aside(leg: Posting) -> bool:
    return leg.account in (_ASIDE, _OWED_ASIDE)


def _shared(leg: Posting, tax: Tax, expense: str) -> Iterator[Posting]:
    """Yield the parts of a tax; what rounding leaves goes to the last one."""
    shares = [one for one in tax.invoice if (one.percent > 0) == (leg.account == _ASIDE) and one.percent]
    amounts = _in_parts(leg.amount, shares)
    originals = [None] * len(shares) if leg.original is None else _in_parts(leg.original, shares)
    for share, amount, original in zip(shares, amounts, originals, strict=True):
        yield replace(leg, account=share.account or expense, amount=amount, original=original)


def _in_parts(whole: Money, shares: Sequence[Share]) -> list[Money]:
    parts = [_part(whole, abs(share.percent) / _WHOLE) for share in shares[:-1]]
    return [*parts, sum((-part for part in parts), whole)]


Marked = tuple[Posting, Tag]


def marked(legs: Sequence[Posting], taxes: Mapping[str, Tax]) -> list[Marked]:
    """Return the legs of a journal entry with what Odoo has to know of each; it leaves the amounts as they are.

    It is told of a tax wholly or not at all: half of a reverse charge would be a claim to what nobody owes.
    """
    tags: dict[int, Tag] = {}
    for tax, places in _taxed(legs, taxes):
        expenses = _expenses([legs[place] for place in places])
        # A line below zero among others (a discount) is a refund by itself, as Odoo takes it in a journal entry.
        for refund in (False, True):
            own = [
                place
                for place, expense in zip(places, expenses, strict=True)
                if (expense.amount.units < 0) is refund
            ]
            shares = _shares([legs[place] for place in own], tax, refund=refund)
            if shares and (tax.rate == 0 or all(share in shares for share in tax.shares(refund=refund))):
                for place, share in zip(own, shares, strict=True):
                    tags[place] = share.tag if share else tax.tag(refund=refund)
    return [(leg, tags.get(place, NO_TAG)) for place, leg in enumerate(legs)]


def marked_for_bill(
    legs: Sequence[Posting], taxes: Mapping[str, Tax], *, refund: bool, by_line: bool, paid: bool = False
) -> list[Marked]:
    """Return the legs of a bill or refund, for which Odoo works the tax out itself (rounded `by_line`, or in the end).

    Its amounts come first then, and a line on the same account makes up for what they are off. Where they are off by
    more than rounding, the legs stay as they are, and Odoo knows nothing of their tax. `paid`: it is settled at once, and
    all of its tax is due.
    """
    found: list[list[Marked]] = [[(leg, NO_TAG)] for leg in legs]
    for tax, places in _taxed(legs, taxes):
        computed = _as_computed([legs[place] for place in places], tax, refund=refund, by_line=by_line)
        for place, lines in zip(places, computed or (), strict=computed is not None):
            found[place] = [
                (leg, _waiting(tag, tax) if tax.on_payment and not paid else tag) for leg, tag in lines
            ]
    return [line for lines in found for line in lines]


def _waiting(tag: Tag, tax: Tax) -> Tag:
    return replace(tag, tags=(), account=tax.waits_on if tag.share else None)


def _as_computed(
    legs: Sequence[Posting], tax: Tax, *, refund: bool, by_line: bool
) -> list[list[Marked]] | None:
    """Return what stands in the place of each leg of a tax; None where Odoo would come to something else."""
    shares = _shares(legs, tax, refund=refund)
    if shares is None or tax.rate is None:
        return None
    expenses = [leg for leg, share in zip(legs, shares, strict=True) if share is None]
    lines: list[list[Marked]] = [
        [(leg, tax.tag(refund=refund))] if share is None else []
        for leg, share in zip(legs, shares, strict=True)
    ]
    for share, account in _accounts(tax.shares(refund=refund), expenses):
        group = [
            place
            for place, (leg, one) in enumerate(zip(legs, shares, strict=True))
            if one is share and leg.account == account
        ]
        due = [leg.amount for leg in expenses if share.account is not None or leg.account == account]
        units = _computed(due, tax.rate * share.percent / _WHOLE, by_line=by_line)
        off = sum(legs[place].amount.units for place in group) - units
        a_line = Money(legs[0].amount.currency, -(-abs(off) // len(due)))
        if not a_line.is_rounding or (tax.rate and not group):
            return None
        if group:
            lines[group[0]] = list(_share_lines([legs[place] for place in group], share, units, off))
    return lines


def _accounts(shares: Iterable[Share], expenses: Sequence[Posting]) -> Iterator[tuple[Share, str]]:
    """Yield each share with each account that it has lines on: its own, or those of the expenses."""
    for share in shares:
        for account in [share.account] if share.account else dict.fromkeys(leg.account for leg in expenses):
            yield share, account


def _share_lines(legs: Sequence[Posting], share: Share, units: int, off: int) -> Iterator[Marked]:
    """Yield one line for a share of a tax, and one more for what Odoo rounds otherwise than Pleo."""
    first, currency = legs[0], legs[0].amount.currency
    originals = [leg.original for leg in legs if leg.original is not None]
    told = sum(originals[1:], originals[0]) if len(originals) == len(legs) else None
    yield replace(first, amount=Money(currency, units), original=told), share.tag
    if off:
        nothing = None if told is None else Money(told.currency, 0)
        yield replace(first, amount=Money(currency, off), original=nothing, tax_code=None), NO_TAG


def _taxed(legs: Sequence[Posting], taxes: Mapping[str, Tax]) -> Iterator[tuple[Tax, list[int]]]:
    """Yield each tax with the places of its legs."""
    for code in dict.fromkeys(leg.tax_code for leg in legs):
        if code is not None and code in taxes:
            yield taxes[code], [place for place, leg in enumerate(legs) if leg.tax_code == code]


def _expenses(legs: Sequence[Posting]) -> list[Posting]:
    """Return for each leg the expense of its line, which is the line's first leg."""
    first: dict[str | None, Posting] = {}
    return [first.setdefault(leg.line_id, leg) for leg in legs]


def _shares(legs: Sequence[Posting], tax: Tax, *, refund: bool) -> list[Share | None] | None:
    """Return for each leg the share of the tax that it is, None for an expense; no list at all where a leg is neither."""
    there = tax.shares(refund=refund)
    found: list[Share | None] = []
    for leg, expense in zip(legs, _expenses(legs), strict=True):
        share = None if leg is expense else _share(leg, there, expense)
        if share is None and leg is not expense:
            return None
        found.append(share)
    return found


def _share(leg: Posting, shares: Sequence[Share], expense: Posting) -> Share | None:
    along = (leg.amount.units > 0) == (expense.amount.units > 0)
    split_here = leg.reason.rule.startswith("tax code ")
    for share in shares:
        stays = share.account is None and split_here and leg.account == expense.account
        if (share.account == leg.account or stays) and (share.percent > 0) == along:
            return share
    return None


def _computed(due: Sequence[Money], rate: Decimal, *, by_line: bool) -> int:
    if by_line:
        return sum(_part(amount, rate).units for amount in due)
    return _part(Money("", sum(amount.units for amount in due)), rate).units


def _part(amount: Money, share: Decimal) -> Money:
    units = (Decimal(amount.units) * share).quantize(Decimal(1), ROUND_HALF_UP)
    return Money(amount.currency, int(units))
