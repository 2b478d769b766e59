"""What a code of Pleo may be in the accounting system: by code, then by name, and never two at once."""

from typing import Any

import pytest
from msgspec.structs import replace

from pleo_export.domain.item import Account, Bookkeeping, ExportItem, Supplier, Tag, User
from pleo_export.domain.reference import LedgerAccount, LedgerTaxCode, LedgerVendor, ReferenceData
from pleo_export.domain.seen import Table
from pleo_export.domain.settings import (
    BookkeepingSettings,
    CompanySettings,
    MappingSettings,
    MethodWhenMissing,
    VatHandling,
    VatSettings,
)
from pleo_export.domain.suggest import Suggestion, suggest
from pleo_export.testing.expenses import REFERENCE, SETTINGS, category, expense, line, tax
from tests.domain.mapping import PAYABLE_METHOD, vendor


def account(code: str | None, name: str = "Category", identifier: str | None = None) -> Account:
    return Account(id=f"id-of-{name}", name=name, code=code, identifier=identifier)


def booked_on(*accounts: Account) -> ExportItem:
    return expense("card_purchase", *(line(100, account=one) for one in accounts))


def unknown(
    *expenses: ExportItem, settings: CompanySettings = SETTINGS, reference: ReferenceData = REFERENCE
) -> list[Suggestion]:
    return [*suggest(expenses, settings, reference).unknown]


def proposed(*expenses: ExportItem, reference: ReferenceData = REFERENCE) -> tuple[str | None, str]:
    (one,) = unknown(*expenses, reference=reference)
    return one.target, one.reason


def accounts(**named: str) -> ReferenceData:
    return replace(
        REFERENCE, accounts={code[1:]: LedgerAccount(code[1:], name) for code, name in named.items()}
    )


def test_what_is_known_as_it_is_is_only_counted() -> None:
    taxed = expense(
        "card_purchase", line(125, tax=tax(25), tags=(Tag(id="t", code="P-1", group_code="PROJECT"),))
    )
    found = suggest([taxed, taxed, booked_on(account(None, identifier="as-6200"))], SETTINGS, REFERENCE)
    assert found.unknown == ()
    assert found.known == {
        Table.ACCOUNTS: 2,
        Table.TAX_CODES: 1,
        Table.VENDORS: 0,
        Table.DIMENSIONS: 1,
    }


SAME_CODE = "the same code but for case, spaces, punctuation or leading zeros"


@pytest.mark.parametrize("code", ["06100", "61 00", "00 6100", "61-00", "6.100", "06100/"])
def test_a_code_that_is_only_written_otherwise_is_proposed_before_any_name(code: str) -> None:
    assert proposed(booked_on(account(code, "Travel"))) == ("6100", SAME_CODE)


@pytest.mark.parametrize("name", ["Travel", "TRAVEL ", "trável"])
def test_case_and_accents_do_not_count_in_a_name(name: str) -> None:
    assert proposed(booked_on(account("7000", name))) == ("6200", "the same name")


def test_codes_of_punctuation_or_zeros_only_are_no_match() -> None:
    books = accounts(_0="Nothing", _00="Nothing either")
    assert proposed(booked_on(account("--", "Dashes")), reference=books) == (None, "nothing fits")


def test_a_similar_name_is_the_last_resort() -> None:
    target, reason = proposed(booked_on(account("7000", "Office suplies")))
    assert target == "6100"
    assert reason.startswith("a similar name (0.9")
    assert proposed(booked_on(account("7000", "Office"))) == (None, "nothing fits")


def test_a_name_with_another_number_in_it_is_not_similar() -> None:
    books = accounts(_5012="Restaurants with VAT 12 %", _5025="Restaurants with VAT 25 %")
    assert proposed(booked_on(account("7000", "Restaurant with VAT 25 %")), reference=books)[0] == "5025"
    assert proposed(booked_on(account("7000", "Restaurant with VAT 6 %")), reference=books)[0] is None


def test_two_that_fit_equally_well_are_both_named_and_none_is_proposed() -> None:
    books = accounts(_4000="Travel", _4010="Travel")
    assert proposed(booked_on(account("7000", "Travel")), reference=books) == (
        None,
        "4000, 4010 have the same name",
    )


