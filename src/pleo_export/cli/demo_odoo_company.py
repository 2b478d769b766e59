"""Makes the company of a demonstration in Odoo. Whatever is there already, by the names we give it, is left as it is."""

import tomllib
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any, NamedTuple

import msgspec

from pleo_export.accounting.ledger.chart import Chart, ChartAccount
from pleo_export.accounting.odoo.client import OdooClient
from pleo_export.accounting.port import ConnectorError
from pleo_export.cli.init_odoo import Access
from pleo_export.cli.scenarios import Scenario

MODULE = "pleo_export_demo"
RATES_SINCE = "2020-01-01"
# How many of each one euro buys, roughly. The totals compare currency by currency, so it does not matter how many.
RATES = {"DKK": 7.46, "GBP": 0.86, "JPY": 170, "KWD": 0.33, "NOK": 11.6, "SEK": 11, "USD": 1.1}


# The accounts of the charts that mean something to Odoo.
PAYABLE, EXCHANGE, INPUT_TAX, OUTPUT_TAX = "2400", "6980", "2640", "2610"

JOURNALS = {"journals.general": "MISC", "journals.purchases": "BILL", "journals.payments": "MISC"}


class DemoTax(NamedTuple):
    """A tax: its percentage, and whether it is owed as well (reverse charge)."""

    percent: int
    reverse: bool = False


TAXES = {
    "V25": DemoTax(25),
    "V12": DemoTax(12),
    "E25": DemoTax(25),
    "R25": DemoTax(25, reverse=True),
    "V0": DemoTax(0),
}
# Odoo's word for an account, by the first part of its name in the chart.
ACCOUNT_TYPES = {
    "Assets": "asset_current",
    "Liabilities": "liability_current",
    "Expenses": "expense",
    "Income": "income_other",
}


class DemoCompanyError(ConnectorError):
    """Odoo did not take something that the company of the demonstration needs."""


class _Loaded(msgspec.Struct):
    ids: list[int] | bool
    messages: list[Mapping[str, Any]]


class _Found(msgspec.Struct):
    id: int
    name: str


def chart_of(scenario: Scenario) -> Chart:
    """Return the chart of accounts of a scenario."""
    return Chart.model_validate(tomllib.loads(scenario.chart_text()))


async def make_company(access: Access, scenario: Scenario) -> int:
    """Make the company and all that its expenses need; return its number. Raises ConnectorError."""
    async with aclosing(_Maker(access, None, scenario)) as anywhere:
        home = await anywhere.any_company()
    async with aclosing(_Maker(access, home, scenario)) as there:
        company = await there.company()
    async with aclosing(_Maker(access, company, scenario)) as maker:
        await maker.accounts()
        await maker.journals()
        await maker.taxes()
        await maker.vendors()
        await maker.dimensions()
    return company


