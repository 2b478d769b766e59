"""A plan is recorded exactly as it was approved; whatever has changed since is refused, expense by expense."""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pleo_export.accounting.memory import MemoryBooks
from pleo_export.cli.run import went_well
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import (
    Attachment,
    Dimension,
    Entry,
    EntryState,
    EntryVendor,
    InvoiceDetails,
    Match,
    Reason,
)
from pleo_export.domain.failure_types import ItemFailureType
from pleo_export.domain.failures import RejectedItemError, Rejection, rejection
from pleo_export.domain.money import Money
from pleo_export.domain.settings import BookkeepingSettings, ClosedPeriodStrategy
from pleo_export.testing.samples import sample_bill, sample_entry, sample_posting
from pleo_export.workflow.plan import (
    OlderJobWaitsError,
    Plan,
    PlanCompanyError,
    PlanExistsError,
    PlanFileError,
    PlannedJobGoneError,
    PlanNeededError,
    as_planned,
    load_plan,
    planned,
    save_plan,
)
from pleo_export.workflow.ports import JobSummary
from pleo_export.workflow.preview import preview_job
from tests.workflow.test_workflow_record import Mover
from tests.workflow.workflow_scene import BOOKS, NOON, Crash, Scene, at, eid, expense

RECEIPT = Attachment(key="a-1", position=1, url="https://files/1?signed=1", media_type=None, size=7)
MATCH = Match(
    reference="payment-1",
    settled=Money("EUR", 100),
    paid=Money("EUR", 100),
    left=Money("EUR", 0),
    reason=Reason("matching", "invoice INV-7"),
)


def plan_of(*outcomes: Entry | Rejection) -> Plan:
    named = {one.reference if isinstance(one, Entry) else "failing": one for one in outcomes}
    return planned("company-1", "job-1", NOON, named)


def refused(plan: Plan, entry: Entry) -> Rejection:
    with pytest.raises(RejectedItemError) as caught:
        as_planned(plan, entry, may_move=True)
    assert caught.value.rejection.type is ItemFailureType.VALIDATION_FAILURE
    return caught.value.rejection


def test_the_same_entry_is_as_planned() -> None:
    entry = sample_bill(attachments=(RECEIPT,), matches=(MATCH,))
    assert as_planned(plan_of(entry), entry, may_move=True) == entry


def test_the_day_is_that_of_the_plan() -> None:
    entry = sample_entry(expense_date=date(2025, 12, 30), posting_date=date(2026, 1, 1))
    today = replace(entry, posting_date=date(2026, 1, 2))
    assert as_planned(plan_of(entry), today, may_move=True) == entry


def test_links_to_receipts_and_receipts_that_are_missing_are_not_compared() -> None:
    plan = plan_of(sample_entry(attachments=(RECEIPT,)))
    later = replace(RECEIPT, url="https://files/1?signed=2")
    entry = sample_entry(attachments=(later,), missing_files=("receipt 1: its link is gone",))
    assert as_planned(plan, entry, may_move=True) == entry


BILL = sample_bill(
    attachments=(RECEIPT,),
    matches=(MATCH,),
    postings=(
        sample_posting("6100", 1250, dimensions=(Dimension("TEAM", "A"),)),
        sample_posting("2400", -1250),
    ),
)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"description": "Toner"}, "description: changed"),
        ({"payee": "Ada Lund"}, "payee: changed"),
        ({"user": "Ada Lund"}, "user: changed"),
        ({"attendees": ("Ada Lund", "Bo Karlsen")}, "attendees: changed"),
        ({"state": EntryState.DRAFT}, "state: final planned, draft now"),
        ({"expense_date": date(2026, 1, 4)}, "expense date: 2026-01-03 planned, 2026-01-04 now"),
        ({"team": "Sales"}, "team: none planned, Sales now"),
        (
            {"vendor": EntryVendor("V-2", "Ada Lund")},
            "id of vendor: V-1001 planned, V-2 now; name of vendor: changed",
        ),
        ({"vendor": None}, "vendor: V-1001 planned, none now"),
        (
            {"invoice": InvoiceDetails("INV-8", date(2026, 1, 3), date(2026, 2, 14))},
            "number of invoice: INV-7 planned, INV-8 now",
        ),
        ({"matches": ()}, "matches: 1 planned, 0 now"),
        (
            {"matches": (replace(MATCH, left=Money("EUR", 5)),)},
            "left of match 1: 0.00 EUR planned, 0.05 EUR now",
        ),
        ({"settlement": ()}, "settlement: 2 planned, 0 now"),
        ({"attachments": (RECEIPT, RECEIPT)}, "attachments: 1 planned, 2 now"),
        ({"attachments": (replace(RECEIPT, size=8),)}, "size of receipt 1: 7 planned, 8 now"),
    ],
)
def test_whatever_else_has_changed_is_refused_with_both_values_unless_they_may_name_a_person(
    changes: dict[str, Any], told: str
) -> None:
    found = refused(plan_of(BILL), replace(BILL, **changes))
    assert found.cause is Cause.DIFFERS_FROM_PLAN
    assert f"({told})." in found.reason
    assert "preview the new job and approve it" in found.reason


