from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from pleo_export.domain.failure_types import ItemFailureType
from pleo_export.domain.item import (
    Account,
    AdditionalInformation,
    Amounts,
    Bookkeeping,
    BookkeepingMethod,
    ExportItem,
    File,
    InvoiceInformation,
    InvoiceStatus,
    ItemType,
    Line,
    Links,
    MoneyModel,
    ServicePeriod,
    Supplier,
    SupplierBankAccount,
    Tag,
    Tax,
    Team,
    User,
    Vendor,
    decode_as_sent,
    known,
    text_of,
)
from pleo_export.testing.expenses import as_json, expense
from tests.domain.mapping import rejection_of

EVERYTHING = rb"""
{
  "_links": {"web": {"exportItem": "https://app.example/e/1"}, "mobile": {}, "api": {"exportItem": "https://api.example/1"}},
  "accountingEntryId": "entry", "companyId": "company", "type": "invoice", "subType": "interest",
  "date": "2026-01-03T23:30:00Z",
  "amount": {"inSupplierCurrency": {"currency": "SEK", "value": 112500}, "inWalletCurrency": {"currency": "EUR", "value": 10000}},
  "accountingEntryLines": [{
    "accountingEntryLineId": "line",
    "lineAmount": {"inSupplierCurrency": {"currency": "SEK", "value": 67500}, "inWalletCurrency": {"currency": "EUR", "value": 6000}},
    "netAmount": {"inSupplierCurrency": {"currency": "SEK", "value": 54000}, "inWalletCurrency": {"currency": "EUR", "value": 4800}},
    "account": {"id": "a", "name": "Travel", "code": "6340", "identifier": "as-6340"},
    "tags": [{"id": "t", "code": "CC-100", "groupCode": "COST_CENTRE"}, null],
    "tax": {"id": "x", "code": "V25", "rate": 0.255, "type": "reverse", "ingoingTaxAccount": "2610", "outgoingTaxAccount": "2620",
      "amount": {"inSupplierCurrency": {"currency": "SEK", "value": 13500}, "inWalletCurrency": {"currency": "EUR", "value": 1200}}}
  }],
  "additionalInformation": {
    "reconciliationId": "10451", "attendees": ["Ada", null], "reconciledEntries": ["10449", null],
    "invoiceInformation": {"invoiceNumber": "INV-7", "invoiceDate": "2026-01-02", "status": "paid", "dueDate": "2026-02-01",
      "paymentDate": "2026-01-30", "supplierBankAccount": {"bankName": "Bank", "country": "DE", "accountNumber": "1",
      "bankCode": "2", "bic": "3", "iban": "4"}}
  },
  "bookkeeping": {"method": "accounts_payable"},
  "contraAccount": {"id": "c", "name": "Pleo EUR Account", "code": "1955", "identifier": "as-1955"},
  "files": [{"url": "https://files.example/1", "type": "application/pdf", "size": 20841}, null],
  "note": "Client visit",
  "servicePeriod": {"from": "2026-01-01T00:00:00Z", "to": "2026-01-31T00:00:00Z"},
  "supplier": {"name": "SJ AB", "code": "sj", "account": "2402", "categoryCode": "4112", "country": "SE", "taxIdentifier": "SE1"},
  "team": {"id": "m", "name": "Sales", "code": "20"},
  "user": {"id": "u", "name": "Ada Example", "code": "77"},
  "vendor": {"id": "v", "name": "Example GmbH", "defaultCurrency": "EUR", "code": "70001", "externalId": "V-70001",
    "country": "DE", "registrationNumber": "HRB 1", "taxRegistrationNumber": "DE1"}
}
"""


def pair(sek: int, eur: int) -> Amounts:
    return Amounts(
        in_supplier_currency=MoneyModel(currency="SEK", value=Decimal(sek)),
        in_wallet_currency=MoneyModel(currency="EUR", value=Decimal(eur)),
    )


