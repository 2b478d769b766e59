"""The settings file: what is wrong is said with the key, the value and the remedy, and nothing else happens."""

import re
from pathlib import Path
from typing import Any

import pytest

from pleo_export.accounting.ledger.chart import read_chart
from pleo_export.cli.init import example_chart, settings_text
from pleo_export.config import Secrets, SettingsError, api_key, load_settings, odoo_api_key
from pleo_export.domain.check import settings_findings

ODOO = {"odoo.url": "https://books.example.com", "odoo.database": "books"}
COMPANY = "5f0c7f4e-1d54-4a6e-9a6b-0d8c1f3a2b10"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "pleo-export.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(path: Path) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    assert str(path) in str(caught.value)
    return caught.value.problems


def test_the_file_that_init_writes_is_valid_and_all_its_paths_start_at_its_folder(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, settings_text({"pleo.company_id": COMPANY})))
    assert settings.pleo.company_id == COMPANY
    assert settings.ledger is not None
    assert settings.ledger.folder == tmp_path / "ledger"
    assert settings.ledger.chart == tmp_path / "chart.toml"
    assert settings.store.path == tmp_path / "pleo-export.db"


@pytest.mark.parametrize("system", [{}, ODOO], ids=["ledger", "odoo"])
def test_every_commented_line_of_it_becomes_valid_when_the_comment_sign_is_removed(
    tmp_path: Path, system: dict[str, Any]
) -> None:
    text = settings_text({"pleo.company_id": COMPANY, **system})
    uncommented = re.sub(r"^# (\[[\w.]+\]|\w+ = .*)$", r"\1", text, flags=re.MULTILINE)
    settings = load_settings(written(tmp_path, uncommented))
    for name, section in ((name, section) for name, section in settings if section is not None):
        assert section.model_fields_set == type(section).model_fields.keys(), name
    assert settings.mapping.tax_codes["I25"].input_account == "2640"
    assert settings.bookkeeping.posting_by_type == {"invoice": "final"}


def test_what_the_commented_lines_name_is_in_the_chart_that_init_writes(tmp_path: Path) -> None:
    text = settings_text({"pleo.company_id": COMPANY})
    uncommented = re.sub(r"^# (\[[\w.]+\]|\w+ = .*)$", r"\1", text, flags=re.MULTILINE)
    (tmp_path / "chart.toml").write_text(example_chart(), encoding="utf-8")
    company = load_settings(written(tmp_path, uncommented)).company
    assert company.accounts.exchange_difference is not None
    assert settings_findings(company, read_chart(tmp_path / "chart.toml").reference_data) == []


GIVEN: dict[str, dict[str, Any]] = {
    "mapping.accounts": {"6100": "4000", 'Travel & "more".': "40 10", "Café": "4020"},
    "mapping.tax_codes": {"V25": {"code": "I25", "output_account": "2610"}},
    "mapping.vendors": {"DK 1": "V-1"},
    "mapping.dimensions": {"COST_CENTRE": "Cost\tcentre\x7f"},
    "bookkeeping.posting_by_type": {"card_purchase": "final"},
}


def test_every_table_that_is_written_is_read_back_as_it_was(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, settings_text({"pleo.company_id": COMPANY, **GIVEN})))
    for dotted, table in GIVEN.items():
        section, _, key = dotted.partition(".")
        read = getattr(settings, section).model_dump(exclude_none=True)[key]
        assert read == table, dotted


def test_what_decides_how_expenses_are_booked_is_all_of_the_file_but_the_places(tmp_path: Path) -> None:
    given = {"pleo.company_id": COMPANY, "journals.general": "MISC", "vat.handling": "by_code"}
    settings = load_settings(written(tmp_path, settings_text({**given, **GIVEN})))
    company = settings.company
    assert {
        name: section
        for name, section in settings
        if name not in ("pleo", "ledger", "odoo", "store", "notify")
    } == dict(company)
    assert (company.journals.general, company.vat.handling) == ("MISC", "by_code")


