"""The demonstration, as a new user runs it."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fava.core import FavaLedger

from pleo_export.cli.common import ExitCode
from pleo_export.cli.scenarios import PAYABLE

pytestmark = pytest.mark.slow


def demo(folder: Path, *options: str) -> tuple[int, str]:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("pleo-export")), "demo", "--folder", str(folder), *options],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout


def read_all(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def items(report: Any) -> list[Any]:
    return [item for job in report["jobs"] for item in job["items"]]


def outcomes(report: Any) -> dict[str, tuple[str, str | None]]:
    return {item["accounting_entry_id"]: (item["phase"], item["failure_type"]) for item in items(report)}


def test_every_outcome_is_as_expected_and_a_second_run_records_nothing_twice(tmp_path: Path) -> None:
    code, stdout = demo(tmp_path / "demo", "--json")
    first = json.loads(stdout)
    assert code == ExitCode.ALL_WELL
    assert first["unexpected"] == []
    assert first["verdict"] == {"clean": True, "available": True, "errors": []}
    assert len(items(first)) == 40
    assert sum(item["phase"] == "rejected" for item in items(first)) == 9
    currencies = {"EUR", "DKK", "SEK", "GBP", "USD", "NOK"}
    assert {total["name"] for total in first["totals"]} >= {f"wallet {currency}" for currency in currencies}
    assert sum(total["name"].startswith("spend ") for total in first["totals"]) > 3
    assert all(Decimal(total["pleo"]) == Decimal(total["ledger"]) for total in first["totals"])
    before = read_all(tmp_path / "demo" / "ledger")

    code, stdout = demo(tmp_path / "demo", "--json")
    second = json.loads(stdout)
    assert code == ExitCode.ALL_WELL
    assert outcomes(second) == outcomes(first)
    recorded = [item for item in items(second) if item["phase"] == "recorded"]
    assert all(item["already_there"] for item in recorded)
    assert read_all(tmp_path / "demo" / "ledger") == before


def test_it_tells_the_story_in_words(tmp_path: Path) -> None:
    code, stdout = demo(tmp_path / "demo")
    assert code == ExitCode.ALL_WELL
    assert "31 of 40 expenses are in the ledger" in stdout
    assert "bean-check: no errors" in stdout
    assert "account_unknown: Account 9999 does not exist in the accounting system." in stdout
    assert "fava" in stdout
    _, again = demo(tmp_path / "demo")
    assert "31 of them stood there already and were not recorded again" in again


def test_what_the_user_changed_in_its_folder_stays(tmp_path: Path) -> None:
    demo(tmp_path / "demo", "--count", "30")
    settings = tmp_path / "demo" / "pleo-export.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    demo(tmp_path / "demo", "--count", "30")
    assert settings.read_text(encoding="utf-8").endswith("# mine\n")


def test_another_seed_adds_other_expenses_to_the_same_ledger(tmp_path: Path) -> None:
    demo(tmp_path / "demo", "--count", "30")
    code, stdout = demo(tmp_path / "demo", "--count", "30", "--seed", "7", "--json")
    report = json.loads(stdout)
    assert code == ExitCode.ALL_WELL
    assert not any(item["already_there"] for item in items(report))
    assert report["verdict"]["clean"]


def test_the_company_that_books_through_vendors_ends_with_the_trial_balance_worked_out_by_hand(
    tmp_path: Path,
) -> None:
    code, stdout = demo(tmp_path / "demo", "--scenario", "payable", "--json")
    first = json.loads(stdout)
    assert [line for line in first["balance"] if Decimal(line["expected"]) != Decimal(line["ledger"])] == []
    assert first["unexpected"] == []
    assert first["verdict"] == {"clean": True, "available": True, "errors": []}
    assert code == ExitCode.ALL_WELL
    assert [len(job["items"]) for job in first["jobs"]] == [27, 14]
    assert len(first["balance"]) == 34
    assert all(Decimal(total["pleo"]) == Decimal(total["ledger"]) for total in first["totals"])
    before = read_all(tmp_path / "demo" / "ledger")

    code, stdout = demo(tmp_path / "demo", "--scenario", "payable", "--json")
    second = json.loads(stdout)
    assert code == ExitCode.ALL_WELL
    assert second["balance"] == first["balance"]
    assert outcomes(second) == outcomes(first)
    assert all(item["already_there"] for item in items(second) if item["phase"] == "recorded")
    assert read_all(tmp_path / "demo" / "ledger") == before


def test_fava_shows_that_trial_balance(tmp_path: Path) -> None:
    demo(tmp_path / "demo", "--scenario", "payable")
    tree = FavaLedger(str(tmp_path / "demo" / "ledger" / "main.beancount")).get_filtered().root_tree
    shown = {
        (name, currency): number
        for name, account in tree.items()
        for (currency, _cost), number in account.balance.items()
    }
    # Fava leaves out what is zero.
    assert shown == {key: amount for key, amount in PAYABLE.expected_balance().items() if amount}


def test_another_seed_of_that_company_adds_a_month_to_the_same_ledger(tmp_path: Path) -> None:
    demo(tmp_path / "demo", "--scenario", "payable")
    code, stdout = demo(tmp_path / "demo", "--scenario", "payable", "--seed", "7")
    assert code == ExitCode.ALL_WELL
    assert "39 of 41 expenses are in the ledger." in stdout
    assert "DIFFERENT" not in stdout


def test_an_entry_changed_by_hand_shows_in_the_trial_balance_and_in_the_exit_code(tmp_path: Path) -> None:
    demo(tmp_path / "demo", "--scenario", "payable")
    changed = 0
    for path in (tmp_path / "demo" / "ledger").rglob("*.beancount"):
        text = path.read_text(encoding="utf-8")
        if "Expenses:BankFees  " in text:
            path.write_text(text.replace("Expenses:BankFees  ", "Expenses:Meals  "), encoding="utf-8")
            changed += 1
    assert changed == 1
    code, stdout = demo(tmp_path / "demo", "--scenario", "payable")
    assert code == ExitCode.SOMETHING_FAILED
    different = [line.split()[0] for line in stdout.splitlines() if line.rstrip().endswith("DIFFERENT")]
    assert different == ["Expenses:BankFees", "Expenses:Meals"]
