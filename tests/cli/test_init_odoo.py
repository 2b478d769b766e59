"""`init --connector odoo`: asks, looks, shows, and only then writes."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pleo_export.cli import app
from pleo_export.cli.common import ExitCode
from pleo_export.config import Secrets, load_settings, odoo_api_key
from tests.odoo.server import OdooDatabase

COMPANY = "5f0c7f4e-1d54-4a6e-9a6b-0d8c1f3a2b10"


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLEO_EXPORT_ODOO_API_KEY", raising=False)


def init(folder: Path, *options: str, typed: str = "") -> Result:
    command = ["init", str(folder), "--company-id", COMPANY, "--connector", "odoo", *options]
    return CliRunner().invoke(app, command, input=typed)


def test_nothing_is_written_where_odoo_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLEO_EXPORT_ODOO_API_KEY", "very-secret")
    result = init(tmp_path / "new", "--odoo-url", "http://127.0.0.1:9", "--odoo-database", "books")
    assert result.exit_code == ExitCode.NOT_REACHED
    assert "127.0.0.1:9" in result.stderr
    assert not (tmp_path / "new").exists()


def test_an_address_that_gives_the_key_away_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLEO_EXPORT_ODOO_API_KEY", "very-secret")
    result = init(tmp_path / "new", "--odoo-url", "http://books.example.com", "--odoo-database", "books")
    assert result.exit_code == ExitCode.WRONG_SETTINGS
    assert "https://" in result.stderr


def test_a_file_with_two_keys_is_refused_in_words(tmp_path: Path) -> None:
    key = tmp_path / "key.txt"
    key.write_text("one-key\nanother-key\n", encoding="utf-8")
    given = ["--odoo-url", "http://127.0.0.1:9", "--odoo-database", "books", "--odoo-api-key-file", str(key)]
    result = init(tmp_path / "new", *given)
    assert result.exit_code == ExitCode.WRONG_SETTINGS
    assert "Copy it again" in result.stderr
    assert "one-key" not in result.output


def test_an_address_out_of_the_browser_is_refused_with_what_to_take_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLEO_EXPORT_ODOO_API_KEY", "very-secret")
    result = init(tmp_path / "new", "--odoo-url", "https://books.example.com/odoo", "--odoo-database", "b")
    assert result.exit_code == ExitCode.WRONG_SETTINGS
    assert "what stands before /odoo" in " ".join(result.stderr.split())


@pytest.mark.slow
def test_it_shows_the_company_and_asks_before_it_writes(tmp_path: Path, odoo: OdooDatabase) -> None:
    folder = tmp_path / "new"
    answers = f"{odoo.url}\n{odoo.name}\n{odoo.key}\n"
    refused = init(folder, typed=answers + "n\n")
    assert refused.exit_code == 1
    assert not folder.exists()
    result = init(folder, typed=answers + "y\n")
    assert result.exit_code == 0, result.output
    assert "company Acme ApS (number 1), books in DKK" in result.stdout
    assert "Miscellaneous Operations" in result.stdout
    assert odoo.key not in result.output
    settings = load_settings(folder / "pleo-export.toml")
    assert settings.odoo is not None
    assert (settings.odoo.url, settings.odoo.database, settings.odoo.company_id) == (odoo.url, odoo.name, 1)
    journals = settings.journals
    assert (journals.general, journals.purchases, journals.payments) == ("MISC", "BILL", "MISC")
    assert odoo_api_key(settings, Secrets()).get_secret_value() == odoo.key
    assert (folder / "odoo-api-key.txt").stat().st_mode & 0o777 == 0o600
    assert not (folder / "chart.toml").exists()


def test_a_key_that_is_kept_there_already_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "odoo-api-key.txt").write_text("the only copy", encoding="ascii")
    refused = init(tmp_path, typed="http://127.0.0.1:1\nnone\nanother\n")
    assert refused.exit_code == ExitCode.WRONG_SETTINGS
    assert "--odoo-api-key-file" in refused.stderr
    assert (tmp_path / "odoo-api-key.txt").read_text(encoding="ascii") == "the only copy"


@pytest.mark.slow
def test_nothing_is_asked_where_all_is_given(tmp_path: Path, odoo: OdooDatabase) -> None:
    key = tmp_path / "key"
    key.write_text(odoo.admin_key, encoding="ascii")
    given = ["--odoo-url", odoo.url, "--odoo-database", odoo.name, "--odoo-api-key-file", str(key)]
    result = init(tmp_path / "named", *given, "--odoo-company", "Other ApS")
    assert result.exit_code == 0, result.output
    settings = load_settings(tmp_path / "named" / "pleo-export.toml")
    assert settings.odoo is not None
    assert (settings.odoo.company_id, settings.odoo.api_key_file) == (odoo.other_company_id, key)
    unknown = init(tmp_path / "unknown", *given, "--odoo-company", "Nobody ApS")
    assert unknown.exit_code == ExitCode.WRONG_SETTINGS
    assert "1 Acme ApS, 2 Other ApS" in unknown.stderr
    chosen = init(tmp_path / "chosen", *given, typed="1\ny\n")
    assert chosen.exit_code == 0, chosen.output


@pytest.mark.slow
def test_a_wrong_key_is_told_and_nothing_is_written(
    tmp_path: Path, odoo: OdooDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLEO_EXPORT_ODOO_API_KEY", "very-secret")
    result = init(tmp_path / "new", "--odoo-url", odoo.url, "--odoo-database", odoo.name)
    assert result.exit_code == ExitCode.NOT_REACHED
    assert "very-secret" not in result.output
    assert not (tmp_path / "new").exists()
