"""What an expense names that the accounting system may not know: accounts, tax codes, vendors, tag groups."""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

import msgspec

from pleo_export.domain.accounts import account_keys
from pleo_export.domain.how_booked import HOW_BOOKED, Payable
from pleo_export.domain.item import BookkeepingMethod, ExportItem, ItemType, known
from pleo_export.domain.method import resolve_method
from pleo_export.domain.reference import ReferenceData
from pleo_export.domain.settings import CompanySettings, VatHandling
from pleo_export.domain.tax import tax_keys
from pleo_export.domain.vendors import find_vendor, vendor_keys


class Table(StrEnum):
    """A table below [mapping] in the settings."""

    ACCOUNTS = "accounts"
    TAX_CODES = "tax_codes"
    VENDORS = "vendors"
    DIMENSIONS = "dimensions"


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What an expense names: `codes` are all that Pleo has for it, the first one (else the name) its key in the settings.

    `known`: the accounting system has it as it is, or the settings map it. `codes_tell` is False where what has such a
    code there seems to be somebody else.
    """

    table: Table
    codes: tuple[str, ...]
    name: str | None
    known: bool
    codes_tell: bool = True

    @property
    def key(self) -> str:
        """What the settings call it."""
        return self.codes[0] if self.codes else self.name or ""


def seen_in(expense: ExportItem, settings: CompanySettings, reference: ReferenceData) -> Iterator[Seen]:
    """Yield whatever the expense names, as often as it names it."""
    yield from _accounts(expense, settings, reference)
    yield from _tax_codes(expense, settings, reference)
    yield from _tag_groups(expense, settings, reference)
    yield from _vendors(expense, settings, reference)


def _accounts(expense: ExportItem, settings: CompanySettings, reference: ReferenceData) -> Iterator[Seen]:
    categories = (line.account for line in expense.accounting_entry_lines)
    for account in filter(None, (expense.contra_account, *categories)):
        there = reference.account(account.code, account.identifier)
        mapped = _among(account_keys(account), settings.mapping.accounts)
        yield Seen(
            table=Table.ACCOUNTS,
            codes=given(account.code, account.identifier),
            name=account.name,
            known=mapped or (there is not None and there.active),
        )


def _tax_codes(expense: ExportItem, settings: CompanySettings, reference: ReferenceData) -> Iterator[Seen]:
    there = reference.tax_codes
    for tax in filter(None, (line.tax for line in expense.accounting_entry_lines)):
        # Where the tax is booked on accounts, a tax without a code needs none.
        if tax.code is None and settings.vat.handling is not VatHandling.BY_CODE:
            continue
        mapped = _among(tax_keys(tax), settings.mapping.tax_codes)
        yield Seen(
            table=Table.TAX_CODES,
            codes=tax_keys(tax)[:1],
            name=None,
            known=mapped or there is None or tax.code in there,
        )


def _tag_groups(expense: ExportItem, settings: CompanySettings, reference: ReferenceData) -> Iterator[Seen]:
    there, mapped = reference.dimensions, settings.mapping.dimensions
    for tag in (tag for line in expense.accounting_entry_lines for tag in line.tags or ()):
        if tag is not None:
            group = tag.group_code
            yield Seen(
                table=Table.DIMENSIONS,
                codes=(group,),
                name=None,
                known=group in mapped or there is None or group in there,
            )


def _vendors(expense: ExportItem, settings: CompanySettings, reference: ReferenceData) -> Iterator[Seen]:
    """Yield who is owed, where Pleo wants the expense booked through accounts payable.

    Where Pleo names no method, only those are owed whom the accounting system knows.
    """
    kind = known(ItemType, expense.type)
    if kind is None or HOW_BOOKED[kind].payable is Payable.NEVER:
        return
    how = HOW_BOOKED[kind]
    keys = vendor_keys(expense, how)
    if not keys:
        return
    codes = tuple(key.value for key in keys if not key.only_a_name)
    method = expense.bookkeeping.method if expense.bookkeeping else None
    if method == BookkeepingMethod.ACCOUNTS_PAYABLE:
        found = find_vendor(keys, settings, reference)
        there = found.vendor is not None or any(key.mapped(settings) for key in keys)
        yield Seen(
            table=Table.VENDORS, codes=codes, name=keys[0].name, known=there, codes_tell=not found.doubt
        )
    elif method is None and resolve_method(expense, how, settings, reference).payable:
        yield Seen(table=Table.VENDORS, codes=codes, name=keys[0].name, known=True)


def given(*codes: str | None) -> tuple[str, ...]:
    """Return the codes that are there."""
    return tuple(code for code in codes if code)


def _among(keys: Iterable[str], mapped: Mapping[str, object]) -> bool:
    return any(key in mapped for key in keys)
