"""The demonstration against a real Odoo: the same expenses and the same trial balance as in the ledger."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pleo_export.cli.common import ExitCode
from tests.odoo.server import OdooDatabase

pytestmark = pytest.mark.slow


class Demo:
    def __init__(self, folder: Path, odoo: OdooDatabase) -> None:
        self.folder, self.odoo = folder / "demo", odoo
        self.key = folder / "key"
        self.key.write_text(odoo.admin_key, encoding="ascii")

    def __call__(self, *options: str) -> tuple[int, Any]:
        """Run it; return the exit code and the report."""
        where = ["--odoo-url", self.odoo.url, "--odoo-database", self.odoo.name]
        done = subprocess.run(
            [
                *(str(Path(sys.executable).with_name("pleo-export")), "demo", "--connector", "odoo", *where),
                *("--odoo-api-key-file", str(self.key), "--folder", str(self.folder), "--json", *options),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        return done.returncode, json.loads(done.stdout) if done.stdout.startswith("{") else done.stderr

    def moves(self) -> list[dict[str, Any]]:
        company = self.odoo.call("res.company", "search", domain=[["name", "in", ["Payable BV", "Demo ApS"]]])
        found: list[dict[str, Any]] = self.odoo.call(
            "account.move",
            "search_read",
            domain=[["company_id", "in", company]],
            fields=["id", "state", "write_date"],
            order="id",
            context={"allowed_company_ids": company},
        )
        return found


@pytest.fixture
def demo(tmp_path: Path, odoo: OdooDatabase) -> Demo:
    return Demo(tmp_path, odoo)


def different(report: Any) -> list[Any]:
    lines = [line for line in report["balance"] if Decimal(line["expected"]) != Decimal(line["ledger"])]
    totals = [total for total in report["totals"] if Decimal(total["pleo"]) != Decimal(total["ledger"])]
    return [*lines, *totals]


def phases(report: Any) -> list[tuple[str, bool]]:
    return [(item["phase"], item["already_there"]) for job in report["jobs"] for item in job["items"]]


def test_the_company_that_books_through_vendors_ends_with_the_same_trial_balance_as_in_the_ledger(
    demo: Demo,
) -> None:
    code, first = demo("--scenario", "payable", "--yes")
    assert code == ExitCode.ALL_WELL, first
    assert first["unexpected"] == []
    assert len(first["balance"]) == 34
    assert different(first) == []
    assert phases(first).count(("recorded", False)) == 39
    before = demo.moves()
    assert {move["state"] for move in before} == {"draft"}

    code, second = demo("--scenario", "payable")
    assert code == ExitCode.ALL_WELL
    assert second["balance"] == first["balance"]
    assert phases(second).count(("recorded", True)) == 39
    assert demo.moves() == before

    settings = demo.folder / "pleo-export.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace('# posting = "draft"', 'posting = "final"'), encoding="utf-8")
    code, posted = demo("--scenario", "payable", "--seed", "7")
    assert code == ExitCode.ALL_WELL, posted
    assert different(posted) == []
    assert [move["state"] for move in demo.moves()].count("posted") >= 39


def test_every_kind_of_expense_comes_out_as_expected(demo: Demo) -> None:
    code, report = demo("--yes")
    assert code == ExitCode.ALL_WELL, report
    assert report["unexpected"] == []
    assert different(report) == []
    assert len(report["totals"]) > 10
    assert phases(report).count(("recorded", False)) == 31


def test_nothing_is_made_where_nobody_says_yes(demo: Demo) -> None:
    code, said = demo()
    assert code != ExitCode.ALL_WELL
    assert "Make the company Demo ApS" in said
    assert demo.odoo.call("res.company", "search_count", domain=[["name", "=", "Demo ApS"]]) == 0
