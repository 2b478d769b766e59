"""What a company has in Odoo, as it was when it was read: accounts, taxes, journals, vendors, currencies, plans."""

import asyncio
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from pleo_export.accounting.odoo.client import Company, OdooClient
from pleo_export.accounting.odoo.taxes import Share, Tax
from pleo_export.domain.money import exponent

Row = TypeVar("Row")
Many2one = tuple[int, str] | bool  # Odoo says false where there is none


class Account(msgspec.Struct, frozen=True):
    """An account; `account_type` is Odoo's word for it."""

    id: int
    code: str | bool
    name: str
    account_type: str
    currency_id: Many2one
    active: bool
    reconcile: bool


class Journal(msgspec.Struct, frozen=True):
    """A journal, in the order that Odoo shows them."""

    id: int
    code: str
    name: str
    type: str


class Partner(msgspec.Struct, frozen=True):
    """Somebody to buy from."""

    id: int
    name: str | bool
    ref: str | bool
    vat: str | bool
    property_account_payable_id: Many2one

    @property
    def key(self) -> str:
        """The vendor's id: the internal reference, else the record as Odoo writes it, which is nobody's code in Pleo."""
        return self.ref if isinstance(self.ref, str) else f"res.partner,{self.id}"


class Currency(msgspec.Struct, frozen=True):
    """A currency that is in use; Odoo books multiples of its `rounding`."""

    id: int
    name: str
    rounding: Decimal

    @property
    def step(self) -> int:
        """The smallest amount that Odoo books as it is, in minor units."""
        return max(1, int(self.rounding.scaleb(exponent(self.name))))


class Analytic(msgspec.Struct, frozen=True):
    """An analytic account of a plan."""

    id: int
    name: str
    code: str | bool
    root_plan_id: Many2one


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. Accounts and journals are by code, taxes by name, vendors by their id, currencies by code.

    `analytic` is by plan and by the code, or else name, of the account there. `ambiguous` are the
    names of several taxes whose rates differ. `payable` is the account on which Odoo books
    what is owed to a vendor without one of its own.
    """

    company: Company
    accounts: Mapping[str, Account]
    journals: Mapping[str, Journal]
    taxes: Mapping[str, Tax]
    ambiguous: frozenset[str] = frozenset()
    vendors: Mapping[str, Partner]
    currencies: Mapping[str, Currency]
    analytic: Mapping[tuple[str, str], int]
    payable: int | None


class _TaxRow(msgspec.Struct):
    id: int
    name: str
    amount: Decimal
    amount_type: str
    price_include: bool
    tax_exigibility: str
    cash_basis_transition_account_id: Many2one


class _ShareRow(msgspec.Struct):
    id: int
    tax_id: Many2one
    document_type: str
    repartition_type: str
    factor_percent: Decimal
    account_id: Many2one
    tag_ids: list[int]


async def read_chart(client: OdooClient) -> Chart:
    """Read all that entries are checked against. Raises ConnectorError."""
    company = await client.company()
    of_company = ["company_id", "parent_of", [company.id]]
    bought = ["type_tax_use", "=", "purchase"]
    accounts, journals, partners, currencies = await asyncio.gather(
        client.search_read(
            "account.account",
            list[Account],
            [["company_ids", "parent_of", [company.id]]],
            context={"active_test": False},
            order="active desc, id",
        ),
        client.search_read("account.journal", list[Journal], [of_company]),
        client.search_read("res.partner", list[Partner], _BUYS_FROM, order="id desc"),
        client.search_read("res.currency", list[Currency], []),
    )
    analytic, taxes, shares, defaults = await asyncio.gather(
        client.search_read("account.analytic.account", list[Analytic], []),
        client.search_read("account.tax", list[_TaxRow], [bought, of_company]),
        client.search_read(
            "account.tax.repartition.line",
            list[_ShareRow],
            [["tax_id.type_tax_use", "=", "purchase"]],
            order="sequence, id",
        ),
        client.call("res.partner", "default_get", dict[str, Any], fields=["property_account_payable_id"]),
    )
    codes = {one.id: one.code for one in accounts if isinstance(one.code, str)}
    return Chart(
        company=company,
        # An account in use comes before one that was archived with the same code.
        accounts=_first((codes[one.id], one) for one in accounts if one.id in codes),
        journals=_first((one.code, one) for one in journals),
        taxes=_first((one.name, _tax(one, shares, codes)) for one in taxes),
        ambiguous=_ambiguous(taxes),
        vendors={one.key: one for one in partners},
        currencies={one.name: one for one in currencies},
        analytic={
            (one.root_plan_id[1], one.code if isinstance(one.code, str) else one.name): one.id
            for one in analytic
            if isinstance(one.root_plan_id, tuple)
        },
        payable=defaults.get("property_account_payable_id"),
    )


def _first(pairs: Iterable[tuple[str, Row]]) -> dict[str, Row]:
    """Return a mapping in the order of the pairs; of several with one key the first counts."""
    found: dict[str, Row] = {}
    for key, row in pairs:
        found.setdefault(key, row)
    return found


def _ambiguous(taxes: Iterable[_TaxRow]) -> frozenset[str]:
    rates: dict[str, set[tuple[str, Decimal]]] = {}
    for one in taxes:
        rates.setdefault(one.name, set()).add((one.amount_type, one.amount))
    return frozenset(name for name, found in rates.items() if len(found) > 1)


# Companies and people, not their addresses; of those that were never bought from, whoever can be told by a number.
_BUYS_FROM = [
    ["parent_id", "=", False],
    "|",
    "|",
    ["supplier_rank", ">", 0],
    ["ref", "!=", False],
    ["vat", "!=", False],
]


def _tax(row: _TaxRow, shares: list[_ShareRow], codes: Mapping[int, str]) -> Tax:
    of_tax = [one for one in shares if isinstance(one.tax_id, tuple) and one.tax_id[0] == row.id]

    def parts(document: str, kind: str = "tax") -> tuple[Share, ...]:
        return tuple(
            Share(
                id=one.id,
                percent=one.factor_percent,
                account=codes.get(one.account_id[0]) if isinstance(one.account_id, tuple) else None,
                tags=tuple(one.tag_ids),
            )
            for one in of_tax
            if one.document_type == document and one.repartition_type == kind
        )

    def tags(document: str) -> tuple[int, ...]:
        return tuple(tag for one in parts(document, "base") for tag in one.tags)

    transition = row.cash_basis_transition_account_id

    return Tax(
        id=row.id,
        name=row.name,
        rate=row.amount / 100 if row.amount_type == "percent" else None,
        invoice=parts("invoice"),
        refund=parts("refund"),
        invoice_tags=tags("invoice"),
        refund_tags=tags("refund"),
        included=row.price_include,
        on_payment=row.tax_exigibility == "on_payment",
        waits_on=transition[0] if isinstance(transition, tuple) else None,
    )
