from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pleo_export.domain.money import (
    HUNDREDTHS_DIGITS_MAX,
    CurrencyMismatchError,
    ImpossibleAmountError,
    Money,
    MoneyError,
    UnknownCurrencyError,
    UnrepresentableAmountError,
    exponent,
)
from tests.domain.mapping import same_every_time

CURRENCIES = st.sampled_from(["JPY", "ISK", "EUR", "DKK", "KWD", "BHD", "CLF"])
ANY_DECIMAL = st.decimals(allow_nan=True, allow_infinity=True)


@pytest.mark.parametrize(
    ("currency", "decimals"),
    [("JPY", 0), ("ISK", 0), ("EUR", 2), ("GBP", 2), ("HUF", 2), ("KWD", 3), ("TND", 3), ("CLF", 4)],
)
def test_a_currency_has_the_decimals_of_iso_4217(currency: str, decimals: int) -> None:
    assert exponent(currency) == decimals


@pytest.mark.parametrize("code", ["UNDEFINED", "XXX", "XTS", "XAU", "eur", "EU", ""])
def test_a_code_that_no_money_is_booked_in_is_refused_by_name(code: str) -> None:
    with pytest.raises(UnknownCurrencyError, match=repr(code)):
        Money.from_hundredths(code, Decimal(100))


@pytest.mark.parametrize(
    ("currency", "hundredths", "units", "shown"),
    [
        ("EUR", "1250", 1250, "12.50 EUR"),
        ("EUR", "-1250", -1250, "-12.50 EUR"),
        ("EUR", "5", 5, "0.05 EUR"),
        ("EUR", "0", 0, "0.00 EUR"),
        ("EUR", "1.25E3", 1250, "12.50 EUR"),
        ("EUR", "1250.00", 1250, "12.50 EUR"),
        ("JPY", "120000", 1200, "1200 JPY"),
        ("KWD", "1250", 12500, "12.500 KWD"),
        ("KWD", "12.5", 125, "0.125 KWD"),
        ("CLF", "1250", 125000, "12.5000 CLF"),
    ],
)
def test_pleos_hundredths_become_minor_units_of_the_currency(
    currency: str, hundredths: str, units: int, shown: str
) -> None:
    money = Money.from_hundredths(currency, Decimal(hundredths))
    assert money == Money(currency, units)
    assert str(money) == shown


@pytest.mark.parametrize(
    ("currency", "hundredths"),
    [("EUR", "12.5"), ("EUR", "0.1"), ("JPY", "12050"), ("JPY", "1"), ("KWD", "12.55"), ("EUR", "1E-400")],
)
def test_an_amount_finer_than_its_currency_is_refused_and_never_rounded(
    currency: str, hundredths: str
) -> None:
    with pytest.raises(UnrepresentableAmountError, match=currency):
        Money.from_hundredths(currency, Decimal(hundredths))


def test_the_refusal_of_half_a_yen_names_the_amount_and_the_decimals() -> None:
    with pytest.raises(UnrepresentableAmountError) as refused:
        Money.from_hundredths("JPY", Decimal(12050))
    assert str(refused.value) == "JPY has 0 decimals, so an amount of 120.5 JPY cannot be booked exactly"


def test_a_difference_in_the_thirtieth_digit_is_noticed() -> None:
    with pytest.raises(UnrepresentableAmountError):
        Money.from_hundredths("EUR", Decimal("1200.0000000000000000000000000000000001"))


@pytest.mark.parametrize(
    "value", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+400", "1E+9999999999", "12345678901234567"]
)
def test_what_is_no_amount_of_money_is_refused_as_such(value: str) -> None:
    with pytest.raises(ImpossibleAmountError, match="is no amount that can be booked"):
        Money.from_hundredths("EUR", Decimal(value))


@pytest.mark.parametrize("currency", ["JPY", "EUR", "KWD", "CLF"])
def test_the_largest_amount_fits_64_bits_in_every_currency(currency: str) -> None:
    largest = Decimal(10**HUNDREDTHS_DIGITS_MAX - 100)
    assert Money.from_hundredths(currency, largest).units < 2**63


@same_every_time
@given(currency=CURRENCIES, value=ANY_DECIMAL)
@example(currency="EUR", value=Decimal("1234567890123456.7"))
@example(currency="JPY", value=Decimal(9999999999999900))
def test_an_amount_is_read_exactly_or_not_at_all(currency: str, value: Decimal) -> None:
    try:
        money = Money.from_hundredths(currency, value)
    except MoneyError:
        return
    assert Fraction(money.units, 10 ** exponent(currency)) == Fraction(value) / 100


@same_every_time
@given(currency=CURRENCIES, units=st.integers(-(10**60), 10**60))
def test_an_amount_is_shown_exactly_however_long_it_is(currency: str, units: int) -> None:
    shown = str(Money(currency, units)).removesuffix(f" {currency}")
    assert Fraction(shown) == Fraction(units, 10 ** exponent(currency))
    assert len(shown.partition(".")[2]) == exponent(currency)


@same_every_time
@given(left=st.integers(), right=st.integers())
def test_sums_and_differences_are_those_of_the_minor_units(left: int, right: int) -> None:
    assert Money("EUR", left) + Money("EUR", right) == Money("EUR", left + right)
    assert Money("EUR", left) - Money("EUR", right) == Money("EUR", left - right)


@pytest.mark.parametrize(
    ("currency", "units_max"), [("JPY", 1), ("EUR", 1), ("KWD", 10), ("BHD", 10), ("TND", 10), ("CLF", 100)]
)
def test_rounding_costs_a_minor_unit_or_the_least_that_pleo_states(currency: str, units_max: int) -> None:
    for sign in (1, -1):
        assert Money(currency, sign * units_max).is_rounding
        assert not Money(currency, sign * (units_max + 1)).is_rounding


def test_amounts_of_two_currencies_are_never_added() -> None:
    with pytest.raises(CurrencyMismatchError, match=r"in SEK cannot be added to one in EUR"):
        Money("EUR", 1) + Money("SEK", 1)


@pytest.mark.parametrize("code", ["BGN", "HRK", "ANG"])
def test_a_currency_that_was_replaced_lately_can_still_be_booked(code: str) -> None:
    assert str(Money.from_hundredths(code, Decimal(1250))) == f"12.50 {code}"
