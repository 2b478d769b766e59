"""The demonstration, as a new user runs it."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pleo_export.cli.common import ExitCode

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


def outcomes(report: Any) -> dict[str, tuple[str, str | None]]:
    return {
        item["accounting_entry_id"]: (item["phase"], item["failure_type"]) for item in report["job"]["items"]
    }


def test_every_outcome_is_as_expected_and_a_second_run_records_nothing_twice(tmp_path: Path) -> None:
    code, stdout = demo(tmp_path / "demo", "--json")
    first = json.loads(stdout)
    assert code == ExitCode.ALL_WELL
    assert first["unexpected"] == []
    assert first["verdict"] == {"clean": True, "available": True, "errors": []}
    assert len(first["job"]["items"]) == 40
    assert sum(item["phase"] == "rejected" for item in first["job"]["items"]) == 9
    currencies = {"EUR", "DKK", "SEK", "GBP", "USD", "NOK"}
    assert {total["name"] for total in first["totals"]} >= {f"wallet {currency}" for currency in currencies}
    assert sum(total["name"].startswith("spend ") for total in first["totals"]) > 3
    assert all(Decimal(total["pleo"]) == Decimal(total["ledger"]) for total in first["totals"])
    before = read_all(tmp_path / "demo" / "ledger")

    code, stdout = demo(tmp_path / "demo", "--json")
    second = json.loads(stdout)
    assert code == ExitCode.ALL_WELL
    assert outcomes(second) == outcomes(first)
    recorded = [item for item in second["job"]["items"] if item["phase"] == "recorded"]
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
    assert not any(item["already_there"] for item in report["job"]["items"])
    assert report["verdict"]["clean"]
