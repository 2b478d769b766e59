"""What is said to Odoo and read back, without a server: names, notes, values, taxes, answers."""

import asyncio
import re
from collections.abc import Sequence
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pleo_export.accounting.odoo.batches import Batches, Outcome
from pleo_export.accounting.odoo.chart import Account, Chart, Currency, Partner
from pleo_export.accounting.odoo.client import Company
from pleo_export.accounting.odoo.errors import (
    OdooAddressError,
    OdooBusyError,
    OdooFaultError,
    TooLargeError,
    error_of,
    refused,
)
from pleo_export.accounting.odoo.explanation import explanation
from pleo_export.accounting.odoo.locks import Locks
from pleo_export.accounting.odoo.names import Part, entry_id, receipt_id, vendor_id
from pleo_export.accounting.odoo.note import note_of, read_note, written
from pleo_export.accounting.odoo.reference import reference_of
from pleo_export.accounting.odoo.taxes import NO_TAG, Share, Tag, Tax, marked, marked_for_bill, split
from pleo_export.accounting.odoo.values import need_rates, values
from pleo_export.accounting.port import (
    ConnectorError,
    EntryRefusedError,
    ForbiddenError,
    NoAnswerError,
    RateLimitedError,
    Recorded,
    UnauthorisedError,
    UnreachableError,
)
from pleo_export.domain.check import settings_findings
from pleo_export.domain.entry import Entry, Owed, Posting
from pleo_export.domain.failure_types import ItemFailureType
from pleo_export.domain.item import ExportItem, Supplier, User
from pleo_export.domain.matching import document_of, match
from pleo_export.domain.money import Money
from pleo_export.domain.reference import ReferenceData
from pleo_export.domain.settings import MappingSettings
from pleo_export.testing.expenses import REFERENCE, SETTINGS, expense
from pleo_export.testing.samples import (
    Facts,
    sample_entry,
    sample_invoice,
    sample_left_to_the_system,
    sample_payment,
    sample_posting,
)
from tests.domain.mapping import PAYABLE_METHOD, entry_of, rejection_of

FACTS = Facts(currency="DKK", foreign="EUR", tax_code="full", reverse_code="reverse")
KRONER = Currency(10, "DKK", Decimal("0.01"))
TAXES = {
    "full": Tax(
        id=20,
        name="full",
        rate=Decimal("0.25"),
        invoice=(Share(81, Decimal(100), FACTS.tax, (7,)),),
        refund=(Share(83, Decimal(100), FACTS.tax, (7,)),),
    ),
    "partly": Tax(
        id=28,
        name="partly",
        rate=Decimal("0.25"),
        invoice=(Share(91, Decimal(25), FACTS.tax, (7,)), Share(92, Decimal(75), None, ())),
        refund=(Share(93, Decimal(25), FACTS.tax, (7,)), Share(94, Decimal(75), None, ())),
    ),
    "reverse": Tax(
        id=51,
        name="reverse",
        rate=Decimal("0.25"),
        invoice=(Share(61, Decimal(100), FACTS.tax, (7,)), Share(62, Decimal(-100), FACTS.output_tax, (6,))),
        refund=(Share(63, Decimal(100), FACTS.tax, (7,)), Share(64, Decimal(-100), FACTS.output_tax, (6,))),
        invoice_tags=(15,),
        refund_tags=(16,),
    ),
    "nothing": Tax(
        id=30,
        name="nothing",
        rate=Decimal(0),
        invoice=(Share(95, Decimal(100), None, ()),),
        refund=(Share(96, Decimal(100), None, ()),),
    ),
    "a group": Tax(id=31, name="a group", rate=None, invoice=(), refund=()),
}


@given(st.text(max_size=200), st.text(max_size=200))
def test_a_name_is_taken_by_odoo_and_belongs_to_one_reference(one: str, other: str) -> None:
    names = {entry_id(1, text, part) for text in (one, other) for part in Part}
    names |= {vendor_id(1, text) for text in (one, other)} | {
        receipt_id(1, text, "k", "s") for text in (one, other)
    }
    assert len(names) == 5 * len({one, other})
    assert all(re.fullmatch(r"pleo_export\.c1_[A-Za-z0-9_-]{1,200}", name) for name in names)


