"""What holds for every expense, whatever its type, method, lines, taxes and currencies."""

from collections.abc import Sequence
from decimal import Decimal
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pleo_export.domain.book import book
from pleo_export.domain.entry import Entry, EntryKind, Posting
from pleo_export.domain.how_booked import HOW_BOOKED, HowBooked, Role
from pleo_export.domain.item import (
    Amounts,
    Bookkeeping,
    ExportItem,
    ItemSubType,
    ItemType,
    Line,
    MoneyModel,
    Tax,
)
from pleo_export.domain.settings import VatHandling, VatSettings
from pleo_export.testing.expenses import (
    CATEGORY,
    CONTRA_ACCOUNT,
    OTHER_CATEGORY,
    REFERENCE,
    SETTINGS,
    amounts,
    category,
    expense,
    line,
    tax,
)
from tests.domain.mapping import entry_of, legs, same_every_time, totals, vendor

pytestmark = pytest.mark.slow

UNITS = st.integers(-(10**12), 10**12)
TAX_KINDS = st.sampled_from(["inclusive", "exclusive", "reverse"])


def pairs() -> st.SearchStrategy[Amounts]:
    return st.builds(lambda eur, sek: amounts(eur, supplier=(sek, "SEK")), UNITS, UNITS)


@st.composite
def lines(draw: st.DrawFn, number: int) -> Line:
    taxed = draw(st.none() | st.builds(tax, pairs(), TAX_KINDS, code=st.sampled_from(["V25", "R25", None])))
    account = category(draw(st.sampled_from([CATEGORY, OTHER_CATEGORY])))
    return line(draw(pairs()), number, account=account, tax=taxed)


@st.composite
def expenses(draw: st.DrawFn, types: Sequence[ItemType] = tuple(ItemType)) -> ExportItem:
    method = draw(st.sampled_from([None, "none", "journal", "accounts_payable"]))
    return expense(
        draw(st.sampled_from(types)),
        *[draw(lines(number)) for number in range(1, draw(st.integers(1, 5)) + 1)],
        sub_type=draw(st.none() | st.sampled_from(ItemSubType)),
        bookkeeping=Bookkeeping(method=method) if method else None,
        vendor=draw(st.none() | st.just(vendor(code="nordic")))
        if method != "accounts_payable"
        else vendor(code="example"),
        contra_account=draw(st.none() | st.just(category(CONTRA_ACCOUNT))),
    )


WITH_CATEGORY = [kind for kind, how in HOW_BOOKED.items() if Role.CATEGORY in (how.debit, how.credit)]
ROUNDED = SETTINGS.model_copy(
    update={"accounts": SETTINGS.accounts.model_copy(update={"rounding": OTHER_CATEGORY})}
)
BY_CODE = SETTINGS.model_copy(update={"vat": VatSettings(handling=VatHandling.BY_CODE)})


def both(entry: Entry) -> Sequence[Posting]:
    return (*entry.postings, *entry.settlement)


def turned(of: Amounts) -> Amounts:
    def side(money: MoneyModel) -> MoneyModel:
        return replace(money, value=-money.value)

    return Amounts(
        in_supplier_currency=side(of.in_supplier_currency), in_wallet_currency=side(of.in_wallet_currency)
    )


def turned_line(one: Line) -> Line:
    taxed = replace(one.tax, amount=turned(one.tax.amount)) if one.tax else None
    return replace(one, line_amount=turned(one.line_amount), net_amount=turned(one.net_amount), tax=taxed)


def with_lines(item: ExportItem, changed: Sequence[Line]) -> ExportItem:
    return replace(item, accounting_entry_lines=tuple(changed))


@same_every_time
@given(expenses())
def test_every_entry_and_every_settlement_sums_to_zero(item: ExportItem) -> None:
    entry = entry_of(item)
    assert sum(units for _, units in legs(entry.postings)) == 0
    assert sum(units for _, units in legs(entry.settlement)) == 0
    assert len({posting.amount.currency for posting in both(entry)}) == 1


