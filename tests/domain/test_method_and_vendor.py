from typing import Any

import pytest
from msgspec.structs import replace

from pleo_export.domain.entry import Entry, EntryKind
from pleo_export.domain.failure_types import ItemFailureType
from pleo_export.domain.item import Bookkeeping, Supplier, User
from pleo_export.domain.names import share_a_word
from pleo_export.domain.reference import LedgerVendor, ReferenceData
from pleo_export.domain.settings import MappingSettings
from pleo_export.testing.expenses import CONTRA, PAYABLE, REFERENCE, SETTINGS, VENDOR_PAYABLE, WALLET, expense
from tests.domain.mapping import (
    PAYABLE_METHOD,
    entry_of,
    rejection_of,
    vendor,
    with_bookkeeping,
    without_lists,
)

BY_SUPPLIER = {"code": "nordic", "account": VENDOR_PAYABLE, "tax_identifier": "DK12345678"}


def payable(*, reference: ReferenceData = REFERENCE, **fields: Any) -> Entry:
    return entry_of(expense("card_purchase", bookkeeping=PAYABLE_METHOD, **fields), reference=reference)


def test_a_method_that_nobody_published_is_a_rejection_that_names_it() -> None:
    rejection = rejection_of(expense("card_purchase", bookkeeping=Bookkeeping(method="barter")))
    assert rejection.type is ItemFailureType.VALIDATION_FAILURE
    assert "bookkeeping method 'barter'" in rejection.reason
    assert "Update pleo-export" in rejection.reason


@pytest.mark.parametrize("item_type", ["wallet_topup", "wallet_unload", "cashback"])
def test_a_type_that_is_always_a_journal_entry_asks_for_no_vendor(item_type: str) -> None:
    entry = entry_of(expense(item_type, bookkeeping=PAYABLE_METHOD))
    assert entry.kind is EntryKind.JOURNAL
    assert str(entry.method_reason) == f"type: {item_type} is always a journal entry"


def test_the_items_own_method_decides_and_is_the_reason() -> None:
    entry = entry_of(expense("card_purchase", bookkeeping=Bookkeeping(method="none")))
    assert str(entry.method_reason) == "bookkeeping.method: none"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"external_id": "V-1001"}, "vendor.externalId V-1001"),
        ({"external_id": "nordic"}, "vendor.externalId nordic"),
        ({"external_id": "gone", "code": "nordic"}, "vendor.code nordic"),
        ({"code": "V-1001"}, "vendor.code V-1001"),
        (
            {"external_id": "gone", "code": "gone", "tax_registration_number": "DK12345678"},
            "vendor.taxRegistrationNumber DK12345678",
        ),
    ],
)
def test_a_vendor_is_looked_for_by_id_then_code_then_tax_number(fields: dict[str, str], reason: str) -> None:
    entry = payable(vendor=vendor(name="as Pleo calls it", **fields))
    assert entry.vendor is not None
    assert (entry.vendor.id, entry.vendor.name) == ("V-1001", "Nordic Paper ApS")
    assert str(entry.method_reason) == f"bookkeeping.method: accounts_payable by {reason}"


def test_the_external_id_wins_over_the_code() -> None:
    entry = payable(vendor=vendor(external_id="V-1002", code="nordic"))
    assert entry.vendor is not None
    assert entry.vendor.id == "V-1002"


@pytest.mark.parametrize("field", ["code", "account", "tax_identifier"])
def test_without_a_vendor_the_supplier_is_looked_for_in_three_ways(field: str) -> None:
    entry = payable(supplier=Supplier(**{field: BY_SUPPLIER[field]}))
    assert entry.vendor is not None
    assert entry.vendor.id == "V-1001"


def test_of_the_suppliers_fields_the_code_wins() -> None:
    entry = payable(supplier=Supplier(code="example", account=VENDOR_PAYABLE, tax_identifier="DK12345678"))
    assert str(entry.method_reason) == "bookkeeping.method: accounts_payable by supplier.code example"


def test_where_there_is_a_vendor_the_supplier_does_not_count() -> None:
    item = expense(
        "card_purchase",
        bookkeeping=PAYABLE_METHOD,
        vendor=vendor(code="gone"),
        supplier=Supplier(**BY_SUPPLIER),
    )
    assert rejection_of(item).type is ItemFailureType.VENDOR_UNKNOWN


def test_the_employee_is_the_vendor_of_money_from_the_own_pocket() -> None:
    item = expense("mileage", bookkeeping=PAYABLE_METHOD, supplier=Supplier(**BY_SUPPLIER))
    entry = entry_of(item)
    assert entry.vendor is not None
    assert entry.vendor.id == "E-77"
    assert str(entry.method_reason) == "bookkeeping.method: accounts_payable by user.code 77"