def with_first_posting(**changes: Any) -> Entry:
    first, *others = BILL.postings
    return replace(BILL, postings=(replace(first, **changes), *others))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"account": "6200"}, "account of posting 1: 6100 planned, 6200 now"),
        ({"tax_code": "V25"}, "tax code of posting 1: none planned, V25 now"),
        ({"dimensions": (Dimension("EMPLOYEE", "Ada Lund"),)}, "dimensions of posting 1: changed"),
        ({"reason": Reason("sample", "6100 for Ada Lund")}, "reason of posting 1: changed"),
        ({"reason": Reason("other", "6100")}, "reason of posting 1: sample planned, other now"),
        (
            {"account": "6200", "reason": Reason("sample", "6200")},
            "account of posting 1: 6100 planned, 6200 now",
        ),
    ],
)
def test_a_posting_is_named_by_its_place(changes: dict[str, Any], told: str) -> None:
    assert f"({told})." in refused(plan_of(BILL), with_first_posting(**changes)).reason


def test_an_amount_is_told_as_money() -> None:
    now = replace(BILL, postings=(sample_posting("6100", 1300), sample_posting("2400", -1300)))
    told = refused(plan_of(BILL), now).reason
    assert "amount of posting 1: 12.50 EUR planned, 13.00 EUR now" in told
    assert "amount of posting 2: -12.50 EUR planned, -13.00 EUR now" in told


def test_a_long_list_of_differences_is_cut() -> None:
    now = replace(BILL, journal="x", item_type="x", team="x", reconciliation_id="x", pleo_url="x")
    assert refused(plan_of(BILL), now).reason.count("planned, x now") == 3
    assert "; and 2 more)" in refused(plan_of(BILL), now).reason


def test_an_expense_that_the_plan_lacks_is_refused() -> None:
    assert refused(plan_of(BILL), sample_entry("another")).cause is Cause.NOT_IN_PLAN


def test_an_expense_that_was_to_fail_is_refused_with_the_reason_it_had() -> None:
    plan = plan_of(rejection(Cause.TAG_UNKNOWN, tag="T1", group="PROJECT"))
    found = refused(plan, sample_entry("failing"))
    assert found.cause is Cause.PLANNED_AS_FAILURE
    assert "Tag T1 of PROJECT does not exist" in found.reason


def test_a_plan_is_read_as_it_was_written_by_nobody_else_and_without_links(tmp_path: Path) -> None:
    plan = plan_of(BILL, sample_entry(), rejection(Cause.TAG_UNKNOWN, tag="T1", group="PROJECT"))
    path = tmp_path / "plan.json"
    save_plan(plan, path)
    assert load_plan(path) == plan
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text(encoding="utf-8")
    assert "signed" not in text
    assert text.count("\n") > 100
    assert json.loads(text)["items"][0]["entry"]["description"] == "Printer paper"


def test_a_plan_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("approved", encoding="utf-8")
    with pytest.raises(PlanExistsError, match=r"plan\.json is there already"):
        save_plan(plan_of(BILL), path)
    assert path.read_text(encoding="utf-8") == "approved"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1, 2]",
        '{"file": "something else"}',
        '{"company_id": "c", "job_id": "j", "made_at": "2026-06-01T12:00:00Z", "items": []}',
        "\udcff",
    ],
)
def test_a_file_that_is_no_plan_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(
        PlanFileError, match=r"plan\.json is no plan .*: it is not a plan that pleo-export wrote"
    ):
        load_plan(path)


