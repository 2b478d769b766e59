"""`reconcile`: differences made by hand, as a user would make them, what it says of each, and what it mends."""

import shutil
from pathlib import Path

import pytest

from pleo_export.cli.common import ExitCode
from pleo_export.cli.reconcile import person
from pleo_export.crash_points import struck_by
from pleo_export.domain.reconciling import Difference
from tests.cli.desk import Desk


def entries(desk: Desk) -> list[Path]:
    return sorted(
        path for path in desk.ledger.glob("[0-9]*/*/*.beancount") if "fingerprint" in path.read_text("utf-8")
    )


def kinds(desk: Desk, *options: str) -> list[str]:
    return [one["kind"] for job in desk.json("reconcile", *options) for one in job["differences"]]


def store_of(desk: Desk) -> Path:
    (store,) = desk.folder.glob("*.db")
    return store


def forget(desk: Desk) -> None:
    for file in desk.folder.glob("*.db*"):
        if file.is_file():
            file.unlink()


@pytest.mark.slow
def test_where_all_agree_nothing_is_said_but_that(desk: Desk) -> None:
    desk.export(3)
    assert desk.call("run").exit_code == ExitCode.ALL_WELL
    before = {path: content for path, content in desk.files().items() if ".db" not in path}
    told = desk.call("reconcile")
    assert told.exit_code == ExitCode.ALL_WELL
    assert "3 expenses of 1 job were compared: Pleo, our memory and the books agree." in told.stdout
    assert {path: content for path, content in desk.files().items() if ".db" not in path} == before


@pytest.mark.slow
def test_each_difference_made_in_the_books_is_named(desk: Desk) -> None:
    desk.export(3)
    desk.call("run")
    deleted, edited, damaged = entries(desk)
    deleted.unlink()
    edited.write_text(edited.read_text("utf-8").replace('fingerprint: "', 'fingerprint: "0'), "utf-8")
    damaged.write_text("; nothing is left\n", "utf-8")
    told = desk.call("reconcile")
    assert told.exit_code == ExitCode.SOMETHING_FAILED
    for kind in (Difference.ENTRY_MISSING, Difference.OTHER_CONTENT, Difference.ENTRY_DAMAGED):
        assert f"{kind}: 1, see reconcile.md#{kind}" in told.stdout
        assert kind.remedy in told.stdout
    assert "ledger holds no entry with its reference" in told.stdout
    assert desk.call("reconcile", "--fix", "--yes").exit_code == ExitCode.SOMETHING_FAILED
    assert not deleted.exists()


@pytest.mark.slow
def test_a_lost_database_is_made_good_from_pleo_and_the_books(desk: Desk) -> None:
    job = desk.export(3)
    desk.call("run")
    forget(desk)
    assert kinds(desk) == [Difference.NOT_REMEMBERED] * 3
    asked = desk.call("reconcile", "--fix")
    assert "Fix 3 of them?" in asked.stderr, "it asks first"
    assert "Nobody can be asked here." in asked.stderr
    assert "not-remembered: 3" in asked.stdout, "what was compared is shown all the same"
    assert kinds(desk) == [Difference.NOT_REMEMBERED] * 3
    assert desk.call("reconcile", "--fix", "--yes").exit_code == ExitCode.ALL_WELL
    assert [one["job_id"] for one in desk.json("status")] == [job]
    assert kinds(desk) == []


@pytest.mark.slow
def test_an_older_copy_of_the_database_is_made_good(desk: Desk, tmp_path: Path) -> None:
    desk.export(2)
    desk.call("run")
    shutil.copy2(store_of(desk), tmp_path / "older")
    desk.export(3, seed=2)
    desk.call("run")
    name = store_of(desk)
    forget(desk)
    shutil.copy2(tmp_path / "older", name)
    assert kinds(desk) == [Difference.NOT_REMEMBERED] * 3
    assert desk.call("reconcile", "--fix", "--yes").exit_code == ExitCode.ALL_WELL
    assert len(entries(desk)) == 5


@pytest.mark.slow
def test_what_only_pleo_knows_is_not_guessed_at_and_never_called_agreed(desk: Desk) -> None:
    job = desk.export(2)
    desk.call("run")
    forget(desk)
    shutil.rmtree(desk.ledger)
    (compared,) = desk.json("reconcile")
    assert (compared["job_id"], compared["expenses"], compared["differences"]) == (job, 0, [])
    assert (len(compared["unaccounted"]), "Another integration" in compared["note"]) == (2, True)
    told = desk.call("reconcile", "--job", job)
    assert told.exit_code == ExitCode.SOMETHING_FAILED
    assert "2 expenses that Pleo shows as exported stand neither here nor in the books." in " ".join(
        told.stdout.split()
    )


def test_a_person_without_a_name_on_this_machine_is_named_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 12345)
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    assert person() == "user 12345"


def test_a_job_that_waits_is_left_to_the_run(desk: Desk) -> None:
    desk.export(1)
    (compared,) = desk.json("reconcile")
    assert "settled by the next run" in compared["note"]
    told = desk.call("reconcile")
    assert told.exit_code == ExitCode.ALL_WELL
    assert "Nothing was compared." in told.stdout
    assert "agree" not in told.stdout


class DiedError(BaseException):
    """The process dies here."""


@pytest.mark.slow
def test_what_pleo_was_not_told_is_told(desk: Desk) -> None:
    job = desk.export(3)

    def strike(name: str) -> None:
        if name == "item.recorded":
            raise DiedError

    with struck_by(strike), pytest.raises(DiedError):
        desk.call("run")
    (compared,) = desk.json("reconcile")
    assert compared["job_id"] == job
    waiting = compared["differences"]
    assert waiting
    assert {one["kind"] for one in waiting} == {Difference.NOT_REPORTED}
    assert desk.call("reconcile", "--fix", "--yes").exit_code == ExitCode.ALL_WELL
    told = desk.pleo.call("GET", f"companies/{desk.company_id}/items")
    heard = {one["accountingEntryId"] for one in told if one["status"] == "successful"}
    assert heard == {one["accounting_entry_id"] for one in waiting}
    assert desk.call("run").exit_code == ExitCode.ALL_WELL


@pytest.mark.slow
def test_a_job_that_expires_before_it_is_fixed_is_compared_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.export(1)

    def strike(name: str) -> None:
        if name == "item.recorded":
            raise DiedError

    with struck_by(strike), pytest.raises(DiedError):
        desk.call("run")

    def expire(_question: str) -> bool:
        desk.pleo.advance(7200)
        return True

    monkeypatch.setattr("pleo_export.cli.reconcile.confirmed", expire)
    fixed = desk.call("reconcile", "--fix")
    assert fixed.exit_code == ExitCode.SOMETHING_FAILED
    assert "pleo-differs: 1" in fixed.stdout


@pytest.mark.slow
def test_one_job_can_be_asked_for(desk: Desk) -> None:
    first = desk.export(1)
    desk.export(1, seed=2)
    desk.call("run")
    assert [one["job_id"] for one in desk.json("reconcile", "--job", first)] == [first]
    for nobodys in ("00000000-0000-4000-8000-000000000000", "nonsense"):
        asked = desk.call("reconcile", "--job", nobodys)
        assert (asked.exit_code, asked.stdout) == (ExitCode.WRONG_SETTINGS, "")