@pytest.mark.parametrize("fields", [{"external_id": "V-1003"}, {"code": "blocked"}])
def test_a_blocked_vendor_is_as_good_as_unknown(fields: dict[str, str]) -> None:
    item = expense("invoice", bookkeeping=PAYABLE_METHOD, vendor=vendor(name="Blocked Ltd", **fields))
    rejection = rejection_of(item)
    assert rejection.type is ItemFailureType.VENDOR_UNKNOWN
    assert rejection.reason == (
        "Selected vendor cannot be processed because it does not exist or is currently blocked: vendor 'Blocked Ltd' (vendor V-1003 is blocked)."
        " Verify the vendor's status in the accounting system, or choose another one in Pleo, and export the expense again."
    )


@pytest.mark.parametrize(
    ("item_type", "fields", "named"),
    [
        ("invoice", {"vendor": vendor(name="Nobody Inc")}, "vendor 'Nobody Inc'"),
        ("invoice", {"supplier": Supplier(name="Corner shop")}, "supplier 'Corner shop'"),
        ("invoice", {"supplier": None}, "supplier of this expense"),
        ("mileage", {"user": User(id="u", name="Grace Example", code="E-5")}, "employee with the code 'E-5'"),
        ("mileage", {"user": None}, "employee of this expense, who has no employee code"),
    ],
)
def test_an_unknown_vendor_is_named_a_person_only_by_the_code(
    item_type: str, fields: dict[str, Any], named: str
) -> None:
    item = expense(item_type, bookkeeping=PAYABLE_METHOD, **fields)
    rejection = rejection_of(item)
    assert rejection.type is ItemFailureType.VENDOR_UNKNOWN
    assert f"does not exist or is currently blocked: {named}." in rejection.reason
    assert "Grace" not in rejection.reason


def test_out_of_pocket_the_employee_is_the_vendor_even_where_pleo_names_another() -> None:
    item = expense("out_of_pocket", bookkeeping=PAYABLE_METHOD, vendor=vendor(external_id="V-1001"))
    entry = entry_of(item)
    assert entry.vendor is not None
    assert entry.vendor.id == "E-77"


def test_who_sold_it_is_owed_nothing_for_what_an_employee_paid() -> None:
    item = expense(
        "out_of_pocket", bookkeeping=PAYABLE_METHOD, user=None, vendor=vendor(external_id="V-1001")
    )
    assert rejection_of(item).type is ItemFailureType.VENDOR_UNKNOWN


@pytest.mark.parametrize("name", ["Ada Example", "Example, Ada", "EXAMPLE Ada M."])
def test_a_vendor_that_is_the_employee_counts_where_the_employee_has_no_code(name: str) -> None:
    item = expense(
        "out_of_pocket",
        bookkeeping=PAYABLE_METHOD,
        user=User(id="u", name="Ada Example"),
        vendor=vendor(name=name, external_id="E-77"),
    )
    entry = entry_of(item)
    assert entry.vendor is not None
    assert entry.vendor.id == "E-77"


def test_a_company_may_book_unknown_vendors_on_the_common_account() -> None:
    item = expense("invoice", bookkeeping=PAYABLE_METHOD, vendor=vendor(name="Nobody Inc"))
    entry = entry_of(item, with_bookkeeping(unknown_vendor="fallback_account"))
    assert entry.kind is EntryKind.BILL
    assert entry.vendor is None
    assert entry.postings[-1].account == PAYABLE
    assert (
        str(entry.postings[-1].reason)
        == "accounts.accounts_payable: 2400 (fallback: the vendor is not known)"
    )
    assert str(entry.method_reason) == (
        "bookkeeping.method: accounts_payable (fallback: vendor 'Nobody Inc' is unknown: common account)"
    )


@pytest.mark.parametrize("policy", ["fail", "fallback_account"])
def test_the_policy_for_unknown_vendors_leaves_known_ones_alone(policy: str) -> None:
    item = expense("invoice", bookkeeping=PAYABLE_METHOD, vendor=vendor(external_id="V-1001"))
    entry = entry_of(item, with_bookkeeping(unknown_vendor=policy))
    assert entry.postings[-1].account == VENDOR_PAYABLE


