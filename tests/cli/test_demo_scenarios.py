"""The companies of the demonstration: their files fit together, and each keeps to a folder of its own."""

import tomllib
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pleo_export.accounting.ledger.chart import read_chart
from pleo_export.cli import app
from pleo_export.cli.common import ExitCode
from pleo_export.cli.init import settings_text
from pleo_export.cli.scenarios import PAYABLE, SCENARIOS, ScenarioName
from pleo_export.config import load_settings
from pleo_export.domain.check import settings_findings
from pleo_export.simulator.generator import generate
from pleo_export.simulator.payable import PAYABLE_VENDORS
from pleo_export.simulator.vocabulary import INTO_WALLET, WALLET_TYPES, ItemType

HUNDRED = Decimal(100)


@pytest.mark.parametrize("name", SCENARIOS)
def test_settings_and_chart_of_each_company_fit_together(tmp_path: Path, name: ScenarioName) -> None:
    scenario = SCENARIOS[name]
    text = settings_text({"pleo.company_id": scenario.company_id, **scenario.settings})
    (tmp_path / "pleo-export.toml").write_text(text, encoding="utf-8")
    (tmp_path / "chart.toml").write_text(scenario.chart_text(), encoding="utf-8")
    settings = load_settings(tmp_path / "pleo-export.toml")
    chart = read_chart(tmp_path / "chart.toml")
    assert settings_findings(settings.company, chart.reference_data) == []
    assert len(generate(1, scenario.count, name, company_id=scenario.company_id)) == scenario.count


def test_all_accounts_of_the_expected_balance_and_all_vendors_are_in_the_chart() -> None:
    chart = tomllib.loads(PAYABLE.chart_text())
    names = {account["name"] for account in chart["accounts"]}
    assert {account for account, _ in PAYABLE.expected_balance()} <= names
    vendors = {vendor["id"] for vendor in chart["vendors"]}
    assert vendors == {vendor.code for vendor in PAYABLE_VENDORS} | {"E-01", "E-02"}


def test_the_expected_balance_sums_to_zero_with_foreign_invoices_at_what_they_were_worth() -> None:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for (_, currency), amount in PAYABLE.expected_balance().items():
        sums[currency] += amount
    worth = Decimal()
    for one in generate(1, PAYABLE.count, "payable", company_id=PAYABLE.company_id):
        supplier, wallet = one.payload["amount"].values()
        # What is still owed in pounds stands on both sides of the balance.
        if one.payload["type"] == ItemType.INVOICE and supplier["currency"] in {"USD", "SEK"}:
            worth += wallet["value"] / HUNDRED
            sums[supplier["currency"]] -= supplier["value"] / HUNDRED
    assert sums.pop("EUR") + worth == 0
    assert set(sums.values()) == {Decimal()}


def test_the_expected_balance_of_the_wallet_is_what_pleo_moved() -> None:
    moved = Decimal()
    for one in generate(1, PAYABLE.count, "payable", company_id=PAYABLE.company_id):
        expense = one.payload
        if expense["type"] in WALLET_TYPES and one.must_fail is None:
            amount = expense["amount"]["inWalletCurrency"]["value"] / HUNDRED
            moved += amount if {expense["type"], expense["subType"]} & INTO_WALLET else -amount
    assert PAYABLE.expected_balance()["Assets:Pleo:EUR", "EUR"] == moved


def test_the_folder_of_another_company_is_left_alone(tmp_path: Path) -> None:
    settings = tmp_path / "pleo-export.toml"
    settings.write_text(settings_text({}), encoding="utf-8")
    result = CliRunner().invoke(app, ["demo", "--scenario", "payable", "--folder", str(tmp_path)])
    assert result.exit_code == ExitCode.WRONG_SETTINGS
    assert f"{settings} belongs to another company or scenario" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["pleo-export.toml"]


@pytest.mark.parametrize(
    ("scenario", "count", "said"), [("payable", "40", "41 expenses"), ("demo", "29", "30 expenses at least")]
)
def test_a_size_in_which_the_company_does_not_come_is_refused(
    tmp_path: Path, scenario: str, count: str, said: str
) -> None:
    folder = tmp_path / "new"
    order = ["demo", "--scenario", scenario, "--count", count, "--folder", str(folder)]
    result = CliRunner().invoke(app, order)
    assert result.exit_code == ExitCode.WRONG_SETTINGS
    assert said in result.stderr
    assert not folder.exists()
