"""`recorded-by-hand`: a person says from the command line that an expense stands in the books."""

import asyncio

import pytest

from pleo_export.cli.common import ExitCode
from pleo_export.cli.hosted import remembered
from pleo_export.domain.reconciling import Difference
from tests.cli.desk import Desk
from tests.cli.test_reconcile_command import entries, kinds

pytestmark = pytest.mark.slow


def pressed(desk: Desk, *references: str) -> str:
    desk.pleo.advance(1)
    return desk.pleo.press_export(desk.company_id, list(references))


def at_pleo(desk: Desk) -> dict[str, str]:
    """What Pleo shows of each expense: its status, and the id of its entry."""
    told = desk.pleo.call("GET", f"companies/{desk.company_id}/items")
    return {one["accountingEntryId"]: f"{one['status']} {one['externalId']}" for one in told}


def test_an_expense_that_failed_is_marked_and_pleo_hears_of_it_when_it_is_exported_again(desk: Desk) -> None:
    job = desk.export(40, "demo", seed=1)
    desk.call("run")
    failed = next(entry for entry, shown in at_pleo(desk).items() if shown.startswith("failed"))
    assert failed in desk.call("status").stdout
    before = entries(desk)
    command = ("recorded-by-hand", job, failed)
    refused = desk.call(*command, "HAND-1", answer="n")
    assert (refused.exit_code, "Nothing was marked." in refused.stderr) == (ExitCode.SOMETHING_FAILED, True)
    assert "recorded the expense in the accounting system yourself" in refused.stderr
    assert "The entry's id is HAND-1. Is that right?" in refused.stderr
    marked = desk.call(*command, " HAND-1 ", answer="y")
    assert f"Expense {failed} counts as recorded, as HAND-1." in marked.stdout
    corrected = desk.call(*command, "HAND-2", "--yes")
    assert "takes the place of HAND-1, which was named before" in corrected.stderr
    assert actions(desk) == ["entry HAND-2", "entry HAND-1"]
    pressed(desk, failed)
    assert desk.call("run").exit_code == ExitCode.ALL_WELL
    assert at_pleo(desk)[failed] == "successful HAND-2"
    assert entries(desk) == before, "nothing was recorded"


def actions(desk: Desk) -> list[str]:
    """What the audit says was done, the latest first."""

    async def read() -> list[str]:
        async with remembered(desk.settings, None) as found:
            assert found is not None
            store, company_id = found
            return [(one.detail or "").split(": ")[1] for one in await store.actions(company_id, 10)]

    return asyncio.run(read())


def test_an_entry_that_is_missing_is_made_good(desk: Desk) -> None:
    job = desk.export(1)
    desk.call("run")
    (reference,) = at_pleo(desk)
    (entry,) = entries(desk)
    entry.unlink()
    refused = desk.call("recorded-by-hand", job, reference, "HAND-1", answer="y")
    assert "recorded already" in refused.stderr
    assert "Is that right?" not in refused.stderr
    assert "compare Pleo and the books first" in refused.stderr
    assert kinds(desk) == [Difference.ENTRY_MISSING]
    assert desk.call("recorded-by-hand", job, reference, "HAND-1", "--yes").exit_code == ExitCode.ALL_WELL
    assert kinds(desk) == []


def test_what_cannot_be_marked_is_said(desk: Desk) -> None:
    before_any = desk.call("recorded-by-hand", "job", "expense", "HAND-1", "--yes")
    assert before_any.exit_code == ExitCode.WRONG_SETTINGS
    assert "No job was exported yet." in before_any.stderr
    job = desk.export(1)
    desk.call("run")
    (reference,) = at_pleo(desk)
    for arguments, said in (
        ((job, "ghost", "HAND-1"), "ghost"),
        (("no-job", reference, "HAND-1"), "no-job"),
        ((job, reference, "  "), "no id of an entry"),
        ((job, reference, "x" * 201), "no id of an entry"),
    ):
        refused = desk.call("recorded-by-hand", *arguments, "--yes")
        assert (refused.exit_code, refused.stdout) == (ExitCode.WRONG_SETTINGS, "")
        assert said in refused.stderr
