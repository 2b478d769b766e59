from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from pleo_export.cli.common import ExitCode
from tests.cli.desk import Desk


def test_without_a_job_it_says_so_and_all_is_well(desk: Desk) -> None:
    result = desk.call("run")
    assert result.exit_code == ExitCode.ALL_WELL
    assert "Nothing to do: no export job waits in Pleo." in result.stdout


@pytest.mark.slow
def test_it_exports_every_waiting_job_oldest_first(desk: Desk) -> None:
    jobs = [desk.export(3, seed=1), desk.export(4, seed=2)]
    summaries = desk.json("run")
    assert [summary["job_id"] for summary in summaries] == jobs
    assert [summary["event"] for summary in summaries] == ["completed", "completed"]
    assert [len(summary["items"]) for summary in summaries] == [3, 4]


@pytest.mark.slow
def test_failed_expenses_are_listed_with_their_reasons_and_the_exit_code_tells(desk: Desk) -> None:
    desk.export(30, "demo")
    result = desk.call("run")
    assert result.exit_code == ExitCode.SOMETHING_FAILED
    assert "completed_with_errors" in result.stdout
    assert (
        "account-unknown: 1, see errors.md#account-unknown\n    Account 9999 does not exist" in result.stdout
    )
    assert "7 Complete (completed_with_errors)" in result.stderr


@pytest.mark.slow
def test_a_receipt_that_is_left_out_is_told_by_run_and_status_and_comes_with_the_next_export(
    desk: Desk,
) -> None:
    desk.configure(bookkeeping={"attachment_failure": "record_without"})
    (entry_id,) = desk.pleo.generate(desk.company_id, 1, seed=1)
    desk.pleo.call("PUT", f"companies/{desk.company_id}/expenses/{entry_id}", {"files": [{"kind": "gone"}]})
    desk.pleo.press_export(desk.company_id, [entry_id])
    lacking = "  Recorded without all of its receipts. Receipt 1 of this expense could not be downloaded"
    result = desk.call("run")
    assert result.exit_code == ExitCode.ALL_WELL
    for told in (result.stdout, desk.call("status").stdout):
        assert lacking in told
        assert f"      {entry_id}" in told
    (entry,) = desk.ledger.glob(f"2026/*/{entry_id}.beancount")
    assert 'missing-file-1: "Receipt 1' in entry.read_text(encoding="utf-8")

    desk.pleo.call("PUT", f"companies/{desk.company_id}/expenses/{entry_id}", {"files": [{"kind": "pdf"}]})
    desk.pleo.press_export(desk.company_id, [entry_id])
    again = desk.call("run").stdout
    assert "1 recorded (1 of them stood there already), 0 failed" in again
    assert lacking not in again
    assert (entry.parent / f"{entry_id}.1.pdf").exists()


@pytest.mark.slow
def test_an_expense_that_is_exported_again_stands_there_already(desk: Desk) -> None:
    ids = desk.pleo.generate(desk.company_id, 3, seed=1)
    desk.pleo.press_export(desk.company_id, ids)
    desk.call("run")
    before = desk.files()
    desk.pleo.press_export(desk.company_id, ids)
    assert "3 recorded (3 of them stood there already)" in desk.call("run").stdout
    after = desk.files()
    assert {name: data for name, data in after.items() if name.startswith("ledger/")} == {
        name: data for name, data in before.items() if name.startswith("ledger/")
    }


@pytest.mark.slow
def test_an_expense_that_has_changed_since_it_was_recorded_fails_and_says_so(desk: Desk) -> None:
    (entry_id,) = desk.pleo.generate(desk.company_id, 1, seed=1)
    desk.pleo.press_export(desk.company_id, [entry_id])
    desk.call("run")
    desk.pleo.call("PUT", f"companies/{desk.company_id}/expenses/{entry_id}", {"note": "another note"})
    desk.pleo.press_export(desk.company_id, [entry_id])
    result = desk.call("run")
    assert result.exit_code == ExitCode.SOMETHING_FAILED
    assert "already holds an entry for this expense" in result.stdout
    assert "with other content" in result.stdout


def test_a_wrong_key_ends_with_what_to_do_and_records_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.export(2)
    monkeypatch.setenv("PLEO_EXPORT_API_KEY", "plp_wrong_key")
    result = desk.call("run")
    assert result.exit_code == ExitCode.NOT_REACHED
    assert "Pleo did not accept the credential" in result.stderr
    assert "plp_wrong_key" not in result.output
    assert not desk.ledger.exists()


def test_a_pleo_that_is_not_there_ends_with_a_sentence(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pleo_export.pleo.limits.tries_max", 1)
    desk.configure(pleo={"base_url": "http://127.0.0.1:9"})
    result = desk.call("run")
    assert result.exit_code == ExitCode.NOT_REACHED
    assert "Pleo was not reached" in result.stderr


class _Html(BaseHTTPRequestHandler):
    """What a proxy in front of Pleo may answer."""

    def do_GET(self) -> None:
        page = b"<html><body>Please sign in to the network</body></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.slow
def test_a_page_in_place_of_pleo_is_an_error_that_says_what_came(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pleo_export.pleo.limits.tries_max", 1)
    with HTTPServer(("127.0.0.1", 0), _Html) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        desk.configure(pleo={"base_url": f"http://127.0.0.1:{server.server_port}"})
        result = desk.call("run")
        server.shutdown()
    assert result.exit_code == ExitCode.NOT_REACHED
    assert "text/html" in result.stderr
    assert "sign in" not in result.stderr
    assert not desk.ledger.exists()


def test_an_account_that_the_chart_lacks_fails_the_job_early_with_the_key_that_names_it(desk: Desk) -> None:
    job = desk.export(2)
    desk.configure(accounts={"wallet": "1999"})
    summary: Any = desk.json("run")[0]
    assert summary["event"] == "failed"
    assert summary["items"] == []
    assert "accounts.wallet = '1999': there is no such account" in summary["reason"]
    in_pleo = next(one for one in desk.pleo.company(desk.company_id)["jobs"] if one["id"] == job)
    assert in_pleo["failureReasonType"] == "invalid_configuration"


def test_a_broken_settings_file_stops_it_before_anything_else(desk: Desk) -> None:
    desk.settings.write_text("[pleo]\n", encoding="utf-8")
    result = desk.call("run")
    assert result.exit_code == ExitCode.WRONG_SETTINGS
    assert "pleo.company_id is missing" in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("posting", "flag"), [("draft", "!"), ("final", "*")])
def test_entries_are_drafts_unless_the_settings_say_final(desk: Desk, posting: str, flag: str) -> None:
    desk.configure(bookkeeping={"posting": posting})
    desk.export(2)
    assert desk.call("run").exit_code == ExitCode.ALL_WELL
    entries = [path.read_text(encoding="utf-8") for path in desk.ledger.glob("2026/*/*.beancount")]
    flags = {text.split()[1] for text in entries if "pleo-id" in text}
    assert flags == {flag}
