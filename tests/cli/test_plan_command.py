import json
from pathlib import Path
from typing import Any

import pytest

from pleo_export.cli.common import ExitCode
from tests.cli.desk import Desk


def save(desk: Desk, job: str, name: str = "plan.json") -> Path:
    path = desk.folder / name
    result = desk.call("preview", job, "--save", str(path))
    assert f"pleo-export run --settings {desk.settings} --plan {path}" in result.stderr
    return path


def outcomes(summaries: Any) -> dict[str, str | None]:
    (summary,) = summaries
    return {item["accounting_entry_id"]: item["failure_code"] for item in summary["items"]}


def test_a_plan_holds_every_entry_and_rejection_of_the_preview_for_the_owners_eyes_only(desk: Desk) -> None:
    job = desk.export(30, "demo")
    path = save(desk, job)
    plan = json.loads(path.read_text(encoding="utf-8"))
    assert (plan["company_id"], plan["job_id"]) == (desk.company_id, job)
    previews = desk.json("preview", job)
    assert [item["accounting_entry_id"] for item in plan["items"]] == [
        one["accounting_entry_id"] for one in previews
    ]
    for item, one in zip(plan["items"], previews, strict=True):
        assert (item["rejection"] and item["rejection"]["reason"]) == (
            one["rejection"] and one["rejection"]["reason"]
        )
        assert (item["entry"] and item["entry"]["postings"]) == (one["entry"] and one["entry"]["postings"])
    assert "/files/" not in path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_an_approved_plan_is_recorded(desk: Desk) -> None:
    job = desk.export(5)
    plan = save(desk, job)
    texts = {one["text"] for one in desk.json("preview", job)}
    result = desk.call("run", "--plan", str(plan))
    assert result.exit_code == ExitCode.ALL_WELL
    assert "5 recorded, 0 failed" in result.stdout
    files = [path.read_text(encoding="utf-8") for path in desk.ledger.glob("2026/*/*.beancount")]
    assert sum(text in files for text in texts) == 5


@pytest.mark.slow
def test_what_was_changed_in_the_plan_the_chart_or_the_settings_is_refused_and_the_rest_recorded(
    desk: Desk,
) -> None:
    job = desk.export(6)
    path = save(desk, job)
    plan = json.loads(path.read_text(encoding="utf-8"))
    tampered, dropped, *kept = plan["items"]
    cheaper, *_, wallet = tampered["entry"]["postings"]
    cheaper["amount"]["units"] -= 100
    wallet["amount"]["units"] += 100
    plan["items"] = [tampered, *kept]
    path.write_text(json.dumps(plan), encoding="utf-8")

    result = desk.call("run", "--plan", str(path))
    assert result.exit_code == ExitCode.SOMETHING_FAILED
    assert "4 recorded, 2 failed" in result.stdout
    amount = cheaper["amount"]["units"]
    assert (
        f"amount of posting 1: {amount / 100:.2f} EUR planned, {amount / 100 + 1:.2f} EUR now"
        in result.stdout
    )
    refused = {
        one["accountingEntryId"]: one["failureReasonType"]
        for one in desk.pleo.company(desk.company_id)["expenses"]
        if one.get("failureReasonType")
    }
    assert refused.keys() <= {tampered["accounting_entry_id"], dropped["accounting_entry_id"]}


@pytest.mark.slow
def test_a_setting_that_was_changed_after_the_approval_keeps_everything_out_of_the_books(desk: Desk) -> None:
    path = save(desk, desk.export(3))
    desk.configure(bookkeeping={"posting": "final"})
    assert set(outcomes(desk.json("run", "--plan", str(path))).values()) == {"differs-from-plan"}
    assert not list(desk.ledger.glob("2026/*/*.beancount"))


@pytest.mark.slow
def test_what_would_have_failed_is_not_recorded_though_the_chart_was_mended_since(desk: Desk) -> None:
    job = desk.export(30, "demo")
    path = save(desk, job)
    failing = next(
        item["accounting_entry_id"]
        for item in json.loads(path.read_text(encoding="utf-8"))["items"]
        if item["rejection"] and "Account 9999" in item["rejection"]["reason"]
    )
    desk.add_to_chart('\n[[accounts]]\ncode = "9999"\nname = "Expenses:Mended"\n')
    assert outcomes(desk.json("run", "--plan", str(path)))[failing] == "planned-as-failure"


def test_a_plan_is_never_overwritten(desk: Desk) -> None:
    job = desk.export(2)
    path = save(desk, job)
    before = path.read_bytes()
    again = desk.call("preview", job, "--save", str(path))
    assert again.exit_code == ExitCode.WRONG_SETTINGS
    assert f"{path} is there already and stays as it is" in again.stderr
    assert path.read_bytes() == before


@pytest.mark.slow
def test_a_job_that_is_not_the_next_one_is_left_alone_and_the_older_one_named(desk: Desk) -> None:
    older, younger = desk.export(2, seed=1), desk.export(2, seed=2)
    result = desk.call("run", "--plan", str(save(desk, younger)))
    assert result.exit_code == ExitCode.WRONG_SETTINGS
    assert f"Job {older} waits in Pleo and is older than job {younger}" in result.stderr
    assert "Detect and start" not in result.stderr
    assert not desk.ledger.exists()
    assert desk.call("run", "--plan", str(save(desk, older, "older.json"))).exit_code == ExitCode.ALL_WELL
    assert desk.call("run", "--plan", str(desk.folder / "plan.json")).exit_code == ExitCode.ALL_WELL


@pytest.mark.slow
def test_a_plan_that_was_followed_is_done_with(desk: Desk) -> None:
    path = save(desk, desk.export(2))
    desk.call("run", "--plan", str(path))
    result = desk.call("run", "--plan", str(path))
    assert result.exit_code == ExitCode.WRONG_SETTINGS
    assert "does not wait in Pleo any more" in result.stderr


def test_the_plan_of_another_company_is_refused_before_any_step_is_taken(desk: Desk) -> None:
    path = save(desk, desk.export(1))
    plan = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(plan | {"company_id": "another"}), encoding="utf-8")
    result = desk.call("run", "--plan", str(path))
    assert result.exit_code == ExitCode.WRONG_SETTINGS
    assert result.stderr.startswith("The plan is for company another, but the settings are for")


@pytest.mark.parametrize("content", [None, "", "[1]", '{"plan": 1}'])
def test_a_file_that_is_no_plan_is_an_error_and_nothing_is_done(desk: Desk, content: str | None) -> None:
    desk.export(1)
    path = desk.folder / "plan.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    calls = len(desk.pleo.audit())
    result = desk.call("run", "--plan", str(path))
    assert result.exit_code == ExitCode.WRONG_SETTINGS
    assert f"{path} is no plan that can be followed" in result.stderr
    assert "Expected" not in result.stderr
    assert len(desk.pleo.audit()) == calls