WHAT_IT_SAYS = ExportItem(
    as_sent=EVERYTHING,
    links=Links(
        web={"exportItem": "https://app.example/e/1"}, mobile={}, api={"exportItem": "https://api.example/1"}
    ),
    accounting_entry_id="entry",
    company_id="company",
    type="invoice",
    sub_type="interest",
    date=datetime(2026, 1, 3, 23, 30, tzinfo=UTC),
    amount=pair(112500, 10000),
    accounting_entry_lines=(
        Line(
            accounting_entry_line_id="line",
            line_amount=pair(67500, 6000),
            net_amount=pair(54000, 4800),
            account=Account(id="a", name="Travel", code="6340", identifier="as-6340"),
            tags=(Tag(id="t", code="CC-100", group_code="COST_CENTRE"), None),
            tax=Tax(
                id="x",
                code="V25",
                rate=Decimal("0.255"),
                type="reverse",
                amount=pair(13500, 1200),
                ingoing_tax_account="2610",
                outgoing_tax_account="2620",
            ),
        ),
    ),
    additional_information=AdditionalInformation(
        reconciliation_id="10451",
        attendees=("Ada", None),
        reconciled_entries=("10449", None),
        invoice_information=InvoiceInformation(
            invoice_number="INV-7",
            invoice_date="2026-01-02",
            status="paid",
            due_date="2026-02-01",
            payment_date="2026-01-30",
            supplier_bank_account=SupplierBankAccount(
                bank_name="Bank", country="DE", account_number="1", bank_code="2", bic="3", iban="4"
            ),
        ),
    ),
    bookkeeping=Bookkeeping(method="accounts_payable"),
    contra_account=Account(id="c", name="Pleo EUR Account", code="1955", identifier="as-1955"),
    files=(File(url="https://files.example/1", type="application/pdf", size=20841), None),
    note="Client visit",
    service_period=ServicePeriod(
        start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2026, 1, 31, tzinfo=UTC)
    ),
    supplier=Supplier(
        name="SJ AB", code="sj", account="2402", category_code="4112", country="SE", tax_identifier="SE1"
    ),
    team=Team(id="m", name="Sales", code="20"),
    user=User(id="u", name="Ada Example", code="77"),
    vendor=Vendor(
        id="v",
        name="Example GmbH",
        default_currency="EUR",
        code="70001",
        external_id="V-70001",
        country="DE",
        registration_number="HRB 1",
        tax_registration_number="DE1",
    ),
)

REQUIRED = (
    "accountingEntryId",
    "companyId",
    "type",
    "date",
    "amount",
    "accountingEntryLines",
    "additionalInformation",
)
OPTIONAL = (
    "subType",
    "bookkeeping",
    "contraAccount",
    "files",
    "note",
    "servicePeriod",
    "supplier",
    "team",
    "user",
    "vendor",
)


def wire(**changes: Any) -> bytes:
    """A plain card purchase as JSON with some fields changed."""
    return msgspec.json.encode(msgspec.json.decode(as_json(expense())) | changes)


def decode(raw: bytes) -> ExportItem:
    return decode_as_sent(raw, ExportItem)


def money(value: str) -> MoneyModel:
    return msgspec.json.decode(b'{"currency": "EUR", "value": %s}' % value.encode(), type=MoneyModel)


def test_every_documented_field_of_an_expense_is_kept() -> None:
    assert decode(EVERYTHING) == WHAT_IT_SAYS


def test_an_expense_knows_its_address_in_pleo() -> None:
    assert decode(EVERYTHING).pleo_url == "https://app.example/e/1"
    assert decode(wire(_links={})).pleo_url is None
    assert decode(wire(_links={"web": None})).pleo_url is None


def test_a_field_that_nobody_documented_is_kept_as_it_was_sent() -> None:
    raw = wire(carbonFootprint={"kg": 3})
    assert decode(raw).as_sent == raw


@pytest.mark.parametrize(
    ("field", "value"),
    [("type", "crypto_purchase"), ("subType", "refund_of_refund"), ("bookkeeping", {"method": "barter"})],
)
def test_a_value_outside_the_published_lists_is_kept_as_text(field: str, value: object) -> None:
    item = decode(wire(**{field: value}))
    assert {
        "type": item.type,
        "subType": item.sub_type,
        "bookkeeping": {"method": item.bookkeeping.method if item.bookkeeping else None},
    }[field] == value


def test_the_tax_type_and_the_invoice_status_are_open_lists_too() -> None:
    raw = EVERYTHING.replace(b'"reverse"', b'"margin"').replace(b'"paid"', b'"disputed"')
    item = decode(raw)
    tax = item.accounting_entry_lines[0].tax
    invoice = item.additional_information.invoice_information
    assert tax is not None
    assert tax.type == "margin"
    assert invoice is not None
    assert invoice.status == "disputed"