@same_every_time
@given(expenses())
def test_turning_every_sign_turns_every_posting_and_nothing_else(item: ExportItem) -> None:
    forth = entry_of(item)
    back = entry_of(
        replace(
            item,
            amount=turned(item.amount),
            accounting_entry_lines=tuple(turned_line(one) for one in item.accounting_entry_lines),
        )
    )
    assert [
        replace(
            posting,
            amount=-posting.amount,
            original=None if posting.original is None else -posting.original,
            value=None if posting.value is None else -posting.value,
        )
        for posting in both(back)
    ] == list(both(forth))
    assert back.total == forth.total
    turned_kinds = {EntryKind.BILL: EntryKind.CREDIT_NOTE, EntryKind.CREDIT_NOTE: EntryKind.BILL}
    assert back.kind in (forth.kind, turned_kinds.get(forth.kind))


@same_every_time
@given(expenses(), st.randoms(use_true_random=False))
def test_the_order_of_the_lines_changes_no_account(item: ExportItem, random: Random) -> None:
    shuffled = list(item.accounting_entry_lines)
    random.shuffle(shuffled)
    assert totals(both(entry_of(with_lines(item, shuffled)))) == totals(both(entry_of(item)))


def part(of: Amounts, percent: int) -> tuple[Amounts, Amounts]:
    """An amount in two parts of whole minor units."""
    eur, sek = of.in_wallet_currency.value, of.in_supplier_currency.value
    first_eur, first_sek = int(eur) * percent // 100, int(sek) * percent // 100
    return (
        amounts(first_eur, supplier=(first_sek, "SEK")),
        amounts(eur - first_eur, supplier=(sek - first_sek, "SEK")),
    )


@same_every_time
@given(expenses(), st.integers(-50, 150), st.integers(-50, 150))
def test_a_line_in_two_parts_is_booked_as_the_whole(item: ExportItem, share: int, tax_share: int) -> None:
    whole, *others = item.accounting_entry_lines
    taxes: tuple[Tax | None, Tax | None] = (None, None)
    if whole.tax is not None:
        first, second = part(whole.tax.amount, tax_share)
        taxes = (replace(whole.tax, amount=first), replace(whole.tax, amount=second))
    parts = [
        line(paid, number, account=whole.account, tax=taxed)
        for number, (paid, taxed) in enumerate(
            zip(part(whole.line_amount, share), taxes, strict=True), start=10
        )
    ]
    in_parts = with_lines(item, [*parts, *others])
    assert totals(both(entry_of(in_parts))) == totals(both(entry_of(item)))


def of_line(entry: Entry, one: Line) -> Sequence[Posting]:
    """What is booked for a line: its category first, then its tax."""
    return [posting for posting in entry.postings if posting.line_id == one.accounting_entry_line_id]


@same_every_time
@given(expenses(WITH_CATEGORY))
def test_net_and_tax_of_a_line_are_what_was_paid_for_it(item: ExportItem) -> None:
    entry = entry_of(item)
    how = HOW_BOOKED[ItemType(item.type)]
    sign = 1 if how.debit is Role.CATEGORY else -1
    for one in item.accounting_entry_lines:
        net, *taxes = (sign * posting.amount.units for posting in of_line(entry, one))
        stated = booked(one.tax.amount, how) if one.tax else 0
        reverse = one.tax is not None and one.tax.type == "reverse"
        assert net + sum(taxes) == booked(one.line_amount, how)
        assert taxes == ([stated, -stated] if reverse else [stated]) * bool(stated)


def booked(of: Amounts, how: HowBooked) -> int:
    """Euros and kronor both have hundredths, which are their minor units."""
    return int((of.in_supplier_currency if how.always_supplier_currency else of.in_wallet_currency).value)


@same_every_time
@given(expenses(WITH_CATEGORY))
def test_a_tax_left_to_the_accounting_system_leaves_every_line_its_amount(item: ExportItem) -> None:
    coded = [
        replace(one, tax=replace(one.tax, code="V25")) if one.tax else one
        for one in item.accounting_entry_lines
    ]
    by_code = entry_of(with_lines(item, coded), BY_CODE)
    explicit = entry_of(with_lines(item, coded))
    assert by_code.total.currency == explicit.total.currency
    for one in coded:
        (whole,) = of_line(by_code, one)
        assert whole.amount.units == sum(units for _, units in legs(of_line(explicit, one)))
        assert whole.tax_code == (one.tax.code if one.tax else None)
        assert (whole.tax is None) == (one.tax is None)