def test_an_inactive_account_is_neither_known_nor_proposed() -> None:
    assert proposed(booked_on(account("6999", "Given up"))) == (None, "nothing fits")


def test_a_category_without_a_code_is_known_by_its_name() -> None:
    (one,) = unknown(booked_on(account(None, "Travels")))
    assert (one.key, one.name, one.target) == ("Travels", "Travels", "6200")


def test_contra_accounts_are_looked_at_as_well() -> None:
    (one,) = unknown(expense("card_purchase", contra_account=account("01900", "Wallet")))
    assert (one.table, one.key, one.target) == (Table.ACCOUNTS, "01900", "1900")


def test_what_is_seen_most_comes_first_and_one_code_is_listed_once() -> None:
    found = unknown(
        booked_on(account("8100", "Rent")),
        booked_on(account("8200", "Travel"), account("8200", "Journeys")),
    )
    assert [(one.key, one.name, one.times) for one in found] == [("8200", "Travel", 2), ("8100", "Rent", 1)]


@pytest.mark.parametrize("key", ["8100", "as-8100", "id-of-Rent", "Rent"])
def test_what_the_settings_map_already_is_known(key: str) -> None:
    settings = SETTINGS.model_copy(update={"mapping": MappingSettings(accounts={key: "6100"})})
    assert unknown(booked_on(account("8100", "Rent", "as-8100")), settings=settings) == []


def taxed_with(code: str | None) -> ExportItem:
    return expense("card_purchase", line(125, tax=tax(25, code=code)))


def test_tax_codes_are_proposed_by_their_code_then_by_what_the_accounting_system_calls_them() -> None:
    codes = {"V25": LedgerTaxCode("V25", "Sales"), "E": LedgerTaxCode("E", "EU services")}
    books = replace(REFERENCE, tax_codes=codes)
    assert proposed(taxed_with("v 25"), reference=books) == ("V25", SAME_CODE)
    assert proposed(taxed_with("v-25"), reference=books) == ("V25", SAME_CODE)
    assert proposed(taxed_with("EU Services"), reference=books) == ("E", "the same name")
    assert proposed(taxed_with("V12"), reference=books)[0] is None
    assert unknown(taxed_with("V12"), reference=replace(REFERENCE, tax_codes=None)) == []


def test_a_tax_without_a_code_needs_one_only_where_the_accounting_system_splits_by_it() -> None:
    assert unknown(taxed_with(None)) == []
    by_code = SETTINGS.model_copy(update={"vat": VatSettings(handling=VatHandling.BY_CODE)})
    (one,) = unknown(taxed_with(None), settings=by_code)
    assert (one.table, one.key, one.target) == (Table.TAX_CODES, "tax-1", None)


def tagged(group: str) -> ExportItem:
    return expense("card_purchase", line(100, tags=(None, Tag(id="t", code="P-1", group_code=group))))


def test_tag_groups_are_compared_with_dimensions() -> None:
    assert proposed(tagged("project")) == ("PROJECT", SAME_CODE)
    assert proposed(tagged("Projects"))[0] == "PROJECT"
    assert unknown(tagged("project"), reference=replace(REFERENCE, dimensions=None)) == []


def owed(
    method: Bookkeeping | None = PAYABLE_METHOD, kind: str = "card_purchase", **fields: Any
) -> ExportItem:
    return expense(kind, bookkeeping=method, **fields)


def test_a_vendor_is_proposed_by_any_code_that_pleo_has_for_them() -> None:
    of_pleo = vendor(external_id="77-1", code="NORDIC", name="NP")
    (one,) = unknown(owed(vendor=of_pleo))
    assert (one.table, one.key, one.name, one.target) == (Table.VENDORS, "77-1", "NP", "V-1001")
    assert one.target_name == "Nordic Paper ApS"


@pytest.mark.parametrize(
    "fields",
    [
        {"vendor": vendor(name="Example Gmbh")},
        {"supplier": Supplier(name="Example GmbH", code="S-9")},
        {"supplier": Supplier(name="EXAMPLE GMBH")},
    ],
)
def test_a_vendor_or_supplier_is_proposed_by_name_as_well(fields: dict[str, Any]) -> None:
    assert proposed(owed(**fields)) == ("V-1002", "the same name")


