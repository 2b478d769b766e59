"""How far an export has come: what is remembered about companies, jobs and items, and nothing about the expenses."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from pleo_export.domain.failure_types import ItemFailureType, JobFailureType
from pleo_export.domain.item import Instant
from pleo_export.domain.job import JobEventType


class Phase(StrEnum):
    """Where an item stands. An entry that exists but still waits for its attachments is `intended`."""

    PLANNED = "planned"  # listed for the job, nothing sent
    INTENDED = "intended"  # the accounting system is about to be called; after a restart: look it up first
    RECORDED = "recorded"  # final: the entry and all its attachments are there
    REJECTED = "rejected"  # final: not recorded, and why


FINAL_PHASES = frozenset({Phase.RECORDED, Phase.REJECTED})


class Settled(StrEnum):
    """How a person settled an item that had failed, or whose entry was lost."""

    LOOKED_UP = "looked_up"  # the entry was found in the accounting system by its reference
    BY_HAND = "by_hand"  # somebody had recorded the expense there, and says under which id


class ItemProgress(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One item of one job. `position` is its place in the order of the job, from 0.

    `external_id` is filled as soon as the entry is known to exist; `exported_at` is when the entry was created,
    `posted_on` the day it was booked on. `already_there`: the entry was found, not created. `note`: what a bookkeeper
    should know about a recorded item. `failure_code` is the cause's in the catalogue; an item that was rejected before
    there was one has none. `unknown`: rejected although nobody could tell whether an entry exists. `reported_at` is when
    Pleo took the outcome, `report_problem` why Pleo refused it. `intended_at` is when it was begun in this job,
    `decided_at` when its outcome was final. `settled_how`, `settled_by` (the user's name) and `settled_at` are there where a
    person made a success of a failure afterwards.
    """

    job_id: str
    accounting_entry_id: str
    position: int
    phase: Phase = Phase.PLANNED
    external_id: str | None = None
    external_url: str | None = None
    exported_at: Instant | None = None
    posted_on: date | None = None
    already_there: bool = False
    failure_code: str | None = None
    failure_type: ItemFailureType | None = None
    failure_reason: str | None = None
    note: str | None = None
    unknown: bool = False
    reported_at: Instant | None = None
    report_problem: str | None = None
    intended_at: Instant | None = None
    decided_at: Instant | None = None
    settled_how: Settled | None = None
    settled_by: str | None = None
    settled_at: Instant | None = None

    @property
    def final(self) -> bool:
        """Whether the outcome is decided and may be told to Pleo."""
        return self.phase in FINAL_PHASES

    @property
    def told_as_failed(self) -> bool:
        """Whether Pleo goes on to show a failure of which a person has made a success since."""
        return None not in (self.settled_at, self.reported_at, self.report_problem)


class JobProgress(msgspec.Struct, frozen=True, kw_only=True):
    """One job: when its steps were taken, how it was closed, and how many items stand in each phase.

    `planned`: it records an approved plan and nothing else. `closing_event` is decided before it is sent; `closed_at` is when Pleo took it. `problem` says why the job was
    given up without a closing event (it expired). `doubt` says why our memory of the job may be older than the world (it was
    restored); every item is looked up then before anything is recorded. `reconciled_at` is when it was compared with Pleo
    and the accounting system.
    """

    job_id: str
    company_id: str
    first_seen_at: Instant
    planned: bool = False
    started_at: Instant | None = None
    closing_event: JobEventType | None = None
    closing_reason: str | None = None
    closing_reason_type: JobFailureType | None = None
    closed_at: Instant | None = None
    problem: str | None = None
    doubt: str | None = None
    reconciled_at: Instant | None = None
    counts: Mapping[Phase, int]

    @property
    def open(self) -> bool:
        """Whether something is still to be done for the job."""
        return self.closed_at is None and self.problem is None


class LastLook(NamedTuple):
    """When Pleo was last asked for the jobs of a company that is worked for, and whether something keeps it from that."""

    company_id: str
    checked_at: datetime | None
    troubled: bool


class Company(msgspec.Struct, frozen=True, kw_only=True):
    """A company: when it was first seen, and when Pleo was last asked for its jobs.

    One that is in service was added with a `name`, with `settings` as the text of a settings file, and with the `folder`
    that their relative paths start from. `trouble` says what keeps its jobs from being exported, `waiting_until` until when
    its calls wait because Pleo asked for it; one in the past says nothing.
    """

    company_id: str
    first_seen_at: Instant
    last_checked_at: Instant | None = None
    name: str | None = None
    settings: str | None = None
    folder: str | None = None
    added_at: Instant | None = None
    paused_at: Instant | None = None
    trouble: str | None = None
    trouble_since: Instant | None = None
    waiting_until: Instant | None = None

    @property
    def in_service(self) -> bool:
        """Whether it was added, and not removed since."""
        return self.added_at is not None

    @property
    def active(self) -> bool:
        """Whether its jobs are to be exported: it is in service and not paused."""
        return self.in_service and self.paused_at is None