def test_a_plan_whose_amounts_were_edited_until_they_do_not_balance_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    save_plan(plan_of(BILL), path)
    path.write_text(path.read_text(encoding="utf-8").replace("-1250", "-1251", 1), encoding="utf-8")
    with pytest.raises(PlanFileError, match="it is not a plan that pleo-export wrote, or was damaged"):
        load_plan(path)


def test_a_plan_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanFileError, match="No such file"):
        load_plan(tmp_path / "plan.json")


async def preview(scene: Scene, job_id: str) -> Plan:
    async with scene.parts() as parts:
        previews = await preview_job(parts, job_id)
    outcomes = {one.accounting_entry_id: one.entry or one.rejection for one in previews}
    return planned(
        scene.company.id, job_id, NOON, {key: one for key, one in outcomes.items() if one is not None}
    )


def causes(summary: JobSummary) -> dict[str, str | None]:
    return {item.accounting_entry_id: item.failure_code for item in summary.items}


async def test_an_unchanged_plan_is_recorded_as_it_was_shown(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1, day=2), expense(2, day=1), expense(3, account="9999"))
    plan = await preview(scene, job_id)
    summary = await scene.run_one(plan=plan)
    assert scene.booked() == [2, 1]
    assert [*scene.books.entries.values()] == [item.entry for item in plan.items if item.entry]
    assert causes(summary)[eid(3)] == "account-unknown"


async def test_what_changed_since_is_refused_and_the_rest_recorded(scene: Scene) -> None:
    job_id = await scene.company.job_of(
        expense(1), expense(2), expense(3), expense(4, account="9999"), expense(5)
    )
    plan = await preview(scene, job_id)
    first, second, _, fourth, fifth = sorted(plan.items, key=lambda item: item.accounting_entry_id)
    assert second.entry is not None
    other = replace(second, entry=replace(second.entry, description="What was approved"))
    changed = replace(plan, items=(first, other, replace(fourth, accounting_entry_id=eid(5)), fourth))
    assert fifth.entry is not None
    summary = await scene.run_one(plan=changed)
    assert scene.booked() == [1]
    assert causes(summary) == {
        eid(1): None,
        eid(2): "differs-from-plan",
        eid(3): "not-in-plan",
        eid(4): "account-unknown",
        eid(5): "planned-as-failure",
    }
    reasons = await scene.company.outcomes(job_id)
    assert reasons[2]["failureReasonType"] == "validation_failure"
    assert "(description: changed)" in reasons[2]["failureReason"]


async def test_a_changed_setting_refuses_every_expense_it_touches(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1), expense(2))
    plan = await preview(scene, job_id)
    scene.bookkeeping = BookkeepingSettings(posting=EntryState.FINAL)
    summary = await scene.run_one(plan=plan)
    assert set(causes(summary).values()) == {"differs-from-plan"}
    assert "state: draft planned, final now" in str(summary.items[0].failure_reason)
    assert scene.booked() == []


async def test_the_planned_day_is_kept_on_another_day_and_where_it_was_closed_since_nothing_is_recorded(
    scene: Scene,
) -> None:
    scene.use_books(MemoryBooks(replace(BOOKS, locked_through=date(2026, 5, 10))))
    scene.bookkeeping = BookkeepingSettings(closed_period=ClosedPeriodStrategy.TODAY)
    job_id = await scene.company.job_of(expense(1, day=5), expense(2, day=20))
    plan = await preview(scene, job_id)
    scene.clock.advance(3 * 24 * 3600)
    scene.use_books(MemoryBooks(replace(BOOKS, locked_through=date(2026, 5, 25))))
    summary = await scene.run_one(plan=plan)
    assert {entry.posting_date for entry in scene.books.entries.values()} == {NOON.date()}
    assert causes(summary) == {eid(1): None, eid(2): "planned-day-closed"}


async def test_only_the_planned_job_is_run(scene: Scene) -> None:
    first = await scene.company.job_of(expense(1))
    plan = await preview(scene, first)
    await scene.company.pass_time(1)
    await scene.company.job_of(expense(2))
    assert [summary.job_id for summary in await scene.run(plan=plan)] == [first]
    assert scene.booked() == [1]