def test_a_supplier_of_whom_pleo_knows_the_name_only_is_called_by_it() -> None:
    (one,) = unknown(owed(supplier=Supplier(name="Nowhere")))
    assert (one.key, one.target) == ("Nowhere", None)


def test_an_employee_is_known_by_the_code_only() -> None:
    owed_to_ada = owed(kind="out_of_pocket", user=User(id="u", name="Ada Example", code="077"))
    (one,) = unknown(owed_to_ada)
    assert (one.key, one.target) == ("077", "E-77")
    assert unknown(owed(kind="out_of_pocket", user=User(id="u", name="Ada Example"))) == []


def test_out_of_pocket_the_seller_is_asked_for_no_more_than_the_booking_looks_for_them() -> None:
    paid_by_ada = owed(
        kind="out_of_pocket", user=User(id="u", name="Ada Example", code="077"), vendor=vendor()
    )
    (asked,) = unknown(paid_by_ada)
    assert asked.key == "077"
    mapped = SETTINGS.model_copy(update={"mapping": MappingSettings(vendors={"077": "V-9"})})
    assert unknown(paid_by_ada, settings=mapped) == []


def test_for_an_employee_no_supplier_of_the_same_number_is_proposed() -> None:
    vendors = (LedgerVendor("77", "Nordic Paper ApS"), LedgerVendor("E-5", "Ada Example"))
    ada = owed(kind="out_of_pocket", user=User(id="u", name="Ada Example", code="77"))
    assert proposed(ada, reference=replace(REFERENCE, vendors=vendors)) == ("E-5", "the same name")
    assert proposed(ada, reference=replace(REFERENCE, vendors=vendors[:1])) == (None, "nothing fits")


@pytest.mark.parametrize(
    "not_owed",
    [
        owed(None, vendor=vendor(name="Unheard of")),
        owed(Bookkeeping(method="journal"), vendor=vendor(name="Unheard of")),
        owed(kind="wallet_topup", vendor=vendor(name="Unheard of")),
        owed(kind="something_new", vendor=vendor(name="Unheard of")),
    ],
)
def test_unknown_vendors_matter_only_where_pleo_wants_accounts_payable(not_owed: ExportItem) -> None:
    assert unknown(not_owed) == []


def test_a_blocked_vendor_is_neither_known_nor_proposed() -> None:
    assert proposed(owed(vendor=vendor(code="blocked", name="Blocked Ltd"))) == (None, "nothing fits")


def known_vendors(expense: ExportItem, **bookkeeping: Any) -> int:
    settings = SETTINGS.model_copy(update={"bookkeeping": BookkeepingSettings(**bookkeeping)})
    found = suggest([expense], settings, REFERENCE)
    assert found.unknown == ()
    return found.known[Table.VENDORS]


@pytest.mark.parametrize(
    "supplier",
    [Supplier(name="NP", code="V-1001"), Supplier(name="NP", account="2401"), Supplier(account="2401")],
)
def test_a_supplier_that_an_expense_without_a_method_is_booked_through_is_counted(supplier: Supplier) -> None:
    assert known_vendors(owed(None, supplier=supplier)) == 1
    assert known_vendors(owed(None, supplier=supplier), method_when_missing=MethodWhenMissing.JOURNAL) == 0


def test_a_vendor_that_the_settings_map_is_known() -> None:
    settings = SETTINGS.model_copy(update={"mapping": MappingSettings(vendors={"Nowhere": "V-1001"})})
    assert unknown(owed(supplier=Supplier(name="Nowhere")), settings=settings) == []


def test_many_names_are_compared_in_reasonable_time() -> None:
    crowd = tuple(LedgerVendor(f"V{number}", f"Vendor of many words {number}") for number in range(3000))
    expenses = [
        owed(vendor=vendor(code=f"X{number}", name=f"Vendr of many words {number}")) for number in range(50)
    ]
    found = unknown(*expenses, reference=replace(REFERENCE, vendors=crowd))
    assert {one.target for one in found} == {f"V{number}" for number in range(50)}


def test_the_standard_category_is_known() -> None:
    assert unknown(booked_on(category())) == []
