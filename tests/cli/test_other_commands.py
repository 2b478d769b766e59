import os
import re
import shlex
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pleo_export.cli import app
from pleo_export.cli.common import ExitCode
from pleo_export.config import load_settings
from tests.cli.desk import Desk


def test_doctor_finds_nothing_where_all_is_well_and_lists_the_waiting_jobs(desk: Desk) -> None:
    job = desk.export(3)
    result = desk.call("doctor")
    assert result.exit_code == ExitCode.ALL_WELL
    assert "All well" in result.stdout
    assert f"waiting: job {job}, pending, 3 expenses" in result.stdout


def test_doctor_changes_nothing(desk: Desk) -> None:
    desk.export(3)
    files, calls = desk.files(), len(desk.pleo.audit())
    desk.call("doctor")
    assert desk.files() == files
    assert {call["method"] for call in desk.pleo.audit()[calls:]} == {"GET"}


def test_doctor_names_every_account_that_the_chart_lacks_and_how_to_mend_it(desk: Desk) -> None:
    desk.configure(accounts={"wallet": "1999", "contra": "1998"})
    result = desk.call("doctor")
    assert result.exit_code == ExitCode.SOMETHING_FAILED
    for key, code in (("wallet", "1999"), ("contra", "1998")):
        assert (
            f"accounts.{key} = '{code}': there is no such account in the accounting system." in result.stdout
        )
        assert f"Correct accounts.{key} in the settings" in result.stdout


