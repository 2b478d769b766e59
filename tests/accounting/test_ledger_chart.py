# ruff: noqa: ASYNC240 - a test may block: nothing else runs in its loop
from datetime import date
from pathlib import Path

import pytest

from pleo_export.accounting.ledger import LedgerConnector, LedgerSettings, check, verify
from pleo_export.accounting.ledger.chart import ChartInvalidError, ChartMissingError, read_chart
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failure_types import JobFailureType
from pleo_export.domain.failures import Finding, Severity
from pleo_export.domain.reference import LedgerVendor
from pleo_export.testing.samples import sample_entry

SMALLEST = """\
title = "Demo"
currency = "EUR"
[[accounts]]
code = "1"
name = "Assets:One"
"""


def test_sections_that_are_left_out_mean_that_there_is_no_such_list(chart_file: Path) -> None:
    chart_file.write_text(SMALLEST)
    data = read_chart(chart_file).reference_data
    assert (data.tax_codes, data.vendors, data.dimensions, data.locked_through) == (None, None, None, None)


def test_a_chart_becomes_reference_data(chart_file: Path) -> None:
    data = read_chart(chart_file).reference_data
    account = data.account(None, "Expenses:OfficeSupplies")
    assert account is not None
    assert (account.code, account.name, account.currencies) == ("6100", "Office supplies", None)
    assert data.accounts["6200"].currencies == frozenset({"EUR"})
    assert not data.accounts["6900"].active
    assert data.vendors == (LedgerVendor("V-1001", "Nordic Paper ApS", account="2400"),)
    assert data.tax_codes is not None
    assert {code.code: code.name for code in data.tax_codes.values()} == {
        "V25": "Purchases 25 %",
        "R25": "Services from abroad 25 %",
        "N0": "Outside VAT",
    }
    assert {code.code for code in data.tax_codes.values() if code.splits} == {"V25", "R25"}
    assert (data.journals, data.currency) == ({"P": "Purchases"}, "EUR")
    assert data.dimensions == {"COST_CENTRE": frozenset({"CC-100", "CC-200"})}
    assert data.locked_through == date(2025, 12, 31)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (
            "Assets:One",
            "assets:one",
            r"accounts\[0\].name = 'assets:one': write it like Expenses:OfficeSupplies",
        ),
        ('"EUR"', '"EURO"', "currency = 'EURO'.*ISO 4217"),
        ('"Demo"', '"!!!"', "title = '!!!': give the ledger a title"),
        ('title = "Demo"', "", "title is missing: add it"),
        ('title = "Demo"', 'title = "Demo"\nlock = 1', "lock = 1: there is no such key"),
        ('title = "Demo"', "title = ", "no TOML text"),
        ('code = "1"', "code = 1", r"accounts\[0\].code = 1: .*string"),
        ('name = "Assets:One"', 'name = "Assets:One"\nactive = "maybe"', r"accounts\[0\].active = 'maybe'"),
        (
            '[[accounts]]\ncode = "1"\nname = "Assets:One"',
            "accounts = []",
            r"accounts = \[\]: add at least one",
        ),
        (
            'name = "Assets:One"',
            'name = "Assets:One"\n[[accounts]]\ncode = "1"\nname = "Assets:Two"',
            "code = '1' stands there 2 times",
        ),
        (
            'name = "Assets:One"',
            'name = "Assets:One"\n[[accounts]]\ncode = "2"\nname = "Assets:One"',
            "name = 'Assets:One' stands there 2 times",
        ),
        (
            'name = "Assets:One"',
            'name = "Assets:One"\n[[vendors]]\nid = "V"\nname = "N"\naccount = "7"',
            r"vendors\[0\].account = '7': add that account",
        ),
        (
            'name = "Assets:One"',
            'name = "Assets:One"\n[[vendors]]\nid = "V"\nname = "N"\n[[vendors]]\nid = "V"\nname = "M"',
            "id = 'V' stands there 2 times",
        ),
        (
            'name = "Assets:One"',
            'name = "Assets:One"\n' + 2 * '[[tax_codes]]\ncode = "V25"\nname = "N"\n',
            "tax_codes: code = 'V25' stands there 2 times, give each its own",
        ),
        (
            'name = "Assets:One"',
            'name = "Assets:One"\n' + 2 * '[[journals]]\ncode = "P"\nname = "N"\n',
            "journals: code = 'P' stands there 2 times, give each its own",
        ),
    ],
)
async def test_a_wrong_chart_is_told_with_key_value_and_remedy(
    ledger: LedgerConnector, chart_file: Path, before: str, after: str, told: str
) -> None:
    chart_file.write_text(SMALLEST.replace(before, after))
    with pytest.raises(ChartInvalidError, match=told) as invalid:
        await ledger.record(sample_entry())
    assert invalid.value.cause is Cause.CHART_INVALID
    findings = errors(await ledger.check())
    assert [finding.type for finding in findings] == [JobFailureType.INVALID_CONFIGURATION]
    assert str(chart_file) in findings[0].problem