def test_a_text_is_recognised_as_a_published_value_or_not() -> None:
    assert known(ItemType, "fee") is ItemType.FEE
    assert known(BookkeepingMethod, "none") is BookkeepingMethod.NONE
    assert known(InvoiceStatus, "FEE") is None


@pytest.mark.parametrize("field", OPTIONAL)
def test_an_optional_field_may_be_null_or_missing_alike(field: str) -> None:
    fields = msgspec.json.decode(EVERYTHING)
    null = decode(msgspec.json.encode(fields | {field: None}))
    fields.pop(field)
    missing = decode(msgspec.json.encode(fields))
    assert msgspec.structs.replace(null, as_sent=b"") == msgspec.structs.replace(missing, as_sent=b"")
    assert null != WHAT_IT_SAYS


@pytest.mark.parametrize("field", REQUIRED)
def test_a_missing_required_field_is_an_error_that_names_it(field: str) -> None:
    fields = msgspec.json.decode(EVERYTHING)
    fields.pop(field)
    with pytest.raises(msgspec.ValidationError, match=field):
        decode(msgspec.json.encode(fields))


def test_a_file_may_come_with_nothing_but_its_address() -> None:
    item = decode(wire(files=[{"url": "https://files.example/1"}]))
    assert item.files == (File(url="https://files.example/1"),)


def test_a_vendor_and_a_supplier_may_leave_out_all_that_can_be_left_out() -> None:
    item = decode(wire(vendor={"id": "v", "name": "V"}, supplier={}))
    assert item.vendor == Vendor(id="v", name="V")
    assert item.supplier == Supplier()


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("2026-01-03T10:00:00.123456789Z", datetime(2026, 1, 3, 10, 0, 0, 123457, tzinfo=UTC)),
        ("2026-01-03T10:00:00.000000001Z", datetime(2026, 1, 3, 10, tzinfo=UTC)),
        (
            "2026-01-03T01:00:00+02:00",
            datetime(2026, 1, 3, 1, tzinfo=timezone(timedelta(hours=2))),
        ),
    ],
)
def test_times_are_read_to_the_microsecond_in_the_offset_they_were_sent(sent: str, read: datetime) -> None:
    assert decode(wire(date=sent)).date == read


@pytest.mark.parametrize("sent", ["2026-01-03T10:00:00", "2026-01-03", "yesterday", "", None, 1767434400])
def test_a_time_without_offset_or_that_is_none_is_refused(sent: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(wire(date=sent))


@pytest.mark.parametrize(
    ("sent", "read"), [("12.5", "12.5"), ("0.1", "0.1"), ("1e2", "100"), ("-0", "0"), ('"12"', "12")]
)
def test_an_amount_is_read_digit_by_digit(sent: str, read: str) -> None:
    assert money(sent).value == Decimal(read)


@pytest.mark.parametrize("sent", ["true", "null", '"twelve"', "[12]", "{}"])
def test_what_is_no_number_is_no_amount(sent: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        money(sent)


@pytest.mark.parametrize("sent", ["NaN", "Infinity", "+1", ".5"])
def test_what_is_no_json_is_no_amount(sent: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        money(sent)


@pytest.mark.parametrize(
    "sent", ["12.5", "1e400", "1e9999999999", '"NaN"', '"sNaN"', "9" * 40, "1" + "0" * 5000]
)
def test_an_amount_that_cannot_be_booked_rejects_its_expense_alone(sent: str) -> None:
    raw = as_json(expense()).replace(b'"value":1250', b'"value":' + sent.encode())
    rejection = rejection_of(decode(raw))
    assert rejection.type is ItemFailureType.VALIDATION_FAILURE
    assert rejection.reason.startswith("The amount of this expense cannot be booked: ")
    assert rejection.reason.endswith(" Correct it in Pleo and export it again.")


def test_an_expense_that_is_written_and_read_again_is_the_same() -> None:
    assert msgspec.structs.replace(decode(as_json(WHAT_IT_SAYS)), as_sent=EVERYTHING) == WHAT_IT_SAYS


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b'{"accountingEntryId": "entry", "date": 5}', "entry"),
        (b'{"accountingEntryId": 5}', None),
        (b"{}", None),
        (b"[]", None),
        (b'{"accountingEntryId": "ent', None),
    ],
)
def test_the_id_of_an_unreadable_expense_is_found_where_there_is_one(raw: bytes, found: str | None) -> None:
    assert text_of(raw, "accountingEntryId") == found