def test_a_name_says_which_company_it_is_of() -> None:
    assert entry_id(1, "exp-1") == "pleo_export.c1_eexp-1"
    assert entry_id(1, "1") != entry_id(11, "")


def test_a_note_is_read_as_it_was_written() -> None:
    bill = document_of(sample_invoice(facts=FACTS, worth=9000))
    assert bill is not None
    entry = match(
        sample_payment('a "b" 🧾\n', facts=FACTS, units=9100, charged=10_000), [bill], FACTS.exchange
    )
    note = note_of(entry, Part.ENTRY, entry.fingerprint, "attempt-1")
    assert note.settles
    assert read_note(written(note)) == note


@pytest.mark.parametrize("text", [False, "", "S00012", "{}", '{"pleo": 1}'])
def test_what_is_no_note_is_none(text: object) -> None:
    assert read_note(text) is None


def test_what_people_wrote_stays_text_in_an_explanation() -> None:
    text = explanation(sample_entry(facts=FACTS, payee="<script>", missing_files=("gone & lost",)))
    assert "<script>" not in text
    assert "Missing receipt: gone &amp; lost" in text
    assert f"Line 1: {FACTS.expense} 10.00 DKK" in text


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (422, '{"name":"odoo.exceptions.UserError","message":"No."}', EntryRefusedError),
        (500, '{"name":"odoo.exceptions.RedirectWarning","message":"No."}', EntryRefusedError),
        (500, '{"name":"builtins.ValueError","message":"No."}', OdooFaultError),
        (500, '{"name":"psycopg2.errors.SerializationFailure","message":"No."}', OdooBusyError),
        (403, '{"name":"odoo.exceptions.AccessError","message":"No."}', ForbiddenError),
        (401, '{"name":"werkzeug.exceptions.Unauthorized","message":"No."}', UnauthorisedError),
        (404, "<!DOCTYPE html>", OdooAddressError),
        (303, "", OdooAddressError),
        (413, "<html>", TooLargeError),
        (500, '{"name":"psycopg2.OperationalError","message":"No."}', NoAnswerError),
        (500, '{"name":"psycopg2.InterfaceError","message":"No."}', NoAnswerError),
        (429, "", RateLimitedError),
        (500, "<html>", NoAnswerError),
        (502, "<html>", NoAnswerError),
        (503, "", NoAnswerError),
        (504, "\xff", NoAnswerError),
    ],
)
def test_an_answer_becomes_the_error_it_means(status: int, body: str, expected: type[ConnectorError]) -> None:
    assert type(error_of(status, body.encode("latin-1"))) is expected


def test_a_sentence_of_odoo_comes_without_what_is_for_its_developers() -> None:
    said = str(
        refused(
            "Missing required value\nfor 'Currency'.\nModel: 'Journal Entry' (account.move)\n- delete: no"
        )
    )
    assert "Missing required value for 'Currency'." in said
    assert "Model" not in said


@pytest.mark.parametrize(
    "said",
    [
        "The value for 'ref' (Reference) already exists.\n\nDetail: Key (ref)=(secret) already exists.\n",
        'new row violates check constraint "a"\nDÉTAIL : La ligne contient (secret)',
        'column "x" does not exist\nLINE 1: SELECT secret FROM\n       ^',
    ],
)
def test_what_the_database_adds_to_a_sentence_is_told_to_nobody(said: str) -> None:
    assert "secret" not in str(refused(said))
    body = msgspec.json.encode({"name": "psycopg2.errors.UniqueViolation", "message": said})
    error = error_of(500, body)
    assert isinstance(error, OdooFaultError)
    assert "UniqueViolation" in str(error)
    assert "secret" not in str(error)


def test_a_conflict_is_no_refusal() -> None:
    assert isinstance(refused("could not serialize access due to concurrent update\n"), UnreachableError)


def _foreign(*units: int, originals: Sequence[int] = ()) -> list[Posting]:
    legs = [sample_posting(FACTS.expense, one, "EUR") for one in units]
    told = [Money("DKK", one) for one in originals]
    return [replace(leg, original=one) for leg, one in zip(legs, told, strict=True)] if told else legs