@pytest.mark.parametrize(
    ("addition", "problem"),
    [
        (
            '[mapping.tax_codes.V25]\ninput_acount = "1"',
            (
                "mapping.tax_codes.V25.input_acount: there is no such setting"
                " (did you mean mapping.tax_codes.V25.input_account?); correct or remove it"
            ),
        ),
        (
            "[mapping.accounts]\n6100 = 4000",
            "mapping.accounts.6100 = 4000: must be text: put it into quotes. Categories and contra accounts of Pleo",
        ),
        (
            '[mapping.accounts]\n"Team event" = ""',
            "mapping.accounts.\"Team event\" = '': must not be empty. Categories and contra accounts of Pleo",
        ),
        (
            '[mapping.tax_codes]\nV25 = "I25"',
            "mapping.tax_codes.V25 = 'I25': must be a section of its own",
        ),
        (
            '[mapping]\naccount = "4000"',
            "mapping.account: there is no such setting (did you mean mapping.accounts?); correct or remove it",
        ),
        ("[mapping]\naccounts = 3", "mapping.accounts = 3: must be a section of its own"),
        (
            '[bookkeeping.posting_by_type]\ninvoices = "final"',
            (
                "bookkeeping.posting_by_type.invoices: there is no such setting"
                " (did you mean bookkeeping.posting_by_type.invoice?); correct or remove it"
            ),
        ),
        (
            '[bookkeeping.posting_by_type]\ninvoice = "posted"',
            "bookkeeping.posting_by_type.invoice = 'posted': Input should be 'draft' or 'final'. Types of expense",
        ),
        (
            '[bookkeeping]\ndescription = "{suplier}"',
            "bookkeeping.description = '{suplier}': holds {suplier}; only the plain names are allowed",
        ),
        (
            '[bookkeeping]\ndescription = "{supplier!r:>9}"',
            "bookkeeping.description = '{supplier!r:>9}': holds {supplier!r:>9}; only the plain names are allowed",
        ),
        ('[mapping.nothing]\nx = "1"', "mapping.nothing: there is no such setting; correct or remove it"),
    ],
)
def test_a_mistake_in_a_table_is_named_by_its_place(tmp_path: Path, addition: str, problem: str) -> None:
    text = settings_text({"pleo.company_id": COMPANY})
    for section in ("[mapping]", "[bookkeeping]"):
        if addition.startswith(section):
            text = text.replace(f"\n{section}\n", f"\n{addition}\n")
            break
    else:
        text += addition
    (found,) = problems(written(tmp_path, text))
    assert found.startswith(problem)


def test_a_misspelt_key_is_named_with_the_one_that_was_meant(tmp_path: Path) -> None:
    text = settings_text({"pleo.company_id": COMPANY}).replace("wallet =", "walet =")
    found = problems(written(tmp_path, text))
    assert (
        "accounts.walet: there is no such setting (did you mean accounts.wallet?); correct or remove it"
        in found
    )
    assert any(one.startswith("accounts.wallet is missing; add it.") for one in found)


def test_a_wrong_value_is_shown_with_what_the_setting_means(tmp_path: Path) -> None:
    text = settings_text({"pleo.company_id": COMPANY, "bookkeeping.posting": "perhaps"})
    (found,) = problems(written(tmp_path, text))
    assert found.startswith("bookkeeping.posting = 'perhaps': Input should be 'draft' or 'final'.")
    assert "entries wait for a review" in found


def test_a_company_id_that_is_no_uuid_is_refused(tmp_path: Path) -> None:
    (found,) = problems(written(tmp_path, settings_text({"pleo.company_id": "ACME"})))
    assert found.startswith("pleo.company_id = 'ACME': is no UUID")