@pytest.mark.parametrize(
    ("fields", "taken"),
    [
        ({"external_id": "V-9", "code": "nine"}, "vendor.externalId V-9"),
        ({"code": "nine"}, "vendor.code nine"),
        ({}, "vendor.id pleo-vendor"),
    ],
)
def test_a_system_without_a_list_of_vendors_takes_the_one_that_pleo_names(
    fields: dict[str, str], taken: str
) -> None:
    item = expense("invoice", bookkeeping=PAYABLE_METHOD, vendor=vendor(name="Nine AB", **fields))
    entry = entry_of(item, reference=without_lists())
    assert entry.vendor is not None
    assert (entry.vendor.id, entry.vendor.name) == (taken.split()[1], "Nine AB")
    assert str(entry.method_reason) == f"bookkeeping.method: accounts_payable by {taken}"


def test_without_a_list_of_vendors_pleo_is_believed_where_it_asks_for_accounts_payable() -> None:
    named = Supplier(name="Corner shop", code="corner")
    entry = entry_of(
        expense("invoice", bookkeeping=PAYABLE_METHOD, supplier=named), reference=without_lists()
    )
    assert entry.vendor is not None
    assert entry.vendor.id == "corner"
    nameless = expense("invoice", bookkeeping=PAYABLE_METHOD, supplier=Supplier(name="Corner shop"))
    assert rejection_of(nameless, reference=without_lists()).type is ItemFailureType.VENDOR_UNKNOWN


def test_without_a_list_of_vendors_no_supplier_is_taken_for_one_unasked() -> None:
    item = expense("invoice", supplier=Supplier(name="Corner shop", code="corner"))
    assert entry_of(item, reference=without_lists()).kind is EntryKind.JOURNAL


def test_an_empty_list_of_vendors_knows_none() -> None:
    item = expense("invoice", bookkeeping=PAYABLE_METHOD, vendor=vendor(external_id="V-1001"))
    rejection = rejection_of(item, reference=replace(REFERENCE, vendors=()))
    assert rejection.type is ItemFailureType.VENDOR_UNKNOWN


def test_without_a_method_a_supplier_that_is_a_vendor_goes_through_accounts_payable() -> None:
    entry = entry_of(expense("card_purchase", supplier=Supplier(name="Nordic", code="nordic")))
    assert entry.kind is EntryKind.BILL
    assert str(entry.method_reason) == "method_when_missing: accounts_payable by supplier.code nordic"


@pytest.mark.parametrize(
    ("supplier", "why"),
    [
        (None, "no vendor matches"),
        (Supplier(), "no vendor matches"),
        (Supplier(code="gone"), "no vendor matches"),
        (Supplier(code="blocked"), "vendor V-1003 is blocked"),
    ],
)
def test_without_a_method_and_a_matching_supplier_it_is_a_journal_entry(
    supplier: Supplier | None, why: str
) -> None:
    entry = entry_of(expense("card_purchase", supplier=supplier))
    assert entry.kind is EntryKind.JOURNAL
    assert str(entry.method_reason) == f"method_when_missing: journal, {why}"


@pytest.mark.parametrize("item_type", ["out_of_pocket", "mileage", "per_diem", "direct_reimbursement"])
def test_without_a_method_money_of_employees_never_goes_through_accounts_payable(item_type: str) -> None:
    assert entry_of(expense(item_type)).kind is EntryKind.JOURNAL


def test_a_company_may_want_a_journal_entry_wherever_the_method_is_missing() -> None:
    item = expense("card_purchase", supplier=Supplier(code="nordic"), vendor=vendor(external_id="V-1001"))
    entry = entry_of(item, with_bookkeeping(method_when_missing="journal"))
    assert entry.kind is EntryKind.JOURNAL
    assert str(entry.method_reason) == "method_when_missing: journal"


SHARED = replace(
    REFERENCE,
    vendors=(
        LedgerVendor("V-1", "Alpha A/S", "alpha", VENDOR_PAYABLE, "DK 11 11 11 11"),
        LedgerVendor("V-2", "Alpha Norge", "norge", VENDOR_PAYABLE, "DK11111111"),
        LedgerVendor("V-3", "Blocked Ltd", "blocked", WALLET, "DK33333333", active=False),
        LedgerVendor("V-4", "Delta A/S", "delta", PAYABLE, "DK44444444"),
        LedgerVendor("V-5", "Epsilon A/S", "epsilon", CONTRA, "DK55555555"),
    ),
)


