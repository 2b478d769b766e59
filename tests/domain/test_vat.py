from decimal import Decimal

import pytest

from pleo_export.domain.entry import Entry
from pleo_export.domain.failure_types import ItemFailureType
from pleo_export.testing.expenses import (
    CATEGORY,
    INACTIVE,
    INPUT_VAT,
    OTHER_CATEGORY,
    OTHER_INPUT_VAT,
    OTHER_OUTPUT_VAT,
    OUTPUT_VAT,
    WALLET,
    amounts,
    category,
    expense,
    line,
    tax,
)
from tests.domain.mapping import NO_TAX_ACCOUNTS, entry_of, legs, rejection_of, without_lists


def booked(item_type: str, of: int, tax_of: int, kind: str) -> list[tuple[str, int]]:
    return legs(entry_of(expense(item_type, line(of, tax=tax(tax_of, kind)))).postings)


def reasons(entry: Entry, account: str) -> list[str]:
    return [str(posting.reason) for posting in entry.postings if posting.account == account]


@pytest.mark.parametrize("kind", ["inclusive", "exclusive"])
def test_tax_lies_inside_what_was_paid(kind: str) -> None:
    assert booked("card_purchase", 125_00, 25_00, kind) == [
        (CATEGORY, 100_00),
        (INPUT_VAT, 25_00),
        (WALLET, -125_00),
    ]


def test_reverse_charge_stands_on_both_tax_accounts_and_costs_nothing() -> None:
    assert booked("card_purchase", 100_00, 25_00, "reverse") == [
        (CATEGORY, 100_00),
        (INPUT_VAT, 25_00),
        (OUTPUT_VAT, -25_00),
        (WALLET, -100_00),
    ]


def test_a_refund_takes_the_tax_back() -> None:
    assert booked("refund", 125_00, 25_00, "inclusive") == [
        (CATEGORY, -100_00),
        (INPUT_VAT, -25_00),
        (WALLET, 125_00),
    ]


def test_a_refund_takes_reverse_charge_back() -> None:
    assert booked("refund", 100_00, 25_00, "reverse") == [
        (CATEGORY, -100_00),
        (INPUT_VAT, -25_00),
        (OUTPUT_VAT, 25_00),
        (WALLET, 100_00),
    ]


def test_a_negative_purchase_is_booked_as_its_refund() -> None:
    assert booked("card_purchase", -125_00, -25_00, "inclusive") == booked(
        "refund", 125_00, 25_00, "inclusive"
    )


@pytest.mark.parametrize("kind", ["inclusive", "exclusive", "reverse"])
def test_a_tax_of_nothing_keeps_its_code_and_asks_for_no_account(kind: str) -> None:
    entry = entry_of(expense("card_purchase", line(100_00, tax=tax(0, kind))), NO_TAX_ACCOUNTS)
    assert legs(entry.postings) == [(CATEGORY, 100_00), (WALLET, -100_00)]
    assert entry.postings[0].tax_code == "V25"


def test_a_line_without_tax_has_no_tax_code() -> None:
    entry = entry_of(expense("card_purchase", line(100_00)), NO_TAX_ACCOUNTS)
    assert [posting.tax_code for posting in entry.postings] == [None, None]


def test_each_line_of_a_split_carries_its_own_tax() -> None:
    item = expense(
        "card_purchase",
        line(125_00, 1, tax=tax(25_00)),
        line(100_00, 2, tax=tax(25_00, "reverse", code="R25"), account=category(OTHER_CATEGORY)),
        line(10_00, 3),
    )
    postings = entry_of(item).postings
    assert [(leg.account, leg.amount.units, leg.tax_code, leg.line_id) for leg in postings] == [
        (CATEGORY, 100_00, "V25", "line-1"),
        (INPUT_VAT, 25_00, "V25", "line-1"),
        (OTHER_CATEGORY, 100_00, "R25", "line-2"),
        (INPUT_VAT, 25_00, "R25", "line-2"),
        (OUTPUT_VAT, -25_00, "R25", "line-2"),
        (CATEGORY, 10_00, None, "line-3"),
        (WALLET, -235_00, None, None),
    ]


def test_the_accounts_of_the_tax_code_come_first_and_say_so() -> None:
    own = tax(25_00, "reverse", ingoing_tax_account=OTHER_INPUT_VAT, outgoing_tax_account=OTHER_OUTPUT_VAT)
    entry = entry_of(expense("card_purchase", line(100_00, tax=own)), NO_TAX_ACCOUNTS)
    assert reasons(entry, OTHER_INPUT_VAT) == ["tax.ingoingTaxAccount: 2611 for 25 % reverse VAT"]
    assert reasons(entry, OTHER_OUTPUT_VAT) == ["tax.outgoingTaxAccount: 2621 for 25 % reverse VAT"]


def test_the_settings_stand_in_for_a_tax_code_without_accounts_and_say_so() -> None:
    entry = entry_of(expense("card_purchase", line(100_00, tax=tax(25_00, "reverse"))))
    assert reasons(entry, INPUT_VAT) == [
        "vat.input_account: 2610 for 25 % reverse VAT (fallback: the tax code names no ingoing account)"
    ]
    assert reasons(entry, OUTPUT_VAT) == [
        "vat.output_account: 2620 for 25 % reverse VAT (fallback: the tax code names no outgoing account)"
    ]