@pytest.mark.parametrize(
    ("legs", "owed", "rate", "expected"),
    [
        ([sample_posting("a", 100, "DKK"), sample_posting("b", -100, "DKK")], None, None, [100, -100]),
        (_foreign(60, 40, -100, originals=(448, 298, -747)), None, None, [449, 298, -747]),
        (
            _foreign(33, 33, 34, -100),
            Owed("p", Money("EUR", 100), Money("DKK", 746)),
            None,
            [246, 246, 254, -746],
        ),
        (_foreign(3333, 3334, -6667), None, Decimal("0.134"), [24873, 24881, -49754]),
        (_foreign(0, 0), None, Decimal("0.134"), [0, 0]),
    ],
)
def test_lines_are_worth_what_pleo_says_and_the_last_one_exactly(
    legs: list[Posting], owed: Owed | None, rate: Decimal | None, expected: list[int]
) -> None:
    assert values(legs, KRONER, owed, {"EUR": rate} if rate else {}) == expected
    assert need_rates(legs, "DKK", owed) == ({"EUR"} if rate else set())


def test_what_is_worked_out_is_rounded_as_the_companys_currency_is() -> None:
    coarse, rates = replace(KRONER, rounding=Decimal("0.05")), {"EUR": Decimal("0.134")}
    assert values(_foreign(3333, 3334, -6667), coarse, None, rates) == [24_875, 24_880, -49_755]
    owed = Owed("p", Money("EUR", 6667), Money("DKK", 49_755))
    assert values(_foreign(3333, 3334, -6667), coarse, owed) == [24_875, 24_880, -49_755]


def test_a_clearing_is_worth_what_its_bill_was() -> None:
    bill = document_of(sample_invoice(facts=FACTS, worth=9000))
    assert bill is not None
    payment = match(sample_payment(facts=FACTS, units=9100, charged=10_000), [bill], FACTS.exchange)
    assert values(payment.clearing, KRONER, payment.owed) == [9000, 100, -9100]


def test_a_clearing_in_two_foreign_currencies_leaves_lines_in_the_own_one_as_they_are() -> None:
    facts = replace(FACTS, currency="EUR", foreign="DKK")
    bill = document_of(sample_invoice(facts=facts, worth=1340))
    assert bill is not None
    payment = match(sample_payment(facts=facts, units=1350, charged=10_000), [bill], facts.exchange)
    worth = values(payment.clearing, KRONER, payment.owed)
    assert (worth[0], worth[-1], sum(worth)) == (10_000, -10_000, 0)


def _by_code(code: str, units: int, tax: int) -> Entry:
    return split(sample_left_to_the_system(facts=FACTS, code=code, units=units, tax=tax), TAXES)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("code", "units", "tax", "expected"),
    [
        ("full", 12_500, 2500, [("6100", 10_000), ("2610", 2500), ("1900", -12_500)]),
        ("partly", 12_500, 2500, [("6100", 10_000), ("2610", 625), ("6100", 1875), ("1900", -12_500)]),
        ("reverse", 10_000, 2500, [("6100", 10_000), ("2610", 2500), ("2620", -2500), ("1900", -10_000)]),
    ],
)
def test_tax_goes_to_the_accounts_of_its_shares(
    code: str, units: int, tax: int, expected: list[tuple[str, int]], sign: int
) -> None:
    legs = _by_code(code, sign * units, sign * tax).postings
    assert [(leg.account, leg.amount.units) for leg in legs] == [(name, sign * one) for name, one in expected]


@pytest.mark.parametrize(
    ("code", "units", "tax", "expected"),
    [
        ("full", 12_502, 2500, [Tag(20), Tag(share=81, tags=(7,)), NO_TAG]),
        ("partly", 12_500, 2500, [Tag(28), Tag(share=91, tags=(7,)), Tag(share=92), NO_TAG]),
        (
            "reverse",
            10_000,
            2500,
            [Tag(51, tags=(15,)), Tag(share=61, tags=(7,)), Tag(share=62, tags=(6,)), NO_TAG],
        ),
        ("full", -12_500, -2500, [Tag(20), Tag(share=83, tags=(7,)), NO_TAG]),
    ],
)
def test_lines_of_an_entry_are_marked_for_the_tax_report_and_keep_their_amounts(
    code: str, units: int, tax: int, expected: list[Tag]
) -> None:
    legs = _by_code(code, units, tax).postings
    assert marked(legs, TAXES) == list(zip(legs, expected, strict=True))