async def assert_nothing_happened(scene: Scene, jobs: Sequence[str]) -> None:
    assert [(await scene.company.job(job))["status"] for job in jobs] == ["pending"] * len(jobs)
    assert scene.booked() == []


async def test_a_younger_job_has_to_wait_for_the_older_one(scene: Scene) -> None:
    older = await scene.company.job_of(expense(1))
    await scene.company.pass_time(1)
    younger = await scene.company.job_of(expense(2))
    plan = await preview(scene, younger)
    with pytest.raises(OlderJobWaitsError, match=f"{older} waits in Pleo and is older than job {younger}"):
        await scene.run(plan=plan)
    await assert_nothing_happened(scene, [older, younger])


async def test_a_plan_is_followed_once(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    plan = await preview(scene, job_id)
    await scene.run(plan=plan)
    with pytest.raises(PlannedJobGoneError, match=job_id):
        await scene.run(plan=plan)
    assert scene.booked() == [1]


async def test_a_plan_of_another_company_is_refused(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    plan = replace(await preview(scene, job_id), company_id="another-company")
    with pytest.raises(PlanCompanyError, match="another-company"):
        await scene.run(plan=plan)
    await assert_nothing_happened(scene, [job_id])


@pytest.mark.slow
async def test_an_interrupted_plan_is_taken_up_again(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1, day=1), expense(2, day=2))
    plan = await preview(scene, job_id)
    scene.connector.before = at("record", 2, Crash())
    await scene.crash(plan=plan)
    assert scene.booked() == [1]
    summary = await scene.run_one(plan=plan)
    assert scene.booked() == [1, 2]
    assert set(causes(summary).values()) == {None}


def test_a_day_that_was_moved_is_refused_once_the_company_moves_no_days() -> None:
    entry = sample_entry()
    plan = plan_of(replace(entry, posting_date=date(2026, 2, 1)))
    with pytest.raises(RejectedItemError, match="posting date: 2026-02-01 planned, 2026-01-03 now"):
        as_planned(plan, entry, may_move=False)


@pytest.mark.slow
async def test_an_interrupted_plan_is_not_finished_without_it(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1), expense(2))
    plan = await preview(scene, job_id)
    approved = replace(plan, items=plan.items[:1])
    scene.connector.before = at("record", 1, Crash())
    await scene.crash(plan=approved)
    with pytest.raises(PlanNeededError, match=job_id):
        await scene.run()
    summary = await scene.run_one(plan=approved)
    assert causes(summary) == {eid(1): None, eid(2): Cause.NOT_IN_PLAN}


async def test_a_planned_expense_that_is_no_longer_in_the_job_is_named(scene: Scene) -> None:
    plan = await preview(scene, await scene.company.job_of(expense(1)))
    gone = replace(plan.items[0], accounting_entry_id=eid(99))
    summary = await scene.run_one(plan=replace(plan, items=(*plan.items, gone)))
    assert summary.problem == f"Planned, but no longer part of the job: {eid(99)}."
    assert not went_well(summary)


async def test_no_date_of_a_plan_is_moved_by_the_accounting_system_either(scene: Scene) -> None:
    scene.bookkeeping = BookkeepingSettings(closed_period=ClosedPeriodStrategy.TODAY)
    plan = await preview(scene, await scene.company.job_of(expense(1)))
    summary = await scene.run_one(plan=plan, connector=Mover(scene.connector))
    assert causes(summary) == {eid(1): Cause.DATE_MOVED}


def test_a_vendor_that_is_there_by_now_is_the_one_that_was_to_be_created() -> None:
    new = EntryVendor("X-1", "Newcomer", "X-1", create=True)
    bill = sample_bill(vendor=new, method_reason=Reason("method", "by key", "is created"))
    there = replace(
        bill, vendor=EntryVendor("47", "Newcomer", "X-1"), method_reason=Reason("method", "by key")
    )
    assert as_planned(plan_of(bill), there, may_move=False) == there
    other = replace(there, vendor=EntryVendor("47", "Newcomer", "X-2"))
    assert "vendor" in refused(plan_of(bill), other).reason
