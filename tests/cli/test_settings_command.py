import tomllib

import pytest

from pleo_export.cli.common import ExitCode
from pleo_export.config import load_settings
from tests.cli.desk import Desk

TO_BE_MAPPED = ("9999", "V99", "V-9999")  # what the demonstration names and the example chart lacks


def test_what_the_books_know_is_counted_and_what_they_lack_is_listed(desk: Desk) -> None:
    desk.export(40, "demo")
    result = desk.call("settings", "suggest")
    assert result.exit_code == ExitCode.ALL_WELL
    for code in TO_BE_MAPPED:
        assert f"# {code}" in result.stdout
    assert "nothing fits" in result.stdout
    assert "# Known, and not listed here: accounts 1" in result.stdout
    assert "6100" not in result.stdout


def chart_with_other_codes(desk: Desk) -> None:
    """Give the books other codes than Pleo has for the same things."""
    chart = desk.folder / "chart.toml"
    text = chart.read_text(encoding="utf-8")
    chart.write_text(
        text.replace('code = "6100"', 'code = "0 6100"').replace("COST_CENTRE", "Cost_Centre"),
        encoding="utf-8",
    )


@pytest.mark.slow
def test_the_proposals_end_the_failures_when_they_are_put_into_the_settings(desk: Desk) -> None:
    chart_with_other_codes(desk)
    job = desk.export(40, "demo")
    before = desk.json("preview", job)
    path = desk.folder / "proposals.toml"
    assert desk.call("settings", "suggest", "--write", str(path)).exit_code == ExitCode.ALL_WELL
    proposals = path.read_text(encoding="utf-8")
    assert tomllib.loads(proposals)["mapping"]["accounts"] == {"6100": "0 6100"}
    with desk.settings.open("a", encoding="utf-8") as settings:
        settings.write(proposals)
    assert load_settings(desk.settings).mapping.dimensions == {"COST_CENTRE": "Cost_Centre"}
    assert desk.call("doctor").exit_code == ExitCode.ALL_WELL

    after = desk.json("preview", job)
    failing = [sum(one["rejection"] is not None for one in previews) for previews in (before, after)]
    assert failing[0] > failing[1] == 7
    again = desk.json("settings", "suggest")
    assert {one["key"] for one in again["unknown"]} == set(TO_BE_MAPPED)


def test_a_name_that_is_the_code_is_not_said_twice(desk: Desk) -> None:
    chart_with_other_codes(desk)
    desk.export(40, "demo")
    shown = desk.call("settings", "suggest").stdout
    assert "# COST_CENTRE, seen" in shown
    assert ": Cost_Centre has the same code" in shown


def test_one_job_can_be_looked_at_alone(desk: Desk) -> None:
    plain, demo = desk.export(5, seed=1), desk.export(40, "demo", seed=2)
    assert desk.json("settings", "suggest", "--job", plain)["unknown"] == []
    assert desk.json("settings", "suggest", "--job", demo)["unknown"] != []


def test_it_changes_nothing_but_the_file_it_was_asked_for(desk: Desk) -> None:
    desk.export(5)
    files, calls = desk.files(), len(desk.pleo.audit())
    desk.call("settings", "suggest", "--write", str(desk.folder / "proposals.toml"))
    assert {call["method"] for call in desk.pleo.audit()[calls:]} == {"GET"}
    after = desk.files()
    after.pop("proposals.toml")
    assert after == files


@pytest.mark.slow
def test_no_file_is_overwritten(desk: Desk) -> None:
    desk.export(5)
    result = desk.call("settings", "suggest", "--write", str(desk.settings))
    assert result.exit_code == ExitCode.WRONG_SETTINGS
    assert "is there already and stays as it is" in result.stderr
    assert load_settings(desk.settings).pleo.company_id == desk.company_id


def test_without_a_job_it_says_what_to_do(desk: Desk) -> None:
    result = desk.call("settings", "suggest")
    assert result.exit_code == ExitCode.ALL_WELL
    assert "Press Export there first" in result.stderr


@pytest.mark.parametrize("text", [None, "accounts = 3"])
def test_a_chart_that_cannot_be_read_is_said_as_doctor_says_it(desk: Desk, text: str | None) -> None:
    desk.export(1)
    chart = desk.folder / "chart.toml"
    chart.unlink()
    if text is not None:
        chart.write_text(text, encoding="utf-8")
    result, doctor = desk.call("settings", "suggest"), desk.call("doctor")
    assert result.exit_code == doctor.exit_code == ExitCode.SOMETHING_FAILED
    assert result.stderr.startswith(f"The chart file {chart} ")
    assert f"error The chart file {chart} " in doctor.stdout


@pytest.mark.parametrize("command", [("preview",), ("settings", "suggest", "--job")])
def test_a_job_that_ended_is_an_error_that_no_waiting_mends(desk: Desk, command: tuple[str, ...]) -> None:
    job = desk.export(1)
    desk.call("run")
    result = desk.call(*command, job)
    assert result.exit_code == ExitCode.WRONG_SETTINGS
    assert "The export job is finished" in result.stderr


def test_a_job_that_pleo_does_not_know_is_an_error(desk: Desk) -> None:
    result = desk.call("settings", "suggest", "--job", "6f1f4a38-6d0c-4f6a-9d0e-6b6d1d3f2a10")
    assert result.exit_code == ExitCode.WRONG_SETTINGS
    assert "`pleo-export doctor` lists the jobs that wait" in result.stderr