def test_tax_that_odoo_rounds_otherwise_is_made_up_for_on_the_same_account() -> None:
    legs = _by_code("full", 12_502, 2500).postings
    found = marked_for_bill(legs, TAXES, refund=False, by_line=True)
    assert [(leg.account, leg.amount.units, tag.tax, tag.share) for leg, tag in found] == [
        ("6100", 10_002, 20, None),
        ("2610", 2501, None, 81),
        ("2610", -1, None, None),
        ("1900", -12_502, None, None),
    ]


def _lines_of(code: str, *lines: tuple[str, int, int], tax_account: str = "2610") -> tuple[Posting, ...]:
    """Lines by account, net amount and tax, with what is owed for all of them."""
    legs = [
        sample_posting(account, units, "DKK", tax_code=code, line_id=f"line-{number}")
        for number, (expense, net, tax) in enumerate(lines)
        for account, units in ((expense, net), (tax_account, tax))
    ]
    return (*legs, sample_posting("2400", -sum(leg.amount.units for leg in legs), "DKK"))


def test_tax_that_is_due_on_payment_is_marked_once_the_bill_is_paid() -> None:
    legs = _lines_of("full", ("6100", 10_000, 2500))
    taxes = {"full": replace(TAXES["full"], on_payment=True, waits_on=99, invoice_tags=(3,))}
    unpaid, paid = (
        [tag for _, tag in marked_for_bill(legs, taxes, refund=False, by_line=True, paid=one)]
        for one in (False, True)
    )
    assert unpaid == [Tag(20), Tag(share=81, account=99), NO_TAG]
    assert paid == [Tag(20, tags=(3,)), Tag(share=81, tags=(7,)), NO_TAG]


def _two_lines(code: str, units: int, tax: int) -> tuple[Posting, ...]:
    """Such a line twice, on two accounts, split by its code; and what is owed for both."""
    *first, owed = _by_code(code, units, tax).postings
    second = [
        replace(leg, line_id="other", account="6200" if leg.account == first[0].account else leg.account)
        for leg in first
    ]
    return (
        *(replace(leg, line_id="one") for leg in first),
        *second,
        replace(owed, amount=owed.amount + owed.amount),
    )


def test_a_discount_among_the_lines_of_an_entry_takes_base_and_tax_off() -> None:
    legs = _lines_of("full", ("6100", 10_000, 2500), ("6200", -4000, -1000))
    assert [tag for _, tag in marked(legs, TAXES)] == [
        Tag(20),
        Tag(share=81, tags=(7,)),
        Tag(20),
        Tag(share=83, tags=(7,)),
        NO_TAG,
    ]
    assert [
        (leg.account, leg.amount.units, tag.tax, tag.share)
        for leg, tag in marked_for_bill(legs, TAXES, refund=False, by_line=True)
    ] == [
        ("6100", 10_000, 20, None),
        ("2610", 1500, None, 81),
        ("6200", -4000, 20, None),
        ("2400", -7500, None, None),
    ]


def test_tax_that_is_not_deducted_is_no_base_whichever_line_it_is_of() -> None:
    legs = _two_lines("partly", 12_500, 2500)
    one_line = [Tag(28), Tag(share=91, tags=(7,)), Tag(share=92)]
    assert [tag for _, tag in marked(legs, TAXES)] == [*one_line, *one_line, NO_TAG]
    assert [
        (leg.account, leg.amount.units, tag.share)
        for leg, tag in marked_for_bill(legs, TAXES, refund=False, by_line=True)
    ] == [
        ("6100", 10_000, None),
        ("2610", 1250, 91),
        ("6100", 1875, 92),
        ("6200", 10_000, None),
        ("6200", 1875, 92),
        ("1900", -25_000, None),
    ]