class TestWhatSeveralVendorsHave:
    """A payable account or a tax number tells who is owed only where one vendor has it."""

    def test_a_payable_account_of_two_vendors_tells_nothing(self) -> None:
        shop = Supplier(name="Corner shop", account=VENDOR_PAYABLE)
        refused = rejection_of(expense(bookkeeping=PAYABLE_METHOD, supplier=shop), reference=SHARED)
        assert "blocked: supplier 'Corner shop'." in refused.reason
        assert entry_of(expense(supplier=shop), reference=SHARED).kind is EntryKind.JOURNAL

    def test_a_payable_account_that_a_blocked_vendor_shares_tells_nothing_either(self) -> None:
        vendors = (
            LedgerVendor("V-1", "Alpha", account="2401", active=False),
            LedgerVendor("V-2", "Beta", account="2401"),
        )
        item = expense(supplier=Supplier(name="Corner shop", account="2401"))
        assert entry_of(item, reference=replace(REFERENCE, vendors=vendors)).vendor is None

    def test_the_common_payable_account_is_no_vendors_own_even_where_one_names_it(self) -> None:
        item = expense(supplier=Supplier(name="Corner shop", account=PAYABLE))
        assert entry_of(item, reference=SHARED).vendor is None

    def test_a_shared_account_leaves_the_word_to_the_tax_number(self) -> None:
        shop = Supplier(account=VENDOR_PAYABLE, tax_identifier="DK55555555")
        entry = payable(supplier=shop, reference=SHARED)
        assert entry.vendor is not None
        assert entry.vendor.id == "V-5"

    def test_a_new_vendor_with_a_shared_account_is_created(self) -> None:
        item = expense(bookkeeping=PAYABLE_METHOD, supplier=Supplier(code="new", account=VENDOR_PAYABLE))
        entry = entry_of(item, with_bookkeeping(unknown_vendor="create"), SHARED)
        assert entry.vendor is not None
        assert (entry.vendor.id, entry.vendor.create) == ("new", True)

    @pytest.mark.parametrize("policy", ["fail", "fallback_account", "create"])
    def test_a_tax_number_of_two_vendors_is_refused_and_nobody_is_created(self, policy: str) -> None:
        whose = vendor(name="Alpha", tax_registration_number="DK11111111")
        item = expense(bookkeeping=PAYABLE_METHOD, vendor=whose)
        refused = rejection_of(item, with_bookkeeping(unknown_vendor=policy), SHARED)
        assert refused.type is ItemFailureType.VENDOR_UNKNOWN
        assert (
            "blocked: vendor 'Alpha' (vendor.taxRegistrationNumber DK11111111 is that of 2 vendors; say in mapping.vendors which one"
            in refused.reason
        )

    def test_a_code_of_two_vendors_is_refused_but_an_id_comes_before_a_code(self) -> None:
        vendors = (
            LedgerVendor("A", "Alpha", "X"),
            LedgerVendor("B", "Beta", "X"),
            LedgerVendor("C", "Gamma", "A"),
        )
        reference = replace(REFERENCE, vendors=vendors)
        refused = rejection_of(
            expense(bookkeeping=PAYABLE_METHOD, vendor=vendor(code="X")), reference=reference
        )
        assert "vendor.code X is that of 2 vendors" in refused.reason
        by_id = payable(vendor=vendor(code="A"), reference=reference)
        assert by_id.vendor is not None
        assert by_id.vendor.name == "Alpha"


class TestAnEmployeeWithTheNumberOfASupplier:
    """Employees and suppliers are both numbered from 1, and the books may have them in one list."""

    PAPER = LedgerVendor("77", "Nordic Paper ApS")

    @pytest.mark.parametrize("policy", ["fail", "fallback_account", "create"])
    @pytest.mark.parametrize("item_type", ["out_of_pocket", "direct_reimbursement"])
    def test_is_not_taken_for_the_supplier(self, policy: str, item_type: str) -> None:
        reference = replace(REFERENCE, vendors=(self.PAPER,))
        item = expense(item_type, bookkeeping=PAYABLE_METHOD)
        refused = rejection_of(item, with_bookkeeping(unknown_vendor=policy), reference)
        assert refused.type is ItemFailureType.VENDOR_UNKNOWN
        assert (
            "blocked: employee with the code '77' (vendor 77 has another name; say in mapping.vendors who 77 is)."
        ) in refused.reason
        assert "Ada" not in refused.reason

    def test_is_found_beside_it_by_the_name(self) -> None:
        reference = replace(REFERENCE, vendors=(self.PAPER, LedgerVendor("E-77", "EXAMPLE, Ada", "77")))
        entry = entry_of(expense("out_of_pocket", bookkeeping=PAYABLE_METHOD), reference=reference)
        assert entry.vendor is not None
        assert entry.vendor.id == "E-77"

    def test_is_whom_the_company_maps_whatever_the_name(self) -> None:
        mapped = SETTINGS.model_copy(update={"mapping": MappingSettings(vendors={"77": "77"})})
        reference = replace(REFERENCE, vendors=(LedgerVendor("77", "Employee 77"),))
        entry = entry_of(expense("out_of_pocket", bookkeeping=PAYABLE_METHOD), mapped, reference)
        assert entry.vendor is not None
        assert entry.vendor.id == "77"


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("Ada Example", "example, ADA", True),
        ("Søren Ångström", "Angstrom", True),
        ("Ada Example", "Nordic Paper ApS", False),
        ("A. Example", "A/S Paper", False),
        ("", "Ada", False),
    ],
)
def test_two_names_are_of_one_person_where_they_share_a_word(one: str, other: str, *, meet: bool) -> None:
    assert share_a_word(one, other) is share_a_word(other, one) is meet


