from pathlib import Path
from typing import Any

import pytest

from pleo_export.cli.common import ExitCode
from tests.cli.desk import Desk


def recorded(ledger: Path) -> dict[str, str]:
    """The text of each entry's file by its reference."""
    texts = (path.read_text(encoding="utf-8") for path in ledger.glob("[0-9]*/*/*.beancount"))
    return {text.split('pleo-id: "')[1].split('"')[0]: text for text in texts if 'pleo-id: "' in text}


def texts_of(previews: Any) -> dict[str, str]:
    return {one["accounting_entry_id"]: one["text"] for one in previews if one["text"] is not None}


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["fail", "next_open"])
def test_it_shows_the_same_entries_as_run_records_to_the_letter(desk: Desk, strategy: str) -> None:
    desk.configure(bookkeeping={"closed_period": strategy})
    desk.add_to_chart("[period]\nlocked_through = 2026-01-31\n")
    job = desk.export(45, "demo")
    previews = desk.json("preview", job)
    assert len(previews) == 45

    run = desk.json("run")[0]
    books = recorded(desk.ledger)
    assert len(books) > 15
    # Receipts are not downloaded for a preview: those that are gone fail later.
    gone = {
        item["accounting_entry_id"]
        for item in run["items"]
        if item["failure_type"] == "receipt_download_failure"
    }
    shown = texts_of(previews)
    assert {reference: text for reference, text in shown.items() if reference not in gone} == books

    refused = {
        one["accounting_entry_id"]: one["rejection"]["reason"]
        for one in previews
        if one["rejection"] is not None and one["accounting_entry_id"] not in gone
    }
    failed = {
        item["accounting_entry_id"]: item["failure_reason"]
        for item in run["items"]
        if item["phase"] == "rejected" and item["accounting_entry_id"] not in gone
    }
    assert refused == failed


def test_it_writes_nothing_anywhere(desk: Desk) -> None:
    job = desk.export(5)
    files, calls = desk.files(), len(desk.pleo.audit())
    assert desk.call("preview", job).exit_code == ExitCode.ALL_WELL
    assert desk.files() == files
    assert {call["method"] for call in desk.pleo.audit()[calls:]} == {"GET"}


def test_it_tells_in_words_what_would_fail_and_the_exit_code_says_so(desk: Desk) -> None:
    job = desk.export(30, "demo")
    result = desk.call("preview", job)
    assert result.exit_code == ExitCode.SOMETHING_FAILED
    assert "; would fail, account-unknown: Account 9999 does not exist" in result.stdout
    assert 'reason: "contraAccount: 1910 Pleo EUR Account"' in result.stdout
    assert "23 would be recorded, 7 would fail" in result.stdout
    assert "account-unknown: 1, see errors.md#account-unknown" in result.stdout


@pytest.mark.parametrize("job", ["6f1f4a38-6d0c-4f6a-9d0e-6b6d1d3f2a10", "nonsense"])
def test_what_is_no_job_of_the_company_is_an_error_that_tells_where_to_find_one(desk: Desk, job: str) -> None:
    result = desk.call("preview", job)
    assert result.exit_code == ExitCode.WRONG_SETTINGS
    assert job in result.stderr
    assert "`pleo-export doctor` lists the jobs that wait" in result.stderr