@pytest.mark.parametrize(
    ("code", "tax_account"), [("full", "2690"), ("nothing", "2610"), ("a group", "2610"), ("partly", "2610")]
)
def test_of_a_tax_on_other_accounts_or_of_another_amount_odoo_is_told_nothing(
    code: str, tax_account: str
) -> None:
    legs = _lines_of(code, ("6100", 10_000, 2500), tax_account=tax_account)
    untold = [(leg, NO_TAG) for leg in legs]
    assert marked(legs, TAXES) == untold
    assert marked_for_bill(legs, TAXES, refund=False, by_line=True) == untold


def test_of_a_reverse_charge_that_is_owed_on_another_account_odoo_is_not_told_half() -> None:
    expense, deducted, owed, paid = _by_code("reverse", 10_000, 2500).postings
    legs = (expense, deducted, replace(owed, account="2629"), paid)
    assert marked(legs, TAXES) == [(leg, NO_TAG) for leg in legs]


def test_a_part_of_a_tax_keeps_what_pleo_says_in_the_other_currency() -> None:
    whole = sample_left_to_the_system(facts=FACTS, code="partly", units=12_500, tax=2500)
    line, paid = whole.postings
    charged = replace(line, original=Money("SEK", 17_501))
    legs = split(replace(whole, postings=(charged, paid)), TAXES).postings
    originals = [leg.original for leg in legs[:3]]
    assert [one and one.currency for one in originals] == ["SEK", "SEK", "SEK"]
    assert sum(one.units for one in originals if one) == 17_501


def test_tax_of_several_lines_is_one_line_of_a_bill() -> None:
    legs = _lines_of("full", ("6100", 10_001, 2500), ("6200", 10_001, 2500))
    by_line, at_once = (
        [
            (leg.account, leg.amount.units)
            for leg, _ in marked_for_bill(legs, TAXES, refund=False, by_line=one)
        ]
        for one in (True, False)
    )
    assert by_line == [("6100", 10_001), ("2610", 5000), ("6200", 10_001), ("2400", -25_002)]
    assert at_once == [("6100", 10_001), ("2610", 5001), ("2610", -1), ("6200", 10_001), ("2400", -25_002)]


def test_with_three_decimals_a_hundredth_is_rounding_as_pleo_states_no_less() -> None:
    legs = tuple(
        sample_posting(account, units, "KWD", tax_code=code)
        for account, units, code in (
            ("6100", 10_002, "full"),
            ("2610", 2510, "full"),
            ("2400", -12_512, None),
        )
    )
    told = marked_for_bill(legs, TAXES, refund=False, by_line=True)
    assert [(leg.account, leg.amount.units) for leg, _ in told] == [
        ("6100", 10_002),
        ("2610", 2501),
        ("2610", 9),
        ("2400", -12_512),
    ]


def test_tax_that_is_not_that_of_its_code_is_booked_as_pleo_says_and_not_marked() -> None:
    line = {"tax_code": "full"}
    legs = (
        sample_posting("6100", 10_000, "DKK", **line),
        sample_posting("2610", 1200, "DKK", **line),
        sample_posting("2400", -11_200, "DKK"),
    )
    assert marked_for_bill(legs, TAXES, refund=False, by_line=True) == [(leg, NO_TAG) for leg in legs]


def test_a_lock_counts_for_what_it_is_for() -> None:
    locks = Locks("2025-12-31", "1-01-01", "2026-01-31", "2026-02-28", "2026-03-31")
    told = [
        str(locks.through(kind, taxed=taxed))
        for kind, taxed in ((None, False), ("purchase", False), ("sale", False), ("purchase", True))
    ]
    assert told == ["2025-12-31", "2026-01-31", "2026-02-28", "2026-03-31"]
    assert Locks(*["1-01-01"] * 5).through("purchase", taxed=True) is None


def _books_with(vendor: Partner) -> ReferenceData:
    """Return books that have the accounts of the samples, and one vendor."""
    accounts = {
        code: Account(number, code, one.name, "", currency_id=False, active=True, reconcile=False)
        for number, (code, one) in enumerate(REFERENCE.accounts.items())
    }
    chart = Chart(
        company=Company(1, "Example", "EUR"),
        accounts=accounts,
        journals={},
        taxes={},
        vendors={vendor.key: vendor},
        currencies={},
        analytic={},
        payable=None,
    )
    return reference_of(chart, Locks(*["1-01-01"] * 5))


