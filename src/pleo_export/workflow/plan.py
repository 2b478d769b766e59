"""A plan: what a preview showed, kept in a file, so that a run records what somebody has approved and nothing else.

PlanError
├── PlanFileError            the file cannot be read, or is no plan of ours
├── PlanExistsError          a plan is never overwritten
├── PlanCompanyError         the plan is another company's
├── PlannedJobGoneError      its job waits no more
├── OlderJobWaitsError       jobs are exported oldest first, and another one is older
└── PlanNeededError          a run that followed a plan was interrupted, and is not finished without it
"""

import os
from collections.abc import Container, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Literal

import msgspec
from msgspec.structs import replace

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.difference import tell_differences
from pleo_export.domain.entry import Entry, without_links
from pleo_export.domain.failures import RejectedItemError, Rejection


class PlannedItem(msgspec.Struct, frozen=True, kw_only=True):
    """One expense of the plan: the entry, or why there would be none."""

    accounting_entry_id: str
    entry: Entry | None = None
    rejection: Rejection | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What one job would record, expense by expense in the order of recording; `made_at` is aware and in UTC.

    The entries hold no links to receipts: these give access to the files.
    """

    file: Literal["pleo-export plan 1"]
    company_id: str
    job_id: str
    made_at: datetime
    items: tuple[PlannedItem, ...]

    @cached_property
    def by_reference(self) -> Mapping[str, PlannedItem]:
        """The items by Pleo's accountingEntryId."""
        return {item.accounting_entry_id: item for item in self.items}


class PlanError(Exception):
    """A plan cannot be kept or followed. Nothing was recorded."""


class PlanFileError(PlanError):
    """The file is not there, cannot be read, or is no plan of ours."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"{path} is no plan that can be followed: {problem}. Preview the job again and save it."
        )


class PlanExistsError(PlanError):
    """A file of that name is there: somebody may have approved it."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is there already and stays as it is. Choose another name for the plan.")


class PlanCompanyError(PlanError):
    """The plan was made for another company than the settings are for."""

    def __init__(self, plan: Plan, company_id: str) -> None:
        super().__init__(
            f"The plan is for company {plan.company_id}, but the settings are for {company_id}."
            " Name the settings it was made with."
        )


class PlannedJobGoneError(PlanError):
    """The job of the plan does not wait in Pleo any more."""

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"Job {job_id} does not wait in Pleo any more: it was exported, expired or was ended there."
            " Press Export in Pleo for what is still to be recorded, and preview the new job."
        )


class OlderJobWaitsError(PlanError):
    """Another job is older than the planned one: recording it later would change what comes first in the books."""

    def __init__(self, job_id: str, older_id: str) -> None:
        super().__init__(
            f"Job {older_id} waits in Pleo and is older than job {job_id} of the plan; jobs are exported oldest first."
            f" Preview and run job {older_id} first, then preview job {job_id} again."
        )


class PlanNeededError(PlanError):
    """A run that followed a plan was interrupted: what is left of its job was approved as well."""

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"Job {job_id} was begun with a plan and interrupted. Finish it with `run --plan` and the same plan, or wait"
            " until Pleo gives it up."
        )


def planned(
    company_id: str, job_id: str, made_at: datetime, outcomes: Mapping[str, Entry | Rejection]
) -> Plan:
    """Make a plan of what each expense of a job became, by its accountingEntryId, in the order of recording."""
    return Plan(
        file="pleo-export plan 1",
        company_id=company_id,
        job_id=job_id,
        made_at=made_at,
        items=tuple(_planned_item(reference, outcome) for reference, outcome in outcomes.items()),
    )


def _planned_item(reference: str, outcome: Entry | Rejection) -> PlannedItem:
    if isinstance(outcome, Rejection):
        return PlannedItem(accounting_entry_id=reference, rejection=outcome)
    return PlannedItem(accounting_entry_id=reference, entry=without_links(outcome))


def save_plan(plan: Plan, path: Path) -> None:
    """Write a new file that only its owner may read. Raises PlanExistsError, and OSError as it comes."""
    text = msgspec.json.format(msgspec.json.encode(plan), indent=2)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise PlanExistsError(path) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(text + b"\n")


def load_plan(path: Path) -> Plan:
    """Read a plan. Raises PlanFileError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Plan)
    except OSError as error:
        raise PlanFileError(path, f"it cannot be read ({error.strerror})") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        # What the decoder says is about places in JSON: it helps nobody who did not write the file.
        raise PlanFileError(path, "it is not a plan that pleo-export wrote, or was damaged") from None


def require_next(plan: Plan, company_id: str, waiting: Sequence[str]) -> None:
    """Pass where the plan's job is the first of the company's waiting ones (their ids, oldest first).

    Raises PlanCompanyError, PlannedJobGoneError or OlderJobWaitsError.
    """
    if plan.company_id != company_id:
        raise PlanCompanyError(plan, company_id)
    if plan.job_id not in waiting:
        raise PlannedJobGoneError(plan.job_id)
    if waiting[0] != plan.job_id:
        raise OlderJobWaitsError(plan.job_id, waiting[0])


def as_planned(plan: Plan, entry: Entry, *, may_move: bool) -> Entry:
    """Return the entry on the day it was planned for. Pure. `may_move`: the company lets closed periods move the day.

    Raises RejectedItemError where the plan does not hold this very entry. Links to receipts, and which receipts are
    missing, are not compared: nobody knew them when the plan was made.
    """
    item = plan.by_reference.get(entry.reference)
    if item is None:
        raise RejectedItemError(Cause.NOT_IN_PLAN)
    if item.entry is None:
        failed = item.rejection.reason if item.rejection else "no reason was kept"
        raise RejectedItemError(Cause.PLANNED_AS_FAILURE, reason=failed)
    now = replace(entry, posting_date=item.entry.posting_date) if may_move else entry
    compared = _with_new_vendor(now, item.entry)
    if (told := tell_differences(_comparable(item.entry), _comparable(compared))) is not None:
        raise RejectedItemError(Cause.DIFFERS_FROM_PLAN, differences=told)
    return now


def not_in_job(plan: Plan, references: Container[str]) -> str | None:
    """Say which planned expenses are not among those of the job any more; None where all are."""
    gone = [item.accounting_entry_id for item in plan.items if item.accounting_entry_id not in references]
    return f"Planned, but no longer part of the job: {', '.join(gone)}." if gone else None


def _with_new_vendor(now: Entry, planned: Entry) -> Entry:
    """Take a vendor that was to be created, and is there by now, for the one that was planned."""
    new, known = planned.vendor, now.vendor
    if new is None or known is None or not new.create or known.create or known.key != new.key:
        return now
    return replace(now, vendor=new, method_reason=planned.method_reason)


def closed_since(day: date) -> RejectedItemError:
    """Return the refusal of an entry whose planned day was closed meanwhile: a plan is moved to no other day."""
    return RejectedItemError(Cause.PLANNED_DAY_CLOSED, day=day)


def _comparable(entry: Entry) -> Entry:
    return replace(without_links(entry), missing_files=())
