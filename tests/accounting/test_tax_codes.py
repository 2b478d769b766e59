"""Tax that is left to the books is split by its code, exactly and in either direction."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pleo_export.accounting.tax_codes import (
    TaxCodeUnknownError,
    TaxDiffersError,
    TaxRateMissingError,
    TaxRule,
    split_by_code,
)
from pleo_export.domain.entry import Dimension, Entry
from pleo_export.domain.money import Money
from pleo_export.testing.samples import sample_entry, sample_posting

RULES = {
    "V25": TaxRule(rate=Decimal("0.25"), input_account="2610"),
    "R25": TaxRule(rate=Decimal("0.25"), input_account="2610", output_account="2620"),
    "V0": TaxRule(rate=Decimal(0)),
    "N": TaxRule(rate=None),
    "H": TaxRule(rate=Decimal("0.25")),
}


def taxed(units: int, tax: int, code: str = "V25", **changes: Any) -> Entry:
    leg = sample_posting("6100", units, tax=Money("EUR", tax), tax_code=code, **changes)
    return sample_entry(postings=(leg, sample_posting("1900", -units)))


def booked(entry: Entry) -> list[tuple[str, int]]:
    return [(leg.account, leg.amount.units) for leg in split_by_code(entry, RULES).postings]


def test_tax_inside_an_amount_is_taken_out_of_it() -> None:
    assert booked(taxed(12_500, 2500)) == [("6100", 10_000), ("2610", 2500), ("1900", -12_500)]


def test_a_refund_is_split_the_other_way_round() -> None:
    assert booked(taxed(-12_500, -2500)) == [("6100", -10_000), ("2610", -2500), ("1900", 12_500)]


def test_under_reverse_charge_the_tax_comes_on_top_and_off_again() -> None:
    expected = [("6100", 10_000), ("2610", 2500), ("2620", -2500), ("1900", -10_000)]
    assert booked(taxed(10_000, 2500, "R25")) == expected


def test_a_rate_of_zero_gives_no_leg_of_tax() -> None:
    assert booked(taxed(10_000, 0, "V0")) == [("6100", 10_000), ("1900", -10_000)]


def test_a_leg_of_tax_says_why_and_keeps_line_and_code_while_the_net_keeps_the_rest() -> None:
    dimensions = (Dimension("COST_CENTRE", "CC-100"),)
    entry = taxed(12_500, 2500, line_id="line-1", dimensions=dimensions, original=Money("USD", 14_000))
    net, tax, _ = split_by_code(entry, RULES).postings
    assert (net.tax, net.tax_code, net.dimensions) == (None, "V25", dimensions)
    assert (net.reason, net.original) == (entry.postings[0].reason, Money("USD", 11_200))
    assert (tax.line_id, tax.tax_code, tax.dimensions) == ("line-1", "V25", ())
    assert str(tax.reason) == "tax code V25 of the books: 25 % of 100.00 EUR"


def test_an_entry_without_tax_for_the_books_stays_as_it_is() -> None:
    entry = sample_entry()
    assert split_by_code(entry, {}) is entry


@pytest.mark.parametrize(("units", "stated"), [(12_500, 2499), (12_500, 2501), (-12_500, -2499)])
def test_one_minor_unit_of_rounding_is_the_books_own(units: int, stated: int) -> None:
    assert booked(taxed(units, stated))[1] == ("2610", units // 5)


def test_of_three_decimals_a_hundredth_is_rounding_because_pleo_states_no_less() -> None:
    def dinars(stated: int) -> Entry:
        leg = sample_posting("6100", 12_510, "KWD", tax=Money("KWD", stated), tax_code="V25")
        return sample_entry(postings=(leg, sample_posting("1900", -12_510, "KWD")))

    assert booked(dinars(2500)) == [("6100", 10_008), ("2610", 2502), ("1900", -12_510)]
    with pytest.raises(TaxDiffersError):
        split_by_code(dinars(2490), RULES)


@pytest.mark.parametrize(("units", "stated"), [(12_500, 2498), (12_500, 0), (-12_500, 2500)])
def test_more_than_that_is_refused_with_both_amounts(units: int, stated: int) -> None:
    with pytest.raises(TaxDiffersError) as refused:
        split_by_code(taxed(units, stated), RULES)
    assert str(Money("EUR", units // 5)) in str(refused.value)
    assert f"Pleo states {Money('EUR', stated)}." in str(refused.value)


@pytest.mark.parametrize("code", ["N", "H"])
def test_a_code_without_a_rate_or_an_account_is_refused(code: str) -> None:
    with pytest.raises(TaxRateMissingError, match=r"25\.00 EUR of tax in 125\.00 EUR"):
        split_by_code(taxed(12_500, 2500, code), RULES)


def test_a_code_that_is_not_there_is_refused() -> None:
    with pytest.raises(TaxCodeUnknownError, match="Tax code V7 does not exist"):
        split_by_code(taxed(12_500, 2500, "V7"), RULES)


@pytest.mark.parametrize("sign", [1, -1])
def test_half_a_minor_unit_is_rounded_away_from_zero(sign: int) -> None:
    rules = {"D": TaxRule(rate=Decimal(1), input_account="2610")}  # half of the amount is tax
    legs = split_by_code(taxed(sign * 5, sign * 3, "D"), rules).postings
    assert [leg.amount.units for leg in legs] == [sign * 2, sign * 3, sign * -5]


@given(
    units=st.integers(-(10**12), 10**12),
    rate=st.decimals(0, 1, places=4),
    on_top=st.booleans(),
)
def test_net_and_tax_are_what_was_paid_and_a_negated_amount_gives_negated_legs(
    units: int, rate: Decimal, *, on_top: bool
) -> None:
    rules = {"V": TaxRule(rate=rate, input_account="2610", output_account="2620" if on_top else None)}
    share = rate if on_top else rate / (1 + rate)
    stated = int((units * share).to_integral_value())

    def amounts(sign: int) -> list[int]:
        return [
            leg.amount.units for leg in split_by_code(taxed(sign * units, sign * stated, "V"), rules).postings
        ]

    legs = amounts(1)
    assert sum(legs) == 0
    assert sum(legs[:-1]) == units
    assert amounts(-1) == [-leg for leg in legs]