def test_doctor_says_what_is_wrong_with_the_credential(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLEO_EXPORT_API_KEY", "plp_wrong_key")
    result = desk.call("doctor")
    assert result.exit_code == ExitCode.SOMETHING_FAILED
    assert "Make a new API key in Pleo" in result.stdout
    assert "plp_wrong_key" not in result.output


def test_doctor_warns_of_a_key_file_that_others_can_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    key_file = desk.folder / "key.txt"
    key_file.write_text(desk.key, encoding="utf-8")
    key_file.chmod(0o644)
    monkeypatch.delenv("PLEO_EXPORT_API_KEY")
    desk.configure(pleo={"api_key_file": "key.txt"})
    result = desk.call("doctor")
    assert result.exit_code == ExitCode.ALL_WELL
    assert f"chmod 600 {key_file}" in result.stdout
    key_file.chmod(0o600)
    assert "chmod" not in desk.call("doctor").stdout


def test_doctor_notices_a_store_that_is_another_file(desk: Desk) -> None:
    desk.configure(store={"path": "chart.toml"})
    result = desk.call("doctor")
    assert result.exit_code == ExitCode.SOMETHING_FAILED
    assert "chart.toml' is a file of another kind." in result.stdout


def test_doctor_warns_of_vat_accounts_that_are_not_set(desk: Desk) -> None:
    desk.settings.write_text(
        desk.settings.read_text(encoding="utf-8").replace("\noutput_account", "\n# output_account"),
        encoding="utf-8",
    )
    result = desk.call("doctor")
    assert result.exit_code == ExitCode.ALL_WELL
    assert "vat.output_account not set" in result.stdout


def test_doctor_finds_that_a_chart_without_rates_splits_no_tax(desk: Desk) -> None:
    desk.configure(vat={"handling": "by_code"})
    assert desk.call("doctor").exit_code == ExitCode.ALL_WELL
    chart = desk.folder / "chart.toml"
    chart.write_text(re.sub("\nrate = .*", "", chart.read_text(encoding="utf-8")), encoding="utf-8")
    result = desk.call("doctor")
    assert result.exit_code == ExitCode.SOMETHING_FAILED
    assert "the accounting system has no tax code by which it can split" in result.stdout


def test_doctor_finds_contra_accounts_that_pleo_lacks(desk: Desk) -> None:
    desk.export(2)
    desk.pleo.call("PATCH", f"companies/{desk.company_id}", {"contraAccounts": {}})
    result = desk.call("doctor")
    assert result.exit_code == ExitCode.SOMETHING_FAILED
    assert "Set the contra accounts in Pleo under Settings > Accounting > Contra accounts" in result.stdout


def test_a_place_that_cannot_be_used_is_named_in_a_sentence(desk: Desk) -> None:
    (desk.folder / "file").write_text("", encoding="utf-8")
    desk.configure(store={"path": "file/store.db"})
    result = desk.call("run")
    assert result.exit_code in (ExitCode.WRONG_SETTINGS, ExitCode.NOT_REACHED)
    assert "file" in result.stderr
    assert "Traceback" not in result.output
    onto_a_file = CliRunner().invoke(app, ["init", str(desk.folder / "file")])
    assert onto_a_file.exit_code == ExitCode.WRONG_SETTINGS
    assert "Choose another place" in onto_a_file.stderr


def test_a_simulator_whose_port_is_taken_says_what_to_choose() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(app, ["simulator", "--port", port])
    assert result.exit_code == ExitCode.WRONG_SETTINGS
    assert f"127.0.0.1:{port}: Address already in use. Choose --host or --port." in " ".join(
        result.stderr.split()
    )


def test_init_says_what_is_wrong_with_a_key_that_cannot_be_sent(tmp_path: Path) -> None:
    key = tmp_path / "key.txt"
    key.write_text("schl\u00fcssel", encoding="utf-8")
    result = CliRunner().invoke(app, ["init", str(tmp_path / "books"), "--api-key-file", str(key)])
    assert result.exit_code == ExitCode.WRONG_SETTINGS
    assert "key.txt" in result.stderr
    assert not (tmp_path / "books").exists()


@pytest.mark.slow
def test_doctor_lets_bean_check_read_a_ledger_that_is_there(desk: Desk) -> None:
    desk.export(1)
    desk.call("run")
    with (desk.ledger / "main.beancount").open("a", encoding="utf-8") as main:
        main.write('2026-01-01 * "edited by hand"\n  Expenses:Nowhere  1.00 EUR\n  Assets:Pleo:EUR\n')
    result = desk.call("doctor")
    assert result.exit_code == ExitCode.SOMETHING_FAILED
    assert "Invalid reference to unknown account 'Expenses:Nowhere'" in result.stdout


@pytest.mark.slow
def test_status_tells_of_jobs_newest_first_and_asks_nobody(desk: Desk) -> None:
    assert "No job was exported yet." in desk.call("status").stdout
    jobs = [desk.export(2, seed=1), desk.export(30, "demo", seed=2)]
    desk.call("run")
    calls = len(desk.pleo.audit())
    shown = desk.json("status")
    assert [job["job_id"] for job in shown] == jobs[::-1]
    assert [job["closing_event"] for job in shown] == ["completed_with_errors", "completed"]
    assert shown[0]["counts"] == {"planned": 0, "intended": 0, "recorded": 21, "rejected": 9}
    assert len(desk.pleo.audit()) == calls
    shown_to_people = desk.call("status", "--limit", "5").stdout
    assert jobs[0] in shown_to_people
    assert f"Job {jobs[1]}: 9 failed." in shown_to_people
    assert "account-unknown: 1, see errors.md#account-unknown" in shown_to_people
    assert jobs[0] not in desk.call("status", "--limit", "1").stdout


def test_init_writes_files_that_load_and_never_overwrites(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    command = ["init", str(folder), "--company-id", "5F0C7F4E-1D54-4A6E-9A6B-0D8C1F3A2B10"]
    assert CliRunner().invoke(app, command).exit_code == ExitCode.ALL_WELL
    assert (
        load_settings(folder / "pleo-export.toml").pleo.company_id == "5f0c7f4e-1d54-4a6e-9a6b-0d8c1f3a2b10"
    )
    (folder / "chart.toml").write_text("mine", encoding="utf-8")
    (folder / "pleo-export.toml").unlink()
    again = CliRunner().invoke(app, command)
    assert again.exit_code == ExitCode.WRONG_SETTINGS
    assert f"{folder / 'chart.toml'} is there already and stays as it is" in again.stderr
    assert (folder / "chart.toml").read_text(encoding="utf-8") == "mine"
    assert not (folder / "pleo-export.toml").exists()


def test_init_names_what_is_left_to_do_and_nothing_that_was_given(tmp_path: Path) -> None:
    said = CliRunner().invoke(app, ["init", str(tmp_path / "one")]).stdout
    assert "1. put your company id from Pleo" in said
    assert "4. pleo-export doctor" in said
    company = ["--company-id", "5F0C7F4E-1D54-4A6E-9A6B-0D8C1F3A2B10"]
    said = CliRunner().invoke(app, ["init", str(tmp_path / "two"), *company]).stdout
    assert "company id" not in said
    assert "3. pleo-export doctor" in said


def test_init_refuses_an_id_that_is_none(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["init", str(tmp_path), "--company-id", "acme"])
    assert result.exit_code == ExitCode.WRONG_SETTINGS
    assert "is no UUID" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["nonsense", "ftp://x", "http://pleo.example.com"])
def test_init_refuses_an_address_that_the_settings_may_not_hold(tmp_path: Path, address: str) -> None:
    result = CliRunner().invoke(app, ["init", str(tmp_path), "--base-url", address])
    assert result.exit_code == ExitCode.WRONG_SETTINGS
    assert "--base-url: The Pleo base URL " in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_init_says_to_call_next_can_be_copied(tmp_path: Path) -> None:
    folder = tmp_path / "our books"
    said = CliRunner().invoke(app, ["init", str(folder)]).stdout.splitlines()[-1]
    assert shlex.split(said)[1:] == ["pleo-export", "doctor", "--settings", f"{folder / 'pleo-export.toml'}"]


@pytest.mark.parametrize(
    "command", ["demo", "init", "doctor", "preview", "run", "settings suggest", "status", "simulator"]
)
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--help"])
    assert result.exit_code == ExitCode.ALL_WELL
    assert len(result.stdout.split()) > 30


def test_init_asks_pleo_whose_key_it_is_where_no_company_was_named(desk: Desk, tmp_path: Path) -> None:
    key = tmp_path / "key.txt"
    key.write_text(f"{desk.key}\n", encoding="ascii")
    for name in ("first", "second"):  # the second time the installation is there
        command = ["init", str(tmp_path / name), "--api-key-file", str(key), "--base-url", desk.url]
        assert CliRunner().invoke(app, command).exit_code == ExitCode.ALL_WELL
        written = load_settings(tmp_path / name / "pleo-export.toml")
        assert (written.pleo.company_id, written.pleo.base_url) == (desk.company_id, desk.url)
        assert written.pleo.api_key_file == key
    heard = [one for one in desk.pleo.audit() if one["companyId"] == desk.company_id]
    asked = [f"{one['method']} {one['path'].removeprefix('/v1/installations/me')}" for one in heard]
    assert asked == ["GET ", "POST ", "POST :activate", "GET "]


def test_init_with_a_key_of_another_company_writes_nothing(desk: Desk, tmp_path: Path) -> None:
    key = tmp_path / "key.txt"
    key.write_text(f"{desk.key}\n", encoding="ascii")
    other = "5f0c7f4e-1d54-4a6e-9a6b-0d8c1f3a2b10"
    command = ["init", str(tmp_path / "new"), "--api-key-file", str(key), "--base-url", desk.url]
    refused = CliRunner().invoke(app, [*command, "--company-id", other])
    assert refused.exit_code == ExitCode.WRONG_SETTINGS
    assert f"The key is of company {desk.company_id}, not of {other}." in refused.stderr
    assert not (tmp_path / "new").exists()


def test_init_asks_nothing_of_pleo_where_it_would_overwrite(desk: Desk, tmp_path: Path) -> None:
    key = tmp_path / "key.txt"
    key.write_text(f"{desk.key}\n", encoding="ascii")
    (tmp_path / "pleo-export.toml").write_text("", encoding="utf-8")
    calls = len(desk.pleo.audit())
    command = ["init", str(tmp_path), "--api-key-file", str(key), "--base-url", desk.url]
    assert CliRunner().invoke(app, command).exit_code == ExitCode.WRONG_SETTINGS
    assert len(desk.pleo.audit()) == calls


def test_doctor_names_a_store_that_this_user_may_not_write(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = load_settings(desk.settings).store.path
    store.write_bytes(b"SQLite format 3\0")
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != store and allowed(path, mode))
    result = desk.call("doctor")
    assert result.exit_code == ExitCode.SOMETHING_FAILED
    assert f"store.path = '{store}' cannot be made or written" in result.stdout
    assert "waiting" not in result.stderr