@same_every_time
@given(expenses(WITH_CATEGORY), st.lists(st.integers(-1, 1), min_size=5, max_size=5))
def test_a_minor_unit_of_rounding_moves_between_category_and_rounding_and_nowhere_else(
    item: ExportItem, off: Sequence[int]
) -> None:
    moved = [
        replace(one, account=category(CATEGORY), net_amount=shifted(one.net_amount, units))
        for one, units in zip(item.accounting_entry_lines, off, strict=False)
    ]
    exact, rounded = entry_of(with_lines(item, moved)), entry_of(with_lines(item, moved), ROUNDED)
    before, after = totals(both(exact)), totals(both(rounded))
    pair = (CATEGORY, OTHER_CATEGORY)
    assert sum(after.get(account, 0) for account in pair) == sum(before.get(account, 0) for account in pair)
    assert abs(after.get(OTHER_CATEGORY, 0)) <= len(moved)
    assert {key: units for key, units in after.items() if key not in pair} == {
        key: units for key, units in before.items() if key not in pair
    }


def shifted(of: Amounts, units: int) -> Amounts:
    return amounts(
        of.in_wallet_currency.value + units, supplier=(of.in_supplier_currency.value + units, "SEK")
    )


@same_every_time
@given(expenses())
def test_the_same_expense_always_gives_the_same_entry(item: ExportItem) -> None:
    copied = msgspec.convert(msgspec.to_builtins(item, builtin_types=(Decimal,)), ExportItem)
    assert entry_of(copied) == entry_of(item)


ANY_VALUE = st.decimals() | st.sampled_from(
    [Decimal("sNaN"), Decimal("1E+9999999999"), Decimal("1E-9999999999")]
)
ANY_MONEY = st.builds(
    MoneyModel, currency=st.sampled_from(["EUR", "JPY", "XXX", "UNDEFINED"]), value=ANY_VALUE
)
ANY_AMOUNTS = st.builds(Amounts, in_supplier_currency=ANY_MONEY, in_wallet_currency=ANY_MONEY)
ANY_TEXT = st.none() | st.sampled_from(["", "6100", "1900", "as-6100", "gone"])


@st.composite
def strange_lines(draw: st.DrawFn) -> Line:
    paid = draw(ANY_AMOUNTS)
    taxed = st.builds(
        tax,
        ANY_AMOUNTS | st.just(amounts(0)),
        st.sampled_from(["inclusive", "reverse", "margin"]),
        rate=ANY_VALUE,
        code=ANY_TEXT,
        ingoing_tax_account=ANY_TEXT,
    )
    account = st.builds(category, ANY_TEXT, ANY_TEXT)
    return Line(
        accounting_entry_line_id="line",
        line_amount=paid,
        net_amount=draw(st.just(paid) | ANY_AMOUNTS),
        account=draw(st.none() | account),
        tax=draw(st.none() | taxed),
    )


@st.composite
def strange_expenses(draw: st.DrawFn) -> ExportItem:
    its_lines = tuple(draw(st.lists(strange_lines(), max_size=2)))
    amount = its_lines[0].line_amount if len(its_lines) == 1 else draw(ANY_AMOUNTS)
    return expense(
        draw(st.sampled_from(ItemType) | st.just("crypto_purchase")),
        accounting_entry_lines=its_lines,
        amount=amount,
        contra_account=draw(st.none() | st.builds(category, ANY_TEXT, ANY_TEXT)),
        bookkeeping=draw(
            st.none() | st.builds(Bookkeeping, method=st.sampled_from(["accounts_payable", "barter"]))
        ),
        vendor=draw(st.none() | st.builds(vendor, code=ANY_TEXT, external_id=ANY_TEXT)),
    )


@same_every_time
@given(strange_expenses())
def test_whatever_pleo_sends_becomes_an_entry_or_a_sentence_and_never_a_crash(item: ExportItem) -> None:
    mapped = book(item, SETTINGS, REFERENCE)
    assert mapped.postings if isinstance(mapped, Entry) else mapped.reason.endswith(".")
