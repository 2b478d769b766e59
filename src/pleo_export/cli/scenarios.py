"""The companies that a demonstration can be about, and what their ledgers must say at the end."""

import csv
from collections.abc import Mapping
from decimal import Decimal
from importlib.resources import files
from typing import Literal

import msgspec

from pleo_export.toml_text import Value

ScenarioName = Literal["demo", "payable"]
"""Every kind of expense, or a company that books through vendors."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """A made-up company. `count` expenses are made where nobody asks for another number.

    `settings` are its own ones by their dotted names; `chart` and `balance` are files beside this module. `country` is
    its code.
    """

    name: ScenarioName
    company_id: str
    title: str
    country: str
    count: int
    settings: Mapping[str, Value]
    chart: str
    balance: str | None = None

    def chart_text(self) -> str:
        """Return the chart of accounts."""
        return _packaged(self.chart)

    def expected_balance(self) -> Mapping[tuple[str, str], Decimal]:
        """Return the trial balance by account name and currency, in currency units; empty where none was worked out."""
        rows = csv.DictReader(_packaged(self.balance).splitlines()) if self.balance else ()
        return {(row["account"], row["currency"]): Decimal(row["amount"]) for row in rows}


def _packaged(name: str) -> str:
    return (files("pleo_export.cli") / name).read_text(encoding="utf-8")


_COMMON: Mapping[str, Value] = {
    "vat.input_account": "2640",
    "vat.output_account": "2610",
}
DEMO = Scenario(
    name="demo",
    company_id="0b0f7a52-3a52-4d6f-9a55-2f7d4a3a1c01",
    title="Demo ApS",
    country="DK",
    count=40,
    settings=_COMMON,
    chart="chart.toml",
)
PAYABLE = Scenario(
    name="payable",
    company_id="5c1d9e04-7b1f-4c8e-8d3a-6a0e2b9f4d02",
    title="Payable BV",
    country="NL",
    count=41,
    settings={
        **_COMMON,
        "accounts.rounding": "6990",
        "accounts.exchange_difference": "6980",
        "mapping.dimensions": {"COST_CENTRE": "CostCentre", "PROJECT": "Project"},
        "mapping.team": "Team",
    },
    chart="payable-chart.toml",
    balance="payable-balance.csv",
)
SCENARIOS: Mapping[ScenarioName, Scenario] = {one.name: one for one in (DEMO, PAYABLE)}
