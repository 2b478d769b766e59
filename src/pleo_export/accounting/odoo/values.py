"""What the lines of a document are worth in the currency the company keeps its books in. Pure."""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from types import MappingProxyType

from pleo_export.accounting.odoo.chart import Currency
from pleo_export.domain.entry import Owed, Posting
from pleo_export.domain.matching import round_half_even
from pleo_export.domain.money import exponent


def need_rates(legs: Sequence[Posting], currency: str, owed: Owed | None) -> set[str]:
    """Return the currencies of the legs of which Pleo tells nothing in the company's, so that a rate has to."""
    return {leg.weight.currency for leg in legs if _told(leg, currency, owed) is None}


def values(
    legs: Sequence[Posting],
    own: Currency,
    owed: Owed | None,
    rates: Mapping[str, Decimal] = MappingProxyType({}),
    exact: int = -1,
) -> Sequence[int]:
    """Return what each leg is worth, in minor units of the company's `own` currency; they add up to zero.

    Pleo's own amounts count: that of the leg, else its share of what is `owed`. Where neither is in this currency, `rates`
    say how many units of the leg's currency one unit of the company's is. What is worked out is rounded as Odoo
    rounds. What that leaves goes to the largest of the legs in other currencies, if possible not to the one at the place
    `exact`: the wallet's, or the vendor's.
    """
    found = [_worth(leg, own, owed, rates) for leg in legs]
    foreign = [place for place, leg in enumerate(legs) if leg.amount.currency != own.name]
    others = [place for place in foreign if place != exact % len(legs)] or foreign
    if (left := sum(found)) and others:
        found[max(others, key=lambda place: abs(found[place]))] -= left
    return found


def _worth(leg: Posting, own: Currency, owed: Owed | None, rates: Mapping[str, Decimal]) -> int:
    told = _told(leg, own.name, owed, own.step)
    if told is not None:
        return told
    value = (leg.weight.decimal / rates[leg.weight.currency]).scaleb(exponent(own.name))
    return int((value / own.step).quantize(Decimal(1), ROUND_HALF_EVEN)) * own.step


def _told(leg: Posting, currency: str, owed: Owed | None, step: int = 1) -> int | None:
    for told in (leg.amount, leg.value, leg.original):
        if told is not None and told.currency == currency:
            return told.units
    pair = () if owed is None or owed.other is None else (owed.amount, owed.other)
    by_currency = {one.currency: abs(one.units) for one in pair}
    own, theirs = by_currency.get(currency), by_currency.get(leg.weight.currency)
    if own is None or not theirs:
        return None
    return round_half_even(leg.weight.units * own, theirs * step) * step
