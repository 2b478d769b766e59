"""Money as whole minor units of an ISO 4217 currency. No float comes near it."""

from decimal import Context, Decimal, Inexact
from functools import cache

import iso4217
import msgspec

# No company spends that much at once, and in minor units of any currency it fits 64 bits.
HUNDREDTHS_DIGITS_MAX = 16
# The usual context rounds to 28 digits without a word; here whatever would be lost is an error.
_EXACT = Context(prec=HUNDREDTHS_DIGITS_MAX + 4, traps=[Inexact])
_HUNDREDTH = Decimal("0.01")


# The standard forgets a currency on the day it is replaced; expenses of the months before still come in it.
_WITHDRAWN = {"ANG": 2, "BGN": 2, "HRK": 2}


class MoneyError(ValueError):
    """An amount that cannot be booked as it was sent."""


class UnknownCurrencyError(MoneyError):
    """The code is no current ISO 4217 currency with minor units."""

    def __init__(self, code: str) -> None:
        super().__init__(f"{code!r} is not an ISO 4217 currency that money can be booked in")


class UnrepresentableAmountError(MoneyError):
    """The amount has more decimals than its currency."""

    def __init__(self, currency: str, hundredths: Decimal) -> None:
        decimals = exponent(currency)
        super().__init__(
            f"{currency} has {decimals} decimals, so an amount of {hundredths / 100} {currency} cannot be booked exactly"
        )


class ImpossibleAmountError(MoneyError):
    """What was sent is no number, or one with more digits than money has."""

    def __init__(self, currency: str, hundredths: Decimal) -> None:
        super().__init__(f"{hundredths} hundredths of {currency} is no amount that can be booked")


class CurrencyMismatchError(MoneyError):
    """Two amounts of different currencies were added."""

    def __init__(self, left: str, right: str) -> None:
        super().__init__(f"an amount in {right} cannot be added to one in {left}")


@cache
def exponent(currency: str) -> int:
    """Return how many decimals the currency has (JPY 0, EUR 2, KWD 3).

    Raises UnknownCurrencyError. Source: ISO 4217, list one, and what left it lately.
    """
    if currency in _WITHDRAWN:
        return _WITHDRAWN[currency]
    try:
        decimals = iso4217.Currency(currency).exponent
    except ValueError:
        raise UnknownCurrencyError(currency) from None
    if decimals is None:
        raise UnknownCurrencyError(currency)
    return decimals


class Money(msgspec.Struct, frozen=True):
    """An exact amount: `units` minor units of `currency` (12.50 EUR is 1250, 12.500 KWD is 12500)."""

    currency: str
    units: int

    @classmethod
    def from_hundredths(cls, currency: str, value: Decimal) -> "Money":
        """Read an amount the way Pleo sends it: hundredths of the currency unit, whatever the currency.

        Raises UnknownCurrencyError, ImpossibleAmountError, or UnrepresentableAmountError where the currency has
        fewer decimals than the amount needs (120.5 yen).
        """
        decimals = exponent(currency)
        if not value.is_finite() or value.adjusted() >= HUNDREDTHS_DIGITS_MAX:
            raise ImpossibleAmountError(currency, value)
        try:
            units = _EXACT.to_integral_exact(_EXACT.scaleb(value, decimals - 2))
        except Inexact:
            raise UnrepresentableAmountError(currency, value) from None
        return cls(currency, int(units))

    @property
    def decimal(self) -> Decimal:
        """The amount in currency units, with exactly the currency's decimals."""
        return Decimal(f"{self.units}E-{exponent(self.currency)}")  # from text, because arithmetic rounds

    @property
    def is_rounding(self) -> bool:
        """Whether it is no more than rounding may cost: one minor unit, or a hundredth, the least that Pleo states."""
        return abs(self.units) <= 1 or abs(self.decimal) <= _HUNDREDTH

    def __neg__(self) -> "Money":
        return Money(self.currency, -self.units)

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise CurrencyMismatchError(self.currency, other.currency)
        return Money(self.currency, self.units + other.units)

    def __sub__(self, other: "Money") -> "Money":
        return self + -other

    def __str__(self) -> str:
        return f"{self.decimal:f} {self.currency}"
