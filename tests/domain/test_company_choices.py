"""What a company may decide about its books: mapped codes, VAT by code, rounding, descriptions, dimensions, vendors."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Dimension, Entry, EntryKind, EntryState, Owed
from pleo_export.domain.item import (
    AdditionalInformation,
    InvoiceInformation,
    Line,
    ServicePeriod,
    Supplier,
    Tag,
    Team,
    User,
)
from pleo_export.domain.money import Money
from pleo_export.domain.reference import LedgerTaxCode
from pleo_export.domain.settings import CompanySettings
from pleo_export.testing.expenses import (
    CATEGORY,
    INACTIVE,
    INPUT_VAT,
    OTHER_CATEGORY,
    OTHER_INPUT_VAT,
    OTHER_OUTPUT_VAT,
    PAYABLE,
    REFERENCE,
    SETTINGS,
    VENDOR_PAYABLE,
    WALLET,
    amounts,
    category,
    expense,
    line,
    tax,
)
from tests.domain.mapping import PAYABLE_METHOD, entry_of, legs, rejection_of, vendor

ROUNDING = OTHER_CATEGORY


def company(**sections: Mapping[str, Any]) -> CompanySettings:
    """The usual settings with some of their keys changed."""
    tree = SETTINGS.model_dump()
    for name, keys in sections.items():
        tree[name] = tree[name] | dict(keys)
    return CompanySettings.model_validate(tree)


BY_CODE = company(vat={"handling": "by_code"})
ROUNDED = company(accounts={"rounding": ROUNDING})


class TestVat:
    def test_by_code_the_whole_amount_goes_with_the_code_and_the_tax_to_split_off(self) -> None:
        entry = entry_of(expense("card_purchase", line(125_00, tax=tax(25_00))), BY_CODE)
        assert legs(entry.postings) == [(CATEGORY, 125_00), (WALLET, -125_00)]
        assert (entry.postings[0].tax_code, entry.postings[0].tax) == ("V25", Money("EUR", 25_00))

    def test_by_code_a_refund_hands_the_tax_over_in_its_own_direction(self) -> None:
        entry = entry_of(expense("refund", line(125_00, tax=tax(25_00))), BY_CODE)
        assert entry.postings[0].amount == Money("EUR", -125_00)
        assert entry.postings[0].tax == Money("EUR", -25_00)

    def test_by_code_tax_without_a_code_is_refused(self) -> None:
        item = expense("card_purchase", line(125_00, tax=tax(25_00, code=None)))
        assert rejection_of(item, BY_CODE).cause is Cause.TAX_CODE_MISSING

    def test_by_code_a_tax_of_nothing_without_a_code_is_none(self) -> None:
        settings = company(vat={"handling": "by_code", "no_tax_code": "V00"})
        (of_nothing, without) = (
            entry_of(expense("card_purchase", one), settings)
            for one in (line(125_00, tax=tax(0, code=None)), line(125_00))
        )
        assert of_nothing == without
        assert (without.postings[0].tax_code, without.postings[0].tax) == ("V00", None)

    def test_by_code_needs_no_tax_accounts(self) -> None:
        settings = company(vat={"handling": "by_code", "input_account": None, "output_account": None})
        entry = entry_of(expense("card_purchase", line(125_00, tax=tax(25_00))), settings)
        assert legs(entry.postings) == [(CATEGORY, 125_00), (WALLET, -125_00)]

    def test_a_line_without_tax_gets_the_code_for_that(self) -> None:
        entry = entry_of(expense("card_purchase", line(10_00)), company(vat={"no_tax_code": "V00"}))
        assert entry.postings[0].tax_code == "V00"

    def test_a_mapped_tax_code_is_the_systems_with_its_own_accounts(self) -> None:
        mapped = {"V25": {"code": "S-25", "input_account": OTHER_INPUT_VAT}}
        reference = replace(REFERENCE, tax_codes={"S-25": LedgerTaxCode("S-25", "Sales")})
        item = expense("card_purchase", line(125_00, tax=tax(25_00, ingoing_tax_account=INPUT_VAT)))
        entry = entry_of(item, company(mapping={"tax_codes": mapped}), reference)
        assert legs(entry.postings) == [(CATEGORY, 100_00), (OTHER_INPUT_VAT, 25_00), (WALLET, -125_00)]
        assert {leg.tax_code for leg in entry.postings} == {"S-25", None}
        assert str(entry.postings[1].reason).startswith("mapping.tax_codes.V25: ")

    def test_a_mapped_reverse_charge_uses_both_mapped_accounts(self) -> None:
        mapped = {"R25": {"input_account": OTHER_INPUT_VAT, "output_account": OTHER_OUTPUT_VAT}}
        item = expense("card_purchase", line(100_00, tax=tax(25_00, "reverse", code="R25")))
        entry = entry_of(item, company(mapping={"tax_codes": mapped}))
        assert legs(entry.postings)[1:3] == [(OTHER_INPUT_VAT, 25_00), (OTHER_OUTPUT_VAT, -25_00)]


class TestRounding:
    @pytest.mark.parametrize("off", [-1, 1])
    def test_a_minor_unit_between_lines_and_expense_goes_to_its_account_with_the_reason(
        self, off: int
    ) -> None:
        item = expense("card_purchase", line(60_00, 1), line(40_00 - off, 2), amount=amounts(100_00))
        entry = entry_of(item, ROUNDED)
        assert legs(entry.postings)[2:] == [(ROUNDING, off), (WALLET, -100_00)]
        assert "accounts.rounding: the lines come to" in str(entry.postings[2].reason)

    def test_two_minor_units_are_a_rejection(self) -> None:
        item = expense("card_purchase", line(99_98), amount=amounts(100_00))
        assert rejection_of(item, ROUNDED).cause is Cause.LINES_DO_NOT_ADD_UP

    @pytest.mark.parametrize("off", [-1, 1])
    def test_a_stated_net_amount_a_minor_unit_off_is_booked_as_stated(self, off: int) -> None:
        item = expense("card_purchase", line(125_00, tax=tax(25_00), net_amount=amounts(100_00 + off)))
        assert legs(entry_of(item, ROUNDED).postings) == [
            (CATEGORY, 100_00 + off),
            (INPUT_VAT, 25_00),
            (ROUNDING, -off),
            (WALLET, -125_00),
        ]

    @pytest.mark.parametrize("off", [-1, 1])
    def test_of_a_currency_with_three_decimals_it_is_a_hundredth_the_least_that_pleo_states(
        self, off: int
    ) -> None:
        paid, net = amounts(125_00, "KWD"), amounts(100_00 + off, "KWD")
        its_tax = tax(amounts(25_00, "KWD"))
        stated = expense("card_purchase", line(paid, tax=its_tax, net_amount=net))
        assert legs(entry_of(stated, ROUNDED).postings)[2:] == [(ROUNDING, -off * 10), (WALLET, -125_000)]
        split = expense("card_purchase", line(amounts(125_00 - off, "KWD")), amount=paid)
        assert legs(entry_of(split, ROUNDED).postings)[1:] == [(ROUNDING, off * 10), (WALLET, -125_000)]

    @pytest.mark.parametrize(
        ("off", "off_in_sek", "originals"),
        [
            (0, 0, [1100_00, 275_00]),
            (1, 0, [1100_00, 275_00, 0]),
            (0, 1, [1100_00, 275_00]),
            (-1, 1, [1100_01, 275_00, -1]),
        ],
    )
    def test_a_minor_unit_in_one_currency_leaves_the_other_one_told_to_the_last(
        self, off: int, off_in_sek: int, originals: list[int]
    ) -> None:
        paid = line(
            amounts(125_00, supplier=(1375_00, "SEK")),
            tax=tax(amounts(25_00, supplier=(275_00, "SEK"))),
            net_amount=amounts(100_00 + off, supplier=(1100_00 + off_in_sek, "SEK")),
        )
        postings = entry_of(expense("card_purchase", paid), ROUNDED).postings
        assert [one.original for one in postings] == [Money("SEK", one) for one in (*originals, -1375_00)]

    @pytest.mark.parametrize(("booked", "told"), [("SEK", "JPY"), ("JPY", "SEK")])
    @pytest.mark.parametrize("kind", ["inclusive", "reverse"])
    def test_a_tax_that_is_nothing_in_one_currency_is_told_all_the_same(
        self, booked: str, told: str, kind: str
    ) -> None:
        its_tax = {"SEK": 25, "JPY": 0}
        paid = {"SEK": 125, "JPY": 1400}
        one = line(
            amounts(paid[booked], booked, supplier=(paid[told], told)),
            tax=tax(amounts(its_tax[booked], booked, supplier=(its_tax[told], told)), kind),
        )
        postings = entry_of(expense("card_purchase", one), ROUNDED).postings
        assert sum(one.original.decimal for one in postings if one.original) == 0
        assert postings[0].original == Money.from_hundredths(told, Decimal(paid[told]))

    @pytest.mark.parametrize(("whole_in_sek", "original"), [(1100_00, 0), (1100_01, 1), (1100_50, None)])
    def test_a_minor_unit_between_lines_and_expense_is_told_too(
        self, whole_in_sek: int, original: int | None
    ) -> None:
        paid = line(amounts(100_00, supplier=(1100_00, "SEK")))
        item = expense("refund", paid, amount=amounts(100_01, supplier=(whole_in_sek, "SEK")))
        rounding = entry_of(item, ROUNDED).postings[1]
        assert rounding.original == (None if original is None else Money("SEK", -original))

    def test_without_an_account_for_it_the_stated_net_amount_is_not_used(self) -> None:
        item = expense("card_purchase", line(125_00, tax=tax(25_00), net_amount=amounts(100_01)))
        assert legs(entry_of(item).postings)[0] == (CATEGORY, 100_00)

    def test_nothing_is_rounded_where_everything_adds_up(self) -> None:
        item = expense("card_purchase", line(125_00, tax=tax(25_00)))
        assert entry_of(item, ROUNDED).postings == entry_of(item).postings


class TestAccounts:
    @pytest.mark.parametrize("key", ["OFFICE", "as-office", "account-OFFICE", "Category"])
    def test_a_category_is_mapped_by_any_name_pleo_has_for_it(self, key: str) -> None:
        named = category("OFFICE", "as-office")
        settings = company(mapping={"accounts": {key: OTHER_CATEGORY}})
        entry = entry_of(expense("card_purchase", line(10_00, account=named)), settings)
        assert entry.postings[0].account == OTHER_CATEGORY
        assert "OFFICE is 6200 by mapping.accounts" in str(entry.postings[0].reason)

    def test_a_mapping_to_an_account_that_is_closed_is_refused_and_names_the_mapping(self) -> None:
        settings = company(mapping={"accounts": {CATEGORY: INACTIVE}})
        refused = rejection_of(expense("card_purchase", line(10_00)), settings)
        assert refused.cause is Cause.ACCOUNT_INACTIVE
        assert "mapping.accounts in the settings" in refused.reason


class TestVendors:
    def test_a_mapped_vendor_is_found_under_the_systems_id(self) -> None:
        item = expense(bookkeeping=PAYABLE_METHOD, vendor=vendor(code="PLEO-9"))
        entry = entry_of(item, company(mapping={"vendors": {"PLEO-9": "V-1001"}}))
        assert entry.vendor is not None
        assert entry.vendor.id == "V-1001"
        assert entry.postings[-1].account == VENDOR_PAYABLE
        assert "PLEO-9 is V-1001 by mapping.vendors" in str(entry.method_reason)

    def test_a_supplier_of_whom_only_the_name_is_known_counts_where_the_company_maps_it(self) -> None:
        item = expense(bookkeeping=PAYABLE_METHOD, supplier=Supplier(name="Nordic Paper ApS"))
        assert rejection_of(item).cause is Cause.VENDOR_UNKNOWN
        mapped = company(mapping={"vendors": {"Nordic Paper ApS": "V-1001"}})
        for reference in (REFERENCE, replace(REFERENCE, vendors=None)):
            found = entry_of(item, mapped, reference).vendor
            assert found is not None
            assert found.id == "V-1001"

    def test_a_vendor_that_is_not_there_is_created_under_pleos_surest_key(self) -> None:
        who = vendor(external_id="X-1", code="C-1", tax_registration_number="DK99999999")
        entry = entry_of(
            expense(bookkeeping=PAYABLE_METHOD, vendor=who), company(bookkeeping={"unknown_vendor": "create"})
        )
        assert entry.vendor is not None
        assert (entry.vendor.id, entry.vendor.create) == ("X-1", True)
        assert entry.vendor.tax_identifier == "DK99999999"
        assert entry.postings[-1].account == PAYABLE

    def test_whether_a_vendor_was_created_does_not_change_the_fingerprint(self) -> None:
        item = expense(bookkeeping=PAYABLE_METHOD, vendor=vendor(external_id="V-1002", code="C-1"))
        empty = replace(REFERENCE, vendors=())
        created = entry_of(item, company(bookkeeping={"unknown_vendor": "create"}), empty)
        assert created.fingerprint == entry_of(item).fingerprint

    def test_a_blocked_vendor_is_not_created_a_second_time(self) -> None:
        item = expense(bookkeeping=PAYABLE_METHOD, vendor=vendor(code="blocked"))
        refused = rejection_of(item, company(bookkeeping={"unknown_vendor": "create"}))
        assert refused.cause is Cause.VENDOR_UNKNOWN

    def test_a_supplier_without_any_code_cannot_be_created(self) -> None:
        item = expense(bookkeeping=PAYABLE_METHOD, supplier=Supplier(name="Kiosk"))
        refused = rejection_of(item, company(bookkeeping={"unknown_vendor": "create"}))
        assert refused.cause is Cause.VENDOR_UNKNOWN


class TestPayables:
    def test_a_bill_below_zero_is_a_credit_note_with_the_same_signed_postings(self) -> None:
        item = expense(
            "invoice", line(amounts(-50_00)), bookkeeping=PAYABLE_METHOD, vendor=vendor(code="example")
        )
        entry = entry_of(item)
        assert entry.kind is EntryKind.CREDIT_NOTE
        assert legs(entry.postings) == [(CATEGORY, -50_00), (PAYABLE, 50_00)]
        assert entry.owed == Owed(PAYABLE, Money("EUR", -50_00))

    def test_a_refund_below_zero_is_a_bill(self) -> None:
        item = expense(
            "refund", line(amounts(-50_00)), bookkeeping=PAYABLE_METHOD, vendor=vendor(code="example")
        )
        assert entry_of(item).kind is EntryKind.BILL

    def test_a_foreign_invoice_is_owed_in_its_currency_and_says_what_it_was_worth(self) -> None:
        item = expense(
            "invoice",
            line(amounts(90_00, supplier=(100_00, "USD"))),
            bookkeeping=PAYABLE_METHOD,
            vendor=vendor(code="example"),
        )
        assert entry_of(item).owed == Owed(PAYABLE, Money("USD", 100_00), Money("EUR", 90_00))

    @pytest.mark.parametrize(
        ("sub_type", "sign"), [("invoice_payment_sent", 1), ("invoice_payment_returned", -1)]
    )
    def test_a_payment_is_paid_in_the_wallets_currency_and_says_what_was_charged(
        self, sub_type: str, sign: int
    ) -> None:
        item = expense(
            "invoice_payment",
            line(amounts(92_00, supplier=(100_00, "USD"))),
            sub_type=sub_type,
            bookkeeping=PAYABLE_METHOD,
            vendor=vendor(code="example"),
        )
        expected = Owed(PAYABLE, Money("EUR", sign * 92_00), Money("USD", sign * 100_00))
        assert entry_of(item).owed == expected

    @pytest.mark.parametrize("item_type", ["card_purchase", "refund", "wallet_topup", "personal_spend"])
    def test_what_is_settled_at_once_or_never_through_a_vendor_owes_nothing(self, item_type: str) -> None:
        item = expense(item_type, bookkeeping=PAYABLE_METHOD, vendor=vendor(code="example"))
        assert entry_of(item).owed is None


class TestPosting:
    def test_types_may_be_posted_otherwise_than_the_rest(self) -> None:
        settings = company(bookkeeping={"posting": "draft", "posting_by_type": {"fee": "final"}})
        assert entry_of(expense("fee"), settings).state is EntryState.FINAL
        assert entry_of(expense("card_purchase"), settings).state is EntryState.DRAFT

    def test_each_kind_of_entry_goes_into_its_journal(self) -> None:
        settings = company(journals={"general": "GEN", "purchases": "PUR", "payments": "PAY"})
        owed = {"bookkeeping": PAYABLE_METHOD, "vendor": vendor(code="example")}
        found = [
            entry_of(item, settings).journal
            for item in (expense(), expense("invoice", **owed), expense("invoice_payment", **owed))
        ]
        assert found == ["GEN", "PUR", "PAY"]


class TestDescription:
    def described(self, template: str, characters_max: int | None = None, **changes: Any) -> str:
        reference = replace(REFERENCE, description_characters_max=characters_max)
        return entry_of(
            expense(**changes), company(bookkeeping={"description": template}), reference
        ).description

    def test_the_usual_one_is_supplier_user_and_note(self) -> None:
        assert entry_of(expense()).description == "Nordic Paper - Ada Example - Printer paper"

    @pytest.mark.parametrize(
        ("missing", "expected"),
        [
            ({"supplier": None}, "Ada Example - Printer paper"),
            ({"user": None}, "Nordic Paper - Printer paper"),
            ({"note": " "}, "Nordic Paper - Ada Example"),
            ({"supplier": None, "note": None}, "Ada Example"),
            ({"supplier": None, "user": None, "note": None}, "card purchase"),
        ],
    )
    def test_what_is_missing_takes_its_separator_along(self, missing: dict[str, Any], expected: str) -> None:
        assert entry_of(expense(**missing)).description == expected

    def test_text_around_the_placeholders_stays(self) -> None:
        assert self.described("Pleo: {note} ({reconciliation_id})") == "Pleo: Printer paper (10451)"
        assert self.described("Pleo: {team} {note}") == "Pleo: Printer paper"

    def test_every_placeholder_is_filled(self) -> None:
        information = AdditionalInformation(
            reconciliation_id="10451",
            attendees=("Bo", None, "Eva"),
            invoice_information=InvoiceInformation(
                invoice_number="INV-7", invoice_date="2026-01-03", status="paid"
            ),
        )
        template = (
            "{type}|{supplier}|{user}|{initials}|{note}|{team}|{attendees}|{invoice}|{reconciliation_id}"
        )
        assert self.described(
            template, additional_information=information, team=Team(id="t", name="Sales")
        ) == ("card purchase|Nordic Paper|Ada Example|AE|Printer paper|Sales|Bo, Eva|INV-7|10451")

    def test_a_short_field_gets_initials_and_a_shorter_one_is_cut(self) -> None:
        template = "{supplier} - {user} - {note}"
        assert self.described(template, 40) == "Nordic Paper - AE - Printer paper"
        assert self.described(template, 20) == "Nordic Paper - AE -…"
        assert len(self.described(template, 20)) == 20

    @pytest.mark.parametrize("template", ["{suplier}", "no placeholder", "{note!r}", "{note:>9}", "{", "{}"])
    def test_a_template_that_cannot_be_filled_is_a_wrong_setting(self, template: str) -> None:
        with pytest.raises(ValidationError, match="description"):
            company(bookkeeping={"description": template})


class TestDimensions:
    def dimensions(self, mapping: Mapping[str, Any], one: Line, **changes: Any) -> tuple[Dimension, ...]:
        reference = replace(
            REFERENCE, dimensions={"department": frozenset({"20", "CC-100"}), "person": frozenset({"77"})}
        )
        entry = entry_of(expense("card_purchase", one, **changes), company(mapping=mapping), reference)
        return entry.postings[0].dimensions

    def test_a_tag_group_is_the_dimension_it_is_mapped_to(self) -> None:
        tagged = line(10_00, tags=(Tag(id="t", code="CC-100", group_code="COST_CENTRE"),))
        found = self.dimensions({"dimensions": {"COST_CENTRE": "department"}}, tagged)
        assert found == (Dimension("department", "CC-100"),)

    def test_team_and_person_are_dimensions_where_they_are_mapped(self) -> None:
        found = self.dimensions(
            {"team": "department", "user": "person"}, line(10_00), team=Team(id="t", name="Sales", code="20")
        )
        assert found == (Dimension("department", "20"), Dimension("person", "77"))

    def test_a_tag_counts_more_than_the_team_on_the_same_dimension(self) -> None:
        tagged = line(10_00, tags=(Tag(id="t", code="CC-100", group_code="COST_CENTRE"),))
        mapping = {"dimensions": {"COST_CENTRE": "department"}, "team": "department"}
        found = self.dimensions(mapping, tagged, team=Team(id="t", name="Sales", code="20"))
        assert found == (Dimension("department", "CC-100"),)

    def test_two_tags_of_one_dimension_are_refused_and_the_same_one_twice_is_one(self) -> None:
        mapping = {"dimensions": {"COST_CENTRE": "department", "Office": "department"}}
        both = (
            Tag(id="t", code="CC-100", group_code="COST_CENTRE"),
            Tag(id="u", code="20", group_code="Office"),
        )
        reference = replace(REFERENCE, dimensions=None)
        refused = rejection_of(
            expense("card_purchase", line(10_00, tags=both)), company(mapping=mapping), reference
        )
        assert refused.cause is Cause.DIMENSION_TAKEN
        assert refused.reason == (
            "A line of this expense has two tags, CC-100 of COST_CENTRE and 20 of Office, for the dimension department,"
            " which takes one. Choose one of them in Pleo, or correct mapping.dimensions in the settings;"
            " then export the expense again."
        )
        same = tuple(replace(tag, code="20") for tag in both)
        assert self.dimensions(mapping, line(10_00, tags=same)) == (Dimension("department", "20"),)

    def test_two_tags_of_one_group_are_refused_without_any_mapping(self) -> None:
        both = tuple(Tag(id=code, code=code, group_code="COST_CENTRE") for code in ("CC-100", "CC-200"))
        assert rejection_of(expense("wallet_topup", line(10_00, tags=both))).cause is Cause.DIMENSION_TAKEN

    def test_an_unknown_team_is_refused_and_an_unknown_person_is_not_named(self) -> None:
        reference = replace(REFERENCE, dimensions={"department": frozenset({"20"})})
        item = expense(team=Team(id="t", name="Sales", code="99"))
        refused = rejection_of(item, company(mapping={"team": "department"}), reference)
        assert refused.cause is Cause.DIMENSION_VALUE_UNKNOWN
        assert "team 99 is no value of the dimension department" in refused.reason
        nameless = expense(user=User(id="u", name="Ada Example"))
        refused = rejection_of(nameless, company(mapping={"user": "department"}), reference)
        assert "Ada" not in refused.reason


def test_a_service_period_is_kept_as_its_first_and_last_day_and_moves_nothing() -> None:
    plain: Entry = entry_of(expense())
    period = ServicePeriod(start=expense().date, end=expense().date.replace(month=3, day=31))
    entry = entry_of(expense(service_period=period))
    assert entry.service_period is not None
    assert [str(day) for day in entry.service_period] == ["2026-01-03", "2026-03-31"]
    assert entry.posting_date == plain.posting_date