async def test_a_missing_chart_is_told(ledger: LedgerConnector, chart_file: Path) -> None:
    chart_file.unlink()
    with pytest.raises(ChartMissingError, match="Create it"):
        await ledger.record(sample_entry())
    assert [one.type for one in errors(await ledger.check())] == [JobFailureType.MISSING_CONFIGURATION]


async def test_a_folder_that_is_a_file_is_told(
    ledger: LedgerConnector, ledger_settings: LedgerSettings
) -> None:
    ledger_settings.folder.write_text("no folder")
    found = errors(await ledger.check())
    assert [one.type for one in found] == [JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE]
    assert "setting `folder`" in found[0].remedy


@pytest.mark.parametrize(
    ("includes", "missing"),
    [
        (["accounts.beancount", "[0-9]*/*/*.beancount"], []),
        (["./accounts.beancount", "20*/**/*.beancount"], []),
        (["**/*.beancount"], []),
        (["accounts.beancount"], ['include "[0-9]*/*/*.beancount"']),
        (["accounts.beancount", "*.beancount"], ['include "[0-9]*/*/*.beancount"']),
        (["accounts.beancount", "entries/*/*.beancount"], ['include "[0-9]*/*/*.beancount"']),
        (["chart.beancount", "20*/*/*.beancount"], ['include "accounts.beancount"']),
        (["20*/*/*.beancount"], ['include "accounts.beancount"']),
        ([], ['include "accounts.beancount"', 'include "[0-9]*/*/*.beancount"']),
    ],
)
async def test_a_main_file_that_leaves_entries_out_is_told(
    ledger: LedgerConnector, ledger_settings: LedgerSettings, includes: list[str], missing: list[str]
) -> None:
    await ledger.record(sample_entry())
    main = ledger_settings.folder / "main.beancount"
    main.write_text("\n".join(['option "title" "Demo ApS"', *(f'include "{one}"' for one in includes)]))
    found = errors(await ledger.check())
    assert [one.remedy.removeprefix("Add the line: ") for one in found] == missing


async def test_another_title_stale_accounts_and_no_bean_check_are_only_warned_of(
    ledger: LedgerConnector,
    ledger_settings: LedgerSettings,
    chart_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await ledger.record(sample_entry())
    assert await ledger.check() == []
    chart_file.write_text(
        chart_file.read_text().replace("Demo ApS", "Other").replace("2025-12-31", "2025-11-30")
    )
    monkeypatch.setattr(check, "bean_check_program", lambda: None)
    found = await ledger.check()
    assert {one.severity for one in found} == {Severity.WARNING}
    told = " ".join(one.problem for one in found)
    assert len(found) == 3
    assert all(word in told for word in ("title", "accounts.beancount", "bean-check"))


def test_bean_check_tells_its_errors(tmp_path: Path) -> None:
    (tmp_path / "main.beancount").write_text('2026-01-01 * "x"\n  Assets:A  1 EUR\n  Assets:B  -2 EUR\n')
    verdict = verify.bean_check(tmp_path, 30)
    assert not verdict.clean
    assert "does not balance" in " ".join(error.message for error in verdict.errors)


def test_without_bean_check_there_is_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "bean_check_program", lambda: None)
    verdict = verify.bean_check(tmp_path, 30)
    assert (verdict.clean, verdict.available) == (False, False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "error"),
    [("echo oops >&2; exit 2", verify.BeanCheckError), ("exec sleep 20", verify.BeanCheckTimeoutError)],
)
def test_a_bean_check_that_breaks_or_hangs_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, error: type[verify.BeanCheckError]
) -> None:
    program = tmp_path / "bean-check"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(verify, "bean_check_program", lambda: str(program))
    with pytest.raises(error):
        verify.bean_check(tmp_path, 0.5)


def errors(findings: object) -> list[Finding]:
    assert isinstance(findings, list)
    return [one for one in findings if one.severity is Severity.ERROR]
