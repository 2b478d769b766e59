"""The page that says how each expense is booked: prose, the table of types, and account sketches of sample expenses."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from pleo_export.domain.book import book
from pleo_export.domain.entry import Entry, EntryKind, Posting
from pleo_export.domain.how_booked import HOW_BOOKED, HowBooked, OwedTo, Payable, Role
from pleo_export.domain.item import (
    AdditionalInformation,
    Amounts,
    Bookkeeping,
    ExportItem,
    InvoiceInformation,
    ItemSubType,
    ItemType,
    Line,
    Vendor,
)
from pleo_export.domain.matching import Document, match, settled_by
from pleo_export.domain.reference import LedgerAccount
from pleo_export.domain.settings import CompanySettings, VatHandling, VatSettings
from pleo_export.testing.expenses import (
    OTHER_CATEGORY,
    REFERENCE,
    SETTINGS,
    amounts,
    category,
    expense,
    line,
    tax,
)

_PAYABLE_WORDS: Mapping[Payable, str] = {
    Payable.NEVER: "journal",
    Payable.BILL: "bill",
    Payable.PAID_BILL: "bill, settled at once",
    Payable.CREDIT_NOTE: "credit note, settled at once",
    Payable.PAYMENT: "payment",
}
# The kinds of spend on which VAT is not usual.
_WITHOUT_VAT = frozenset({ItemType.FEE, ItemType.MILEAGE, ItemType.PER_DIEM, ItemType.CASHBACK})
_VENDOR = Vendor(id="vendor-1", name="Nordic Paper ApS", external_id="V-1001")

_EXCHANGE, _ROUNDING = "8200", "8300"
_BOOKS = replace(
    REFERENCE,
    accounts={
        **REFERENCE.accounts,
        _EXCHANGE: LedgerAccount(_EXCHANGE, "Exchange differences"),
        _ROUNDING: LedgerAccount(_ROUNDING, "Rounding"),
    },
)
_SETTINGS = SETTINGS.model_copy(
    update={
        "accounts": SETTINGS.accounts.model_copy(
            update={"exchange_difference": _EXCHANGE, "rounding": _ROUNDING}
        )
    }
)
_BY_CODE = _SETTINGS.model_copy(update={"vat": VatSettings(handling=VatHandling.BY_CODE)})

_BOOKKEEPING = """\
<!-- Generated: change tests/docs/pages/bookkeeping.py, then run `make reference`. -->

# How each expense is booked

For a positive amount; a negative one turns the entry round. *Category* is the account of each line, with its tax beside
it. *Stated* rows follow Pleo's own pages; for the others Pleo publishes no accounts and we follow the same pattern.

{table}

- **Wallet**: the item's contra account, else `accounts.wallet`. **Out of pocket**, **contra**, **accounts payable**: the accounts of
  these names in the settings; a vendor's own payable account comes before the common one. Accounts, tax codes, vendors
  and tag groups that Pleo names otherwise than the books are translated by `mapping`, which comes before what Pleo sends.