HOTEL = _books_with(
    Partner(77, "Hotel Grand", ref=False, vat="DK13585628", property_account_payable_id=False)
)


@pytest.mark.parametrize(
    "item",
    [
        expense("out_of_pocket", bookkeeping=PAYABLE_METHOD, user=User(id="u", name="Ada", code="77")),
        expense("card_purchase", bookkeeping=PAYABLE_METHOD, supplier=Supplier(name="Taxi", code="77")),
    ],
    ids=["employee", "supplier"],
)
def test_a_code_of_pleo_that_is_the_number_of_a_contact_does_not_mean_it(item: ExportItem) -> None:
    assert rejection_of(item, reference=HOTEL).type is ItemFailureType.VENDOR_UNKNOWN


def test_a_contact_without_a_reference_is_found_by_its_tax_number_and_by_the_mapping() -> None:
    mapping = MappingSettings(vendors={"Hotel": "res.partner,77"})
    by_name = SETTINGS.model_copy(update={"mapping": mapping})
    for supplier in (Supplier(name="Grand", tax_identifier="DK13585628"), Supplier(name="Hotel")):
        entry = entry_of(expense("card_purchase", supplier=supplier), by_name, HOTEL)
        assert entry.vendor is not None
        assert (entry.vendor.id, entry.vendor.name) == ("res.partner,77", "Hotel Grand")


def test_a_mapping_to_the_number_of_a_contact_is_found_wrong() -> None:
    by_number = SETTINGS.model_copy(update={"mapping": MappingSettings(vendors={"Hotel": "77"})})
    said = [one.problem for one in settings_findings(by_number, HOTEL)]
    assert said == ["mapping.vendors.Hotel = '77': there is no such vendor in the accounting system."]


class Desk:
    """Records batches once it is let, and says which there were."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.begun, self.open = asyncio.Event(), asyncio.Event()

    async def record(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        self.batches.append([one.reference for one in entries])
        self.begun.set()
        await self.open.wait()
        if entries[0].reference == "fault":
            raise ZeroDivisionError
        return [
            EntryRefusedError("bad")
            if one.reference == "bad"
            else Recorded(external_id=one.reference, posted=one.posting_date, fingerprint=None, created=True)
            for one in entries
        ]


async def test_who_comes_while_a_batch_is_under_way_waits_for_the_next_and_each_hears_of_their_own() -> None:
    desk = Desk()
    batches = Batches(desk.record, size=3)
    calls = [asyncio.create_task(batches.record(sample_entry(one))) for one in "ab"]
    await desk.begun.wait()
    later = ["c", "bad", "c", "d", "e"]
    calls += [asyncio.create_task(batches.record(sample_entry(one))) for one in later]
    await asyncio.sleep(0)
    desk.open.set()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert desk.batches == [["a", "b"], ["c", "bad", "d"], ["c", "e"]]
    told = [one.external_id if isinstance(one, Recorded) else type(one).__name__ for one in answers]
    assert told == ["a", "b", "c", "EntryRefusedError", "c", "d", "e"]


async def test_a_fault_in_a_batch_is_told_to_its_callers_and_the_next_batch_goes_on() -> None:
    desk = Desk()
    desk.open.set()
    batches = Batches(desk.record, size=3)
    with pytest.raises(ZeroDivisionError):
        await batches.record(sample_entry("fault"))
    assert (await batches.record(sample_entry("a"))).external_id == "a"


async def test_closing_waits_for_what_was_begun_and_begins_nothing() -> None:
    desk = Desk()
    batches = Batches(desk.record, size=1)
    calls = [asyncio.create_task(batches.record(sample_entry(one))) for one in "ab"]
    await desk.begun.wait()
    desk.open.set()
    await batches.close()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert desk.batches == [["a"]]
    assert isinstance(answers[0], Recorded)
    assert isinstance(answers[1], asyncio.CancelledError)