@pytest.mark.parametrize("url", ["http://external.pleo.io", "ftp://127.0.0.1", "nonsense"])
def test_an_address_that_would_give_the_key_away_is_refused(tmp_path: Path, url: str) -> None:
    (found,) = problems(written(tmp_path, settings_text({"pleo.company_id": COMPANY, "pleo.base_url": url})))
    assert found.startswith(f"pleo.base_url = '{url}': The Pleo base URL")


def test_a_password_in_an_address_is_not_repeated(tmp_path: Path) -> None:
    values = {"pleo.company_id": COMPANY, "pleo.base_url": "https://me:topsecret@external.pleo.io"}
    (found,) = problems(written(tmp_path, settings_text(values)))
    assert "topsecret" not in found


def test_plain_http_is_accepted_for_this_machine(tmp_path: Path) -> None:
    values = {"pleo.company_id": COMPANY, "pleo.base_url": "http://127.0.0.1:8400/"}
    assert load_settings(written(tmp_path, settings_text(values))).pleo.base_url == "http://127.0.0.1:8400"


def test_broken_toml_is_reported_with_its_place(tmp_path: Path) -> None:
    (found,) = problems(written(tmp_path, "[pleo\ncompany_id = 1"))
    assert "not valid TOML" in found
    assert "line 1" in found


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    (found,) = problems(tmp_path / "nowhere.toml")
    assert "pleo-export init" in found


def test_a_file_in_another_encoding_says_so(tmp_path: Path) -> None:
    path = tmp_path / "pleo-export.toml"
    path.write_bytes("[pleo]\n# Café".encode("latin-1"))
    assert "UTF-8" in problems(path)[0]


def test_files_with_a_byte_order_mark_are_read_as_windows_saves_them(tmp_path: Path) -> None:
    path, chart = tmp_path / "pleo-export.toml", tmp_path / "chart.toml"
    path.write_text(settings_text({"pleo.company_id": COMPANY}), encoding="utf-8-sig")
    chart.write_text(example_chart(), encoding="utf-8-sig")
    assert load_settings(path).pleo.company_id == COMPANY
    assert read_chart(chart).reference_data.accounts


def test_the_key_comes_from_the_environment_before_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key.txt").write_text("from-file\n", encoding="utf-8")
    path = written(tmp_path, settings_text({"pleo.company_id": COMPANY, "pleo.api_key_file": "key.txt"}))
    settings = load_settings(path)
    monkeypatch.delenv("PLEO_EXPORT_API_KEY", raising=False)
    assert api_key(settings, Secrets(), path).get_secret_value() == "from-file"
    monkeypatch.setenv("PLEO_EXPORT_API_KEY", "from-environment")
    assert api_key(settings, Secrets(), path).get_secret_value() == "from-environment"


def test_without_any_key_both_places_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLEO_EXPORT_API_KEY", raising=False)
    path = written(tmp_path, settings_text({"pleo.company_id": COMPANY}))
    with pytest.raises(SettingsError) as caught:
        api_key(load_settings(path), Secrets(), path)
    assert "PLEO_EXPORT_API_KEY" in str(caught.value)
    assert "pleo.api_key_file" in str(caught.value)


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_a_key_file_that_is_absent_or_empty_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    monkeypatch.delenv("PLEO_EXPORT_API_KEY", raising=False)
    if content is not None:
        (tmp_path / "key.txt").write_text(content, encoding="utf-8")
    path = written(tmp_path, settings_text({"pleo.company_id": COMPANY, "pleo.api_key_file": "key.txt"}))
    with pytest.raises(SettingsError, match=r"key\.txt"):
        api_key(load_settings(path), Secrets(), path)


def test_secrets_never_show_in_a_representation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLEO_EXPORT_API_KEY", "plp_very_secret")
    assert "plp_very_secret" not in repr(Secrets())