class _Maker:
    """Makes what a scenario needs in one company. What was made before is known by an external id, and written again."""

    def __init__(self, access: Access, company: int | None, scenario: Scenario) -> None:
        self._client = OdooClient(access.settings.model_copy(update={"company_id": company}), access.key)
        self._company, self._scenario, self._chart = company or 0, scenario, chart_of(scenario)
        self._ids: dict[str, int] = {}  # of accounts and journals, by code

    async def aclose(self) -> None:
        await self._client.close()

    async def any_company(self) -> int:
        """Return the number of a company that the key may see."""
        return (await self._client.companies())[0].id

    async def company(self) -> int:
        """Make the company, with the currencies it meets; Odoo puts no chart of its own into it."""
        currencies = await self._found("res.currency", ["name", "in", [self._chart.currency, *RATES]])
        await self._client.call(
            "res.currency", "write", bool, ids=[*currencies.values()], vals={"active": True}
        )
        (country,) = (await self._found("res.country", ["code", "=", self._scenario.country])).values()
        fields = {
            "name": self._chart.title,
            "currency_id/.id": currencies[self._chart.currency],
            "country_id/.id": country,
        }
        made = await self._load("res.company", {"company": fields}, {"install_mode": True})
        return made["company"]

    async def accounts(self) -> None:
        """Make the accounts of the chart, and a rate for each currency."""
        currencies = await self._found("res.currency", ["active", "=", True])
        rows = {}
        for account in self._chart.accounts:
            only = "".join(account.currencies or ())  # in the charts an account takes one currency, or any
            rows[account.code] = {
                "code": account.code,
                "name": account.label or account.name,
                "account_type": self._type(account),
                "currency_id/.id": currencies.get(only, ""),
                "company_ids/.id": self._company,
            }
        self._ids |= await self._load("account.account", rows)
        rates = {
            code: {"name": RATES_SINCE, "rate": rate, **self._own, "currency_id/.id": currencies[code]}
            for code, rate in RATES.items()
        }
        await self._load("res.currency.rate", rates)
        await self._client.call(
            "ir.default",
            "set",
            Any,
            model_name="res.partner",
            field_name="property_account_payable_id",
            value=self._ids[PAYABLE],
            company_id=self._company,
        )

    def _type(self, account: ChartAccount) -> str:
        """Return what kind of account Odoo takes it for: what bills are owed on has to be payable."""
        payable = {PAYABLE, *(one.account for one in self._chart.vendors or ())}
        return (
            "liability_payable" if account.code in payable else ACCOUNT_TYPES[account.name.partition(":")[0]]
        )

    async def journals(self) -> None:
        """Make the journals, and say where Odoo's own exchange differences go."""
        journals = {
            "MISC": ("Journal entries", "general", 1),
            "BILL": ("Bills", "purchase", 2),
            "EXCH": ("Exchange differences", "general", 3),
        }
        rows = {
            code: {"code": code, "name": name, "type": kind, "sequence": place, **self._own}
            for code, (name, kind, place) in journals.items()
        }
        made = await self._load("account.journal", rows)
        vals = {
            "currency_exchange_journal_id": made["EXCH"],
            "income_currency_exchange_account_id": self._ids[EXCHANGE],
            "expense_currency_exchange_account_id": self._ids[EXCHANGE],
        }
        await self._client.call("res.company", "write", bool, ids=[self._company], vals=vals)

    async def taxes(self) -> None:
        """Make the taxes that are not there yet, each with the accounts that it goes to."""
        (country,) = (await self._found("res.country", ["code", "=", self._scenario.country])).values()
        group = await self._load(
            "account.tax.group", {"taxes": {"name": "Taxes", **self._own, "country_id/.id": country}}
        )
        there = await self._found("account.tax", ["company_id", "=", self._company])
        missing = [
            {
                "name": code,
                "amount": tax.percent,
                "type_tax_use": "purchase",
                "company_id": self._company,
                "country_id": country,
                "tax_group_id": group["taxes"],
                "invoice_repartition_line_ids": self._shares(tax),
                "refund_repartition_line_ids": self._shares(tax),
            }
            for code, tax in TAXES.items()
            if code not in there
        ]
        await self._client.call("account.tax", "create", list[int], vals_list=missing)

    def _shares(self, tax: DemoTax) -> list[tuple[int, int, Mapping[str, Any]]]:
        shares = [{"repartition_type": "base", "factor_percent": 100}]
        shares += [{"repartition_type": "tax", "factor_percent": 100, "account_id": self._ids[INPUT_TAX]}]
        if tax.reverse:
            shares += [
                {"repartition_type": "tax", "factor_percent": -100, "account_id": self._ids[OUTPUT_TAX]}
            ]
        return [(0, 0, share) for share in shares]

    async def vendors(self) -> None:
        """Make the vendors, each with the account of its own."""
        rows = {
            vendor.id: {
                "ref": vendor.id,
                "name": vendor.name,
                "is_company": "1",
                "supplier_rank": 1,
                **self._own,
                "property_account_payable_id/.id": self._ids[vendor.account or PAYABLE],
            }
            for vendor in self._chart.vendors or ()
        }
        await self._load("res.partner", rows)

    async def dimensions(self) -> None:
        """Make an analytic plan for each dimension, and an analytic account for each value. Plans are everybody's."""
        plans = await self._found("account.analytic.plan", ["parent_id", "=", False])
        for plan, codes in (self._chart.dimensions or {}).items():
            if plan not in plans:
                plans |= await self._load("account.analytic.plan", {plan: {"name": plan}})
            rows = {
                f"{plan}-{code}": {"name": code, "code": code, "plan_id/.id": plans[plan], **self._own}
                for code in sorted(codes)
            }
            await self._load("account.analytic.account", rows)

    @property
    def _own(self) -> Mapping[str, int]:
        return {"company_id/.id": self._company}

    async def _found(self, model: str, condition: Sequence[Any]) -> dict[str, int]:
        """Return the numbers of records by their names; those that are archived too."""
        context = {"active_test": False}
        rows = await self._client.search_read(model, list[_Found], [condition], context=context)
        return {row.name: row.id for row in rows}

    async def _load(
        self, model: str, rows: Mapping[str, Mapping[str, object]], context: Mapping[str, Any] | None = None
    ) -> dict[str, int]:
        """Make records, or write them again, and return their numbers by our keys. Raises DemoCompanyError."""
        fields = list(next(iter(rows.values())))
        prefix = f"{MODULE}.{self._scenario.name}_{model.replace('.', '_')}"
        data = [[f"{prefix}_{key}", *(str(row[field]) for field in fields)] for key, row in rows.items()]
        loaded = await self._client.call(
            model, "load", _Loaded, context=context, fields=["id", *fields], data=data
        )
        if isinstance(loaded.ids, bool):
            raise DemoCompanyError("; ".join(str(message["message"]) for message in loaded.messages))
        return dict(zip(rows, loaded.ids, strict=True))
