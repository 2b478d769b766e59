"""What an entry carries besides its accounts: amounts, texts, dates, dimensions and files."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from msgspec.structs import replace

from pleo_export.domain.attachments import FILES_PER_ITEM_MAX
from pleo_export.domain.entry import Dimension, EntryState, InvoiceDetails
from pleo_export.domain.failure_types import ItemFailureType
from pleo_export.domain.item import (
    AdditionalInformation,
    ExportItem,
    File,
    InvoiceInformation,
    ServicePeriod,
    Supplier,
    Tag,
    Team,
    User,
)
from pleo_export.domain.money import Money
from pleo_export.domain.period import adjusted_date
from pleo_export.domain.settings import ClosedPeriodStrategy
from pleo_export.testing.expenses import CATEGORY, PAYABLE, REFERENCE, WALLET, amounts, expense, line, tax
from tests.domain.mapping import (
    PAYABLE_METHOD,
    entry_of,
    legs,
    rejection_of,
    vendor,
    with_bookkeeping,
    without_lists,
)

SEK_AND_EUR = amounts(100_00, "EUR", supplier=(1125_00, "SEK"))
DAY = date(2025, 12, 31)


def invoice(**fields: Any) -> ExportItem:
    information = InvoiceInformation(
        **({"invoice_number": "INV-7", "invoice_date": "2026-01-02", "status": "ready"} | fields)
    )
    return expense(
        "invoice",
        additional_information=AdditionalInformation(reconciliation_id="1", invoice_information=information),
    )


def tag(code: str, group: str = "COST_CENTRE") -> Tag:
    return Tag(id=f"tag-{code}", code=code, group_code=group)


def file(number: int) -> File:
    return File(url=f"https://files.example/{number}", type="application/pdf", size=number)


@pytest.mark.parametrize("item_type", ["card_purchase", "invoice_payment", "mileage", "refund"])
def test_the_wallets_currency_is_booked_and_the_suppliers_is_shown(item_type: str) -> None:
    postings = entry_of(expense(item_type, line(SEK_AND_EUR))).postings
    assert {posting.amount.currency for posting in postings} == {"EUR"}
    signs = {posting.amount.units // 100_00 for posting in postings}
    assert signs == {1, -1}
    for posting in postings:
        assert posting.original == Money("SEK", 1125_00 * (posting.amount.units // 100_00))


def test_an_invoice_is_booked_in_the_suppliers_currency_and_shows_what_it_was_worth_in_the_wallets() -> None:
    postings = entry_of(expense("invoice", line(SEK_AND_EUR))).postings
    assert [(posting.account, posting.amount) for posting in postings] == [
        (CATEGORY, Money("SEK", 1125_00)),
        (PAYABLE, Money("SEK", -1125_00)),
    ]
    assert [posting.original for posting in postings] == [Money("EUR", 100_00), Money("EUR", -100_00)]


def test_the_tax_of_an_invoice_is_in_the_suppliers_currency_too() -> None:
    item = expense("invoice", line(SEK_AND_EUR, tax=tax(amounts(20_00, supplier=(225_00, "SEK")))))
    assert [units for _, units in legs(entry_of(item).postings)] == [900_00, 225_00, -1125_00]


def test_one_currency_on_both_sides_is_no_original_amount() -> None:
    item = expense("card_purchase", line(amounts(100_00, supplier=(90_00, "EUR"))))
    assert [posting.original for posting in entry_of(item).postings] == [None, None]


def test_net_amount_and_tax_each_tell_what_they_were_in_the_suppliers_currency() -> None:
    item = expense("card_purchase", line(SEK_AND_EUR, tax=tax(amounts(20_00, supplier=(225_00, "SEK")))))
    assert [posting.original for posting in entry_of(item).postings] == [
        Money("SEK", 900_00),
        Money("SEK", 225_00),
        Money("SEK", -1125_00),
    ]


@pytest.mark.parametrize("supplier", [(1050, "JPY"), (100, "UNDEFINED"), (100, "XXX")])
def test_a_side_that_is_not_booked_may_be_one_that_could_not_be(supplier: tuple[int, str]) -> None:
    entry = entry_of(expense("card_purchase", line(amounts(100_00, supplier=supplier))))
    assert legs(entry.postings) == [(CATEGORY, 100_00), (WALLET, -100_00)]
    assert [posting.original for posting in entry.postings] == [None, None]


@pytest.mark.parametrize(
    ("paid", "said"),
    [
        (amounts(120_50, "JPY"), "JPY has 0 decimals, so an amount of 120.5 JPY cannot be booked exactly"),
        (amounts(100, "UNDEFINED"), "'UNDEFINED' is not an ISO 4217 currency that money can be booked in"),
        (amounts(10**17), "100000000000000000 hundredths of EUR is no amount that can be booked"),
    ],
)
def test_an_amount_that_cannot_be_booked_is_a_rejection_that_says_why(paid: Any, said: str) -> None:
    rejection = rejection_of(expense("card_purchase", line(paid)))
    assert rejection.type is ItemFailureType.VALIDATION_FAILURE
    assert rejection.reason == (
        f"The amount of this expense cannot be booked: {said}. Correct it in Pleo and export it again."
    )


def test_lines_of_another_currency_than_the_expense_are_a_rejection() -> None:
    item = expense("card_purchase", line(amounts(10_00, "SEK")), amount=amounts(10_00))
    assert "an amount in SEK cannot be added to one in EUR" in rejection_of(item).reason


def test_lines_that_do_not_add_up_are_a_rejection_that_shows_both_sums() -> None:
    item = expense("card_purchase", line(60_00, 1), line(39_99, 2), amount=amounts(100_00))
    rejection = rejection_of(item)
    assert rejection.type is ItemFailureType.VALIDATION_FAILURE
    assert rejection.reason == (
        "The lines of this expense add up to 99.99 EUR, but the expense is 100.00 EUR."
        " Correct the split in Pleo and export it again; a difference of one minor unit is booked where"
        " accounts.rounding is set."
    )


def test_an_expense_without_lines_is_a_rejection_that_shows_its_amount() -> None:
    item = expense("card_purchase", accounting_entry_lines=(), amount=amounts(100_00))
    rejection = rejection_of(item)
    assert rejection.type is ItemFailureType.VALIDATION_FAILURE
    assert rejection.reason.startswith("Pleo sent this expense of 100.00 EUR without any line")
    assert "choose a category and export it again" in rejection.reason


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"type": "crypto_purchase"}, "(crypto_purchase)"),
        ({"type": "fee", "sub_type": "tip"}, "(fee, tip)"),
    ],
)
def test_a_kind_of_expense_that_nobody_published_is_a_rejection(fields: dict[str, str], kind: str) -> None:
    rejection = rejection_of(replace(expense(), **fields))
    assert rejection.type is ItemFailureType.VALIDATION_FAILURE
    assert kind in rejection.reason
    assert "Update pleo-export, or book the expense by hand." in rejection.reason


def test_what_identifies_an_expense_goes_with_its_entry() -> None:
    information = AdditionalInformation(
        reconciliation_id="10451",
        attendees=("Ada", None, "", "Grace"),
        reconciled_entries=("10449", None, "10450"),
    )
    entry = entry_of(
        expense(
            "direct_reimbursement",
            accounting_entry_id="exp-9",
            company_id="company-9",
            additional_information=information,
        )
    )
    assert (entry.reference, entry.company_id, entry.item_type) == (
        "exp-9",
        "company-9",
        "direct_reimbursement",
    )
    assert entry.reconciliation_id == "10451"
    assert entry.attendees == ("Ada", "Grace")
    assert entry.reconciled_entries == ("10449", "10450")


@pytest.mark.parametrize(
    ("fields", "description", "payee"),
    [
        ({}, "Nordic Paper - Ada Example - Printer paper", "Nordic Paper"),
        ({"note": None}, "Nordic Paper - Ada Example", "Nordic Paper"),
        ({"note": "  "}, "Nordic Paper - Ada Example", "Nordic Paper"),
        ({"supplier": None}, "Ada Example - Printer paper", "Ada Example"),
        ({"supplier": Supplier()}, "Ada Example - Printer paper", "Ada Example"),
        ({"user": None, "note": None}, "Nordic Paper", "Nordic Paper"),
        ({"vendor": vendor(name="Vendor Ltd")}, "Vendor Ltd - Ada Example - Printer paper", "Vendor Ltd"),
        ({"supplier": None, "user": None, "note": None}, "card purchase", None),
    ],
)
def test_an_entry_is_described_by_supplier_user_and_note(
    fields: dict[str, Any], description: str, payee: str | None
) -> None:
    entry = entry_of(expense("card_purchase", **fields))
    assert (entry.description, entry.payee) == (description, payee)


def test_team_and_user_are_told_by_code_and_else_by_name() -> None:
    coded = entry_of(
        expense(team=Team(id="t", name="Sales", code="20"), user=User(id="u", name="Ada", code="77"))
    )
    assert (coded.team, coded.user) == ("20", "77")
    named = entry_of(expense(team=Team(id="t", name="Sales"), user=User(id="u", name="Ada")))
    assert (named.team, named.user) == ("Sales", "Ada")
    assert (entry_of(expense(user=None)).team, entry_of(expense(user=None)).user) == (None, None)


def test_each_tag_of_a_line_is_a_dimension_of_its_posting() -> None:
    tagged = line(10_00, tags=(tag("CC-100"), None, tag("P-1", "PROJECT")))
    category_leg, wallet_leg = entry_of(expense("card_purchase", tagged)).postings
    assert category_leg.dimensions == (Dimension("COST_CENTRE", "CC-100"), Dimension("PROJECT", "P-1"))
    assert wallet_leg.dimensions == ()


def test_money_that_only_moves_keeps_its_tags() -> None:
    item = expense("wallet_topup", line(10_00, tags=(tag("CC-100"),)))
    assert entry_of(item).postings[0].dimensions == (Dimension("COST_CENTRE", "CC-100"),)


@pytest.mark.parametrize("unknown", [tag("CC-999"), tag("CC-100", "PROJECT"), tag("CC-100", "NO_SUCH_GROUP")])
def test_a_tag_that_the_accounting_system_lacks_is_a_rejection(unknown: Tag) -> None:
    rejection = rejection_of(expense("card_purchase", line(10_00, tags=(unknown,))))
    assert rejection.type is ItemFailureType.TAG_UNKNOWN
    assert rejection.reason == (
        f"Tag {unknown.code} of {unknown.group_code} does not exist in the accounting system."
        " Add it there, or choose another tag in Pleo; then export the expense again."
    )


def test_a_system_whose_dimensions_are_empty_takes_none() -> None:
    item = expense("card_purchase", line(10_00, tags=(tag("CC-100"),)))
    assert rejection_of(item, reference=replace(REFERENCE, dimensions={})).type is ItemFailureType.TAG_UNKNOWN


def test_a_system_without_dimensions_takes_any_tag() -> None:
    item = expense("card_purchase", line(10_00, tags=(tag("X", "Y"),)))
    assert entry_of(item, reference=without_lists()).postings[0].dimensions == (Dimension("Y", "X"),)


@pytest.mark.parametrize(
    "sent",
    ["2026-01-02", "2026-01-02T05:31:56Z", "2026-01-02T23:59:59.123456789Z", "2026-01-02T00:00:00+02:00"],
)
def test_the_dates_of_an_invoice_come_as_dates_or_as_timestamps(sent: str) -> None:
    assert entry_of(invoice(invoice_date=sent, due_date=sent)).invoice == InvoiceDetails(
        "INV-7", date(2026, 1, 2), date(2026, 1, 2)
    )


def test_an_invoice_may_have_no_due_date() -> None:
    assert entry_of(invoice()).invoice == InvoiceDetails("INV-7", date(2026, 1, 2), None)


@pytest.mark.parametrize(("field", "what"), [("invoice_date", "invoice date"), ("due_date", "due date")])
@pytest.mark.parametrize("sent", ["", "soon", "2026-13-01", "02.01.2026"])
def test_a_date_of_an_invoice_that_is_none_is_a_rejection(field: str, what: str, sent: str) -> None:
    rejection = rejection_of(invoice(**{field: sent}))
    assert rejection.type is ItemFailureType.VALIDATION_FAILURE
    assert rejection.reason == (
        f"The {what} '{sent}' of this invoice is no date. Correct it in Pleo and export the invoice again."
    )


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC), date(2025, 12, 31)),
        (datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))), date(2025, 12, 31)),
        (datetime(2025, 12, 31, 20, tzinfo=timezone(timedelta(hours=-5))), date(2026, 1, 1)),
    ],
)
def test_an_entry_is_posted_on_the_transactions_day_in_utc(moment: datetime, day: date) -> None:
    entry = entry_of(expense(date=moment))
    assert (entry.expense_date, entry.posting_date) == (day, day)


def test_a_service_period_is_told_and_moves_no_date() -> None:
    period = ServicePeriod(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 31, tzinfo=UTC))
    entry = entry_of(expense(service_period=period))
    assert entry.service_period == (date(2026, 3, 1), date(2026, 3, 31))
    assert entry.posting_date == date(2026, 1, 3)


def test_a_lock_date_is_left_to_the_accounting_system() -> None:
    locked = replace(REFERENCE, locked_through=date(2026, 12, 31))
    assert entry_of(expense(), reference=locked).posting_date == date(2026, 1, 3)


@pytest.mark.parametrize(
    ("strategy", "next_open", "moved"),
    [
        ("fail", date(2026, 1, 1), None),
        ("today", date(2026, 1, 1), date(2026, 2, 5)),
        ("today", None, date(2026, 2, 5)),
        ("next_open", date(2026, 1, 1), date(2026, 1, 1)),
        ("next_open", None, None),
    ],
)
def test_a_closed_period_is_answered_as_the_company_wants(
    strategy: str, next_open: date | None, moved: date | None
) -> None:
    day = adjusted_date(ClosedPeriodStrategy(strategy), DAY, today=date(2026, 2, 5), next_open=next_open)
    assert day == moved


def test_the_same_closed_day_is_not_tried_twice() -> None:
    assert adjusted_date(ClosedPeriodStrategy.TODAY, DAY, today=DAY, next_open=None) is None


@pytest.mark.parametrize("state", list(EntryState))
def test_an_entry_is_a_draft_or_final_as_the_company_wants(state: EntryState) -> None:
    assert entry_of(expense(), with_bookkeeping(posting=state)).state is state


def test_files_keep_pleos_order_and_have_keys_that_outlive_their_links() -> None:
    first = entry_of(expense(files=(file(1), None, file(2)))).attachments
    assert [(one.key, one.position, one.url, one.media_type, one.size) for one in first] == [
        ("exp-1-1", 1, "https://files.example/1", "application/pdf", 1),
        ("exp-1-2", 2, "https://files.example/2", "application/pdf", 2),
    ]
    signed_anew = (
        replace(file(1), url="https://other.example/1"),
        None,
        replace(file(2), url="https://other.example/2"),
    )
    again = entry_of(expense(files=signed_anew)).attachments
    assert [one.key for one in again] == [one.key for one in first]


@pytest.mark.parametrize("files", [None, (), (None,)])
def test_an_expense_without_files_is_booked_all_the_same(files: tuple[None, ...] | None) -> None:
    assert entry_of(expense(files=files)).attachments == ()


def test_as_many_files_as_are_allowed_go_along_and_one_more_is_a_rejection() -> None:
    most = tuple(file(number) for number in range(FILES_PER_ITEM_MAX))
    assert len(entry_of(expense(files=(*most, None))).attachments) == 64
    rejection = rejection_of(expense(files=(*most, file(65))))
    assert rejection.type is ItemFailureType.VALIDATION_FAILURE
    assert rejection.reason == (
        "This expense has 65 files; at most 64 can be attached. Remove some in Pleo and export the expense again."
    )


def test_the_payment_that_settles_a_bill_has_the_original_amount_too() -> None:
    item = expense(
        "card_purchase", line(SEK_AND_EUR), bookkeeping=PAYABLE_METHOD, vendor=vendor(code="example")
    )
    assert [posting.original for posting in entry_of(item).settlement] == [
        Money("SEK", 1125_00),
        Money("SEK", -1125_00),
    ]