@pytest.mark.parametrize(
    ("rate", "shown"),
    [
        ("0.25", "25 %"),
        ("0.255", "25.5 %"),
        ("1", "100 %"),
        ("0.081", "8.1 %"),
        ("0", "0 %"),
        ("NaN", "NaN"),
        ("sNaN", "sNaN"),
        ("1E+9999999999", "1E+9999999999"),
    ],
)
def test_a_rate_is_shown_and_never_reckoned_with(rate: str, shown: str) -> None:
    taxed = tax(25_00, rate=Decimal(rate), ingoing_tax_account=OTHER_INPUT_VAT)
    entry = entry_of(expense("card_purchase", line(125_00, tax=taxed)))
    assert reasons(entry, OTHER_INPUT_VAT) == [f"tax.ingoingTaxAccount: 2611 for {shown} inclusive VAT"]
    assert legs(entry.postings)[1] == (OTHER_INPUT_VAT, 25_00)


@pytest.mark.parametrize(
    ("kind", "accounts", "missing", "key"),
    [
        ("inclusive", {}, "ingoing", "vat.input_account"),
        ("exclusive", {}, "ingoing", "vat.input_account"),
        ("reverse", {}, "ingoing", "vat.input_account"),
        ("reverse", {"ingoing_tax_account": OTHER_INPUT_VAT}, "outgoing", "vat.output_account"),
    ],
)
def test_without_an_account_for_tax_the_sentence_names_the_code_and_the_setting(
    kind: str, accounts: dict[str, str], missing: str, key: str
) -> None:
    item = expense("card_purchase", line(125_00, tax=tax(25_00, kind, **accounts)))
    rejection = rejection_of(item, NO_TAX_ACCOUNTS)
    assert rejection.type is ItemFailureType.MISSING_CONFIGURATION
    assert rejection.reason.startswith(f"Account for {missing} VAT missing: tax code V25 names none.")
    assert f"Provide {key} in the settings" in rejection.reason


def test_a_tax_without_a_code_is_named_by_its_id() -> None:
    item = expense("card_purchase", line(125_00, tax=tax(25_00, code=None)))
    assert "tax code tax-1 names none" in rejection_of(item, NO_TAX_ACCOUNTS).reason


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("9999", ItemFailureType.ACCOUNT_UNKNOWN),
        (INACTIVE, ItemFailureType.INVALID_CONFIGURATION),
    ],
)
def test_a_tax_account_that_cannot_be_booked_on_is_a_rejection(code: str, failure: ItemFailureType) -> None:
    item = expense("card_purchase", line(125_00, tax=tax(25_00, ingoing_tax_account=code)))
    rejection = rejection_of(item)
    assert rejection.type is failure
    assert f"Account {code}" in rejection.reason
    assert "check the accounts of the tax code" in rejection.reason


def test_a_tax_code_that_the_accounting_system_lacks_is_a_rejection() -> None:
    rejection = rejection_of(expense("card_purchase", line(125_00, tax=tax(25_00, code="V6"))))
    assert rejection.type is ItemFailureType.TAX_CODE_UNKNOWN
    assert "Tax code V6 does not exist" in rejection.reason
    assert "Choose another tax code in Pleo" in rejection.reason


def test_a_system_without_a_list_of_tax_codes_takes_any() -> None:
    item = expense("card_purchase", line(125_00, tax=tax(25_00, code="V6")))
    assert entry_of(item, reference=without_lists()).postings[0].tax_code == "V6"


def test_an_unknown_tax_type_is_a_rejection_that_names_it() -> None:
    rejection = rejection_of(expense("card_purchase", line(125_00, tax=tax(25_00, "margin"))))
    assert rejection.type is ItemFailureType.VALIDATION_FAILURE
    assert "tax type 'margin'" in rejection.reason
    assert "Update pleo-export" in rejection.reason


@pytest.mark.parametrize("kind", ["inclusive", "exclusive", "reverse"])
@pytest.mark.parametrize("net", [100_00, 99_99, 100_01, 125_00, 124_99, 125_01])
def test_the_net_amount_may_be_with_or_without_tax_to_within_one_cent(kind: str, net: int) -> None:
    plain = line(125_00, tax=tax(25_00, kind))
    stated = line(125_00, tax=tax(25_00, kind), net_amount=amounts(net))
    assert (
        entry_of(expense("card_purchase", stated)).postings
        == entry_of(expense("card_purchase", plain)).postings
    )


@pytest.mark.parametrize("net", [0, 99_98, 100_02, 124_98, 125_02, -100_00])
def test_any_other_net_amount_is_a_rejection_that_shows_the_numbers(net: int) -> None:
    stated = line(125_00, tax=tax(25_00), net_amount=amounts(net))
    rejection = rejection_of(expense("card_purchase", line(1_00, 1), stated))
    assert rejection.type is ItemFailureType.VALIDATION_FAILURE
    assert rejection.reason == (
        "Line 2 of this expense does not add up: 125.00 EUR was paid, 25.00 EUR of it is tax, but Pleo gives a net"
        f" amount of {Decimal(net) / 100:.2f} EUR. Correct the tax of the line in Pleo and export the expense again."
    )


@pytest.mark.parametrize(("net", "fits"), [(99_99, True), (100_01, True), (99_98, False), (100_02, False)])
def test_without_tax_the_net_amount_is_what_was_paid(net: int, *, fits: bool) -> None:
    item = expense("card_purchase", line(100_00, net_amount=amounts(net)))
    if fits:
        assert legs(entry_of(item).postings) == [(CATEGORY, 100_00), (WALLET, -100_00)]
    else:
        assert "0.00 EUR of it is tax" in rejection_of(item).reason


def test_a_fraction_of_a_cent_of_tax_is_a_rejection() -> None:
    item = expense("card_purchase", line(125_00, tax=tax(Decimal("2500.4")), net_amount=amounts(100_00)))
    rejection = rejection_of(item)
    assert rejection.type is ItemFailureType.VALIDATION_FAILURE
    assert "25.004 EUR cannot be booked exactly" in rejection.reason