- **Out of pocket** the vendor is the employee, by the employee code, else by the vendor of the same name, in whatever order it is
  written. A code that is that of a
  vendor with quite another name (not a word of it is the employee's) is refused: it may be a supplier's number. Whoever sold
  it was paid already and is owed nothing. Without a method from Pleo it is a journal entry.
- **Through a vendor** the vendor's payable account stands where the wallet or the employee would. A bill that is settled at once
  gets a second transaction, payable against wallet, in the same entry. A bill below zero is a credit note, and the other
  way round; the postings are the same. What happens with a vendor whom the books do not know is
  `bookkeeping.unknown_vendor`; one that is blocked there is refused, whatever that says.
- **Who the vendor is** says the surest of what Pleo sends: the id and the code of the vendor, then its tax number, however it is
  spelled; without a vendor object the supplier's code, account and tax number. Once it fits a vendor, nothing less sure
  counts, also where that vendor is blocked. A payable account counts where one vendor has it and it is not the common one;
  a tax number or code that several vendors have is refused, unless `mapping.vendors` says who is meant.
- **Bill and payment** that come one by one find each other, whichever is first: the same vendor and invoice number, where
  several bills have that number the same amount, else the reconciliation ids of a reimbursement. An amount alone is
  never enough, and a number is none where the vendor is not known. A payment may settle a part; one that is returned
  opens the bill again. What is not found stays open, and the entry says so; so does what would have to be cleared on an
  account that is closed since. A credit note is not set off against
  bills: it waits for the money that comes for it.
- **Tax**: inclusive and exclusive tax is taken out of the line and booked on the ingoing tax account. Under reverse charge
  the line is net, and the tax stands on the ingoing account and, the other way round, on the outgoing account. The accounts are
  those of `mapping.tax_codes`, else those that Pleo's tax code names, else `vat.input_account` and `vat.output_account`. With
  `vat.handling = "by_code"` the whole amount and its tax code are handed over instead, and the accounting system splits it.
- **Rounding**: where the sum of the lines is one minor unit off, or Pleo's net amount of a line with tax in it, that unit is
  booked on `accounts.rounding`: one for the sum and one for a line at most. Without this account a net amount that is off is not
  used, and lines that do not add up are refused. Where the accounting system splits the tax, its own rounding counts;
  a minor unit of difference to Pleo's is said at the posting, more is refused. Of a currency with three decimals (KWD) all
  this is said of a hundredth, the least that Pleo states.
- **Currency**: the wallet's, except that `invoice` is booked in the supplier's. Where the two differ, each posting also shows
  what it is in the other one: what the supplier charged, or what the bill was worth in the wallet's currency; a minor
  unit of rounding that only the booked currency has shows zero. The payment of a foreign invoice is in the wallet's currency, as Pleo asks. When it meets its
  bill, a third transaction clears the one against the other at what the bill was worth when it came; what it cost more or
  less goes to `accounts.exchange_difference`. Without this account both stay open. Payments from wallets in several
  currencies may settle one bill: each is cleared in its own. A journal entry is never matched, so
  the payable account shows both currencies until somebody clears them by hand.
- **Dimensions**: the tags of a line, and the team and the person where `mapping.team` and `mapping.user` name a dimension;
  they stand on the line, not on its tax. A tag counts more than a team or person on the same dimension,
  and two tags that differ are refused there: a dimension takes one value of a line.
- **Date**: the expense's date (UTC). The service period is noted and never moves it.

## Each type as an account sketch

Every sketch is what the program books for a sample expense, debits first. The accounts are examples: 6100 and 6200 are
categories, 1900 the wallet, 2800 what is owed to employees, 1990 the company's money outside Pleo, 2400 accounts
payable, 2401 the same of one vendor, 2610 and 2620 VAT, 8200 exchange differences, 8300 rounding.

{types}

## Cases that every type shares

{cases}

## What is refused

Every cause stands in [the list of causes](errors.md). In short:

| Failure type | When |
|---|---|
| `missing_configuration` | a line without a category; tax without a tax account; tax that is handed over by its code, but has none |
| `account_unknown` | an account that is not in the accounting system |
| `invalid_configuration` | an account that is not active, or does not take the currency |
| `tax_code_unknown`, `vendor_unknown` | a code that is not in the accounting system; a vendor that is blocked there, that several vendors may be, or whose name is not the employee's |
| `tag_unknown` | a tag, team or person that is no value of its dimension in the accounting system |
| `validation_failure` | no lines; lines that do not add up to the expense; a net amount that fits neither reading; an amount that its currency cannot represent; an invoice date that is none; more than 64 receipts; a type, method or tax type that this version does not know; two tags for one dimension; an entry that is not what was approved |
| `receipt_download_failure`, `receipt_file_size_limit_exceeded` | a receipt that is gone, is a web page, is empty or cut short; one above 30 MiB |
| `receipt_conversion_failure`, `receipt_upload_failure` | a receipt that the accounting system takes in no form; one that it refuses |
| `accounting_system_validation_failure` | a closed period; tax that comes to something else by its code; the books already hold this expense with other content |
"""


class _Case(msgspec.Struct, frozen=True, kw_only=True):
    """A sample expense with the words above its sketch; `after` are expenses that are in the books before."""

    words: str
    title: str
    item: ExportItem
    after: Sequence[ExportItem] = ()
    settings: CompanySettings = _SETTINGS


def bookkeeping_page() -> str:
    """Return the page, with the table and the sketches filled in."""
    return _BOOKKEEPING.format(
        table="\n".join(_table()),
        types="\n\n".join(_type_sketches(kind) for kind in ItemType),
        cases="\n\n".join(f"{case.words}\n\n{_fenced([_sketch(case)])}" for case in _CASES),
    )


def _table() -> Iterator[str]:
    yield "| Type | Debit | Credit | Turned round for | Through a vendor | Stated |"
    yield "|---|---|---|---|---|---|"
    for kind, how in HOW_BOOKED.items():
        turned = ", ".join(f"`{sub_type}`" for sub_type in sorted(how.reversed_by))
        vendor = _PAYABLE_WORDS[how.payable]
        if how.owed_to is OwedTo.EMPLOYEE:
            vendor += " (vendor: the employee)"
        stated = "yes" if how.stated else ""
        yield f"| `{kind}` | {_words(how.debit)} | {_words(how.credit)} | {turned} | {vendor} | {stated} |"


def _words(role: Role) -> str:
    return role.replace("_", " ")


def _type_sketches(kind: ItemType) -> str:
    how = HOW_BOOKED[kind]
    sub_types: list[ItemSubType | None] = [None, *sorted(how.reversed_by)]
    sketches = [_type_sketch(kind, sub_type, Bookkeeping(method="journal")) for sub_type in sub_types]
    if how.payable is not Payable.NEVER:
        payable = Bookkeeping(method="accounts_payable")
        sketches += [_type_sketch(kind, sub_type, payable) for sub_type in sub_types]
    return f"### `{kind}`\n\n{_fenced(sketches)}"


def _type_sketch(kind: ItemType, sub_type: ItemSubType | None, method: Bookkeeping) -> str:
    how = HOW_BOOKED[kind]
    taxed = Role.CATEGORY in (how.debit, how.credit) and kind not in _WITHOUT_VAT
    its_line = line(125_00, tax=tax(25_00)) if taxed else line(125_00)
    item = expense(kind, its_line, sub_type=sub_type, bookkeeping=method, vendor=_vendor(how), note="Sample")
    title = ", ".join(filter(None, (kind, sub_type, "125.00 EUR"))) + (" of which 25.00 is VAT" * taxed)
    return _sketch(_Case(words="", title=title, item=item))


def _vendor(how: HowBooked) -> Vendor | None:
    return _VENDOR if how.owed_to is OwedTo.SUPPLIER else None


def _sketch(case: _Case) -> str:
    documents: list[Document] = []
    for item in case.after:
        documents = settled_by(documents, _entry(item, case.settings, documents))
    entry = _entry(case.item, case.settings, documents)
    kind = "" if entry.kind is EntryKind.JOURNAL else f" ({entry.kind.replace('_', ' ')})"
    lines = [f"{case.title}{kind}", *_sides(entry.postings)]
    for heading, legs in (("settled at once:", entry.settlement), ("cleared:", entry.clearing)):
        if legs:
            lines += [f"  {heading}", *_sides(legs)]
    return "\n".join(lines)


def _entry(item: ExportItem, settings: CompanySettings, documents: Sequence[Document]) -> Entry:
    entry = book(item, settings, _BOOKS)
    if not isinstance(entry, Entry):
        raise TypeError(entry.reason)
    return match(entry, documents, settings.accounts.exchange_difference)


def _sides(postings: Iterable[Posting]) -> Iterator[str]:
    """Write a line for each posting, debits first."""
    for posting in sorted(postings, key=lambda one: one.amount.units < 0):
        account = f"{posting.account} {_BOOKS.accounts[posting.account].name}"
        credit = posting.amount.units < 0
        amount, weight = (-posting.amount, -posting.weight) if credit else (posting.amount, posting.weight)
        worth = "" if posting.value is None else f"  (worth {weight})"
        if credit:
            yield f"    Cr  {account:<32}{'':>14}{amount!s:>14}{worth}"
        else:
            yield f"  Dr  {account:<34}{amount!s:>14}{worth}"


def _fenced(sketches: Iterable[str]) -> str:
    return "```text\n" + "\n\n".join(sketches) + "\n```"


def _purchase(*lines: Line) -> ExportItem:
    return expense("card_purchase", *lines, bookkeeping=Bookkeeping(method="journal"))


def _of_invoice(
    kind: ItemType, reference: str, paid: Amounts, sub_type: ItemSubType | None = None
) -> ExportItem:
    """Return the bill, or a payment, of one invoice through a vendor."""
    invoice = InvoiceInformation(invoice_number="INV-7", invoice_date="2026-01-02", status="paid")
    return expense(
        kind,
        line(paid),
        accounting_entry_id=reference,
        sub_type=sub_type,
        bookkeeping=Bookkeeping(method="accounts_payable"),
        vendor=_VENDOR,
        additional_information=AdditionalInformation(
            reconciliation_id=reference, invoice_information=invoice
        ),
    )


_FOREIGN_BILL = _of_invoice(ItemType.INVOICE, "bill", amounts(125_00, supplier=(135_00, "USD")))
_FOREIGN_PAYMENT = _of_invoice(ItemType.INVOICE_PAYMENT, "paid", amounts(126_00, supplier=(135_00, "USD")))

_CASES = (
    _Case(
        words="Reverse charge: the supplier charged no VAT, and both tax accounts show it.",
        title="card_purchase, 100.00 EUR, 25 % reverse charge",
        item=_purchase(line(100_00, tax=tax(25_00, "reverse"))),
    ),
    _Case(
        words='Tax by code (`vat.handling = "by_code"`): the amount is handed over whole, with the tax code.',
        title="card_purchase, 125.00 EUR of which 25.00 is VAT",
        item=_purchase(line(125_00, tax=tax(25_00))),
        settings=_BY_CODE,
    ),
    _Case(
        words="A split expense: each line on its own category, one counter posting over all.",
        title="card_purchase, 125.00 EUR of which 25.00 is VAT, and 40.00 EUR without tax",
        item=_purchase(line(125_00, 1, tax=tax(25_00)), line(40_00, 2, account=category(OTHER_CATEGORY))),
    ),
    _Case(
        words="Rounding: Pleo states a net amount of 100.01 EUR.",
        title="card_purchase, 125.00 EUR of which 25.00 is VAT",
        item=_purchase(line(125_00, tax=tax(25_00), net_amount=amounts(100_01))),
    ),
    _Case(
        words="A negative amount turns every posting round.",
        title="card_purchase, -125.00 EUR of which -25.00 is VAT",
        item=_purchase(line(-125_00, tax=tax(-25_00))),
    ),
    _Case(
        words="A negative invoice through a vendor is a credit note.",
        title="invoice, -125.00 EUR",
        item=_of_invoice(ItemType.INVOICE, "credit", amounts(-125_00)),
    ),
    _Case(
        words="Another currency than the wallet's: booked as the wallet paid it; each posting also shows what was charged.",
        title="card_purchase, 1400.00 SEK paid with 125.00 EUR",
        item=_purchase(line(amounts(125_00, supplier=(1400_00, "SEK")))),
    ),
    _Case(
        words="An invoice in another currency is booked as the supplier charged it.",
        title="invoice, 135.00 USD, worth 125.00 EUR",
        item=_FOREIGN_BILL,
    ),
    _Case(
        words="Its payment costs more than the invoice was worth: both are cleared, and the rest is a loss on exchange.",
        title="invoice_payment, 135.00 USD paid with 126.00 EUR",
        item=_FOREIGN_PAYMENT,
        after=[_FOREIGN_BILL],
    ),
    _Case(
        words="The payment is returned: everything turns round, and the dollars are owed again.",
        title="invoice_payment, invoice_payment_returned, 135.00 USD, 126.00 EUR",
        item=_of_invoice(
            ItemType.INVOICE_PAYMENT,
            "returned",
            amounts(126_00, supplier=(135_00, "USD")),
            ItemSubType.INVOICE_PAYMENT_RETURNED,
        ),
        after=[_FOREIGN_BILL, _FOREIGN_PAYMENT],
    ),
)