class TestABlockedVendor:
    @pytest.mark.parametrize("policy", ["fail", "fallback_account", "create"])
    def test_is_refused_whatever_less_sure_says_and_whatever_becomes_of_unknown_ones(
        self, policy: str
    ) -> None:
        whose = Supplier(name="Blocked Ltd", code="blocked", account=CONTRA, tax_identifier="DK44444444")
        item = expense(bookkeeping=PAYABLE_METHOD, supplier=whose)
        refused = rejection_of(item, with_bookkeeping(unknown_vendor=policy), SHARED)
        assert "blocked: supplier 'Blocked Ltd' (vendor V-3 is blocked)." in refused.reason

    def test_is_owed_to_nobody_else_without_a_method(self) -> None:
        whose = Supplier(name="Blocked Ltd", code="blocked", account=CONTRA)
        entry = entry_of(expense(supplier=whose), reference=SHARED)
        assert (entry.kind, entry.vendor) == (EntryKind.JOURNAL, None)


class TestTheSpellingOfATaxNumber:
    @pytest.mark.parametrize(
        "spelled", ["DK 12345678", "dk12345678", "DK 12.34.56-78", " DK\u00a01234 5678 "]
    )
    @pytest.mark.parametrize("of", ["vendor", "supplier"])
    def test_is_none_of_its_value(self, spelled: str, of: str) -> None:
        whose: dict[str, Any] = (
            {"vendor": vendor(tax_registration_number=spelled)}
            if of == "vendor"
            else {"supplier": Supplier(tax_identifier=spelled)}
        )
        entry = entry_of(
            expense(bookkeeping=PAYABLE_METHOD, **whose), with_bookkeeping(unknown_vendor="create")
        )
        assert entry.vendor is not None
        assert (entry.vendor.id, entry.vendor.create) == ("V-1001", False)

    @pytest.mark.parametrize("reference", [replace(REFERENCE, vendors=()), without_lists()])
    def test_gives_one_new_vendor_one_id_and_one_key(self, reference: ReferenceData) -> None:
        spellings = ("DK 99 99 99 99", "DK99999999")
        new = [
            entry_of(
                expense(bookkeeping=PAYABLE_METHOD, supplier=Supplier(tax_identifier=spelled)),
                with_bookkeeping(unknown_vendor="create"),
                reference,
            )
            for spelled in spellings
        ]
        assert {one.vendor.id for one in new if one.vendor} == {"DK99999999"}
        assert len({one.fingerprint for one in new}) == 1

    def test_is_none_of_what_the_company_maps_either(self) -> None:
        mapped = SETTINGS.model_copy(update={"mapping": MappingSettings(vendors={"DK11111111": "V-2"})})
        entry = entry_of(expense(supplier=Supplier(tax_identifier="DK 11 11 11 11")), mapped, SHARED)
        assert entry.vendor is not None
        assert entry.vendor.id == "V-2"

    def test_a_tax_number_without_a_letter_or_digit_is_none(self) -> None:
        item = expense(bookkeeping=PAYABLE_METHOD, supplier=Supplier(name="Kiosk", tax_identifier=" - "))
        refused = rejection_of(item, with_bookkeeping(unknown_vendor="create"))
        assert refused.type is ItemFailureType.VENDOR_UNKNOWN


def test_a_system_without_a_list_of_vendors_takes_no_account_for_a_vendor() -> None:
    item = expense(bookkeeping=PAYABLE_METHOD, supplier=Supplier(name="Corner shop", account=VENDOR_PAYABLE))
    assert rejection_of(item, reference=without_lists()).type is ItemFailureType.VENDOR_UNKNOWN


def test_vendors_without_tax_numbers_are_not_found_by_an_empty_one() -> None:
    reference = replace(REFERENCE, vendors=(LedgerVendor("V-1", "Empty", tax_identifier=""),))
    item = expense("card_purchase", supplier=Supplier(code="", account="", tax_identifier=""))
    assert entry_of(item, reference=reference).kind is EntryKind.JOURNAL