def test_the_example_chart_is_the_one_that_the_ledger_reads(tmp_path: Path) -> None:
    path = tmp_path / "chart.toml"
    path.write_text(example_chart(), encoding="utf-8")
    codes = {account.code for account in read_chart(path).accounts}
    assert {"1910", "1990", "2400", "2450", "2610", "2640"} <= codes


def test_a_number_in_place_of_text_says_that_it_wants_quotes(tmp_path: Path) -> None:
    text = settings_text({"pleo.company_id": COMPANY}).replace('wallet = "1910"', "wallet = 1910")
    (found,) = problems(written(tmp_path, text))
    assert found.startswith("accounts.wallet = 1910: must be text: put it into quotes.")


def test_a_value_in_place_of_a_section_says_how_a_section_looks(tmp_path: Path) -> None:
    found = problems(
        written(tmp_path, "vat = 3\n" + settings_text({"pleo.company_id": COMPANY}).split("[vat]")[0])
    )
    assert any(one.startswith("vat = 3: must be a section of its own: [name] on one line") for one in found)


def test_expenses_go_to_one_accounting_system(tmp_path: Path) -> None:
    text = settings_text({"pleo.company_id": COMPANY})
    other = '[odoo]\nurl = "https://books.example.com"\ndatabase = "books"\n'
    (both,) = problems(written(tmp_path, text + other))
    assert both == "expenses go to one accounting system: a section [ledger] or [odoo]; both are there"
    before, after = text.split("[ledger]")
    (neither,) = problems(written(tmp_path, before + "[vat]" + after.split("[vat]")[1]))
    assert neither == "expenses go to one accounting system: a section [ledger] or [odoo]; neither is there"


def test_odoos_key_file_lies_beside_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLEO_EXPORT_ODOO_API_KEY", raising=False)
    (tmp_path / "odoo.txt").write_text("from-file\n", encoding="utf-8")
    given = {"pleo.company_id": COMPANY, **ODOO}
    settings = load_settings(written(tmp_path, settings_text({**given, "odoo.api_key_file": "odoo.txt"})))
    assert odoo_api_key(settings, Secrets()).get_secret_value() == "from-file"
    path = written(tmp_path, settings_text(given))
    with pytest.raises(SettingsError, match="PLEO_EXPORT_ODOO_API_KEY") as caught:
        odoo_api_key(load_settings(path), Secrets())
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["amber\nbronze\n", "wörd"])
def test_a_key_of_odoo_is_one_word_that_can_be_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.delenv("PLEO_EXPORT_ODOO_API_KEY", raising=False)
    key = tmp_path / "key.txt"
    key.write_text(text, encoding="utf-8")
    given = {"pleo.company_id": COMPANY, **ODOO, "odoo.api_key_file": str(key)}
    settings = load_settings(written(tmp_path, settings_text(given)))
    with pytest.raises(SettingsError, match="API key of Odoo") as caught:
        odoo_api_key(settings, Secrets())
    assert text[:4] not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://books.example.com",
        "http://8.8.8.8:8069",
        "https://me:secret@books.example.com",
        "https://books.example.com/odoo",
        "https://books.example.com/web/login?db=books",
        "ftp://odoo",
    ],
)
def test_an_address_of_odoo_that_is_more_or_would_give_the_key_away_is_refused(
    tmp_path: Path, url: str
) -> None:
    values = {"pleo.company_id": COMPANY, **ODOO, "odoo.url": url}
    (found,) = problems(written(tmp_path, settings_text(values)))
    assert found.startswith("odoo.url = ")
    assert "secret" not in found


@pytest.mark.parametrize("url", ["http://127.0.0.1:8069", "http://odoo:8069", "http://192.168.1.5:8069/"])
def test_plain_http_is_accepted_within_the_own_network(tmp_path: Path, url: str) -> None:
    settings = load_settings(
        written(tmp_path, settings_text({"pleo.company_id": COMPANY, **ODOO, "odoo.url": url}))
    )
    assert settings.odoo is not None
    assert settings.odoo.url == url.rstrip("/")
