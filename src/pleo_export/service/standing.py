"""How a company stands, from what the store and the engine know of it."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from pleo_export.domain.progress import Company

if TYPE_CHECKING:
    from pleo_export.engine.runs import CompanyRuns, Run


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A company's state in a word, and what the engine does for it. `trouble` is what keeps its jobs from being exported.

    `takeovers` counts the runs that went on with the work of a worker that died.
    """

    company_id: str
    name: str | None
    state: str
    trouble: str | None
    trouble_since: datetime | None
    last_checked_at: datetime | None
    running_since: datetime | None
    waiting_since: datetime | None
    last_run_ended_at: datetime | None
    takeovers: int


def standing(company: Company, runs: "CompanyRuns") -> Standing:
    """Return how a company in service stands."""
    trouble, since = company.trouble, company.trouble_since
    if trouble is None and runs.ended is not None and runs.ended.problem is not None:
        # A run whose workers died could not keep any trouble itself.
        trouble, since = runs.ended.problem, runs.ended.ended_at
    working = "working" if trouble is None else "in trouble"
    return Standing(
        company_id=company.company_id,
        name=company.name,
        state="paused" if company.paused_at is not None else working,
        trouble=trouble,
        trouble_since=since,
        last_checked_at=company.last_checked_at,
        running_since=_started(runs.running),
        waiting_since=runs.waiting.fired_at if runs.waiting is not None else None,
        last_run_ended_at=runs.ended.ended_at if runs.ended is not None else None,
        takeovers=runs.takeovers,
    )


def _started(run: "Run | None") -> datetime | None:
    return run.started_at if run is not None else None


def sentences(known: Standing) -> Iterator[str]:
    """Tell how a company stands, the state first."""
    yield f"{known.company_id} ({known.name}): {known.state}"
    if known.trouble is not None:
        yield f"since {moment(known.trouble_since)}: {known.trouble}"
    yield f"last looked at: {moment(known.last_checked_at)}"
    yield f"last run ended: {moment(known.last_run_ended_at)}"
    yield from whereabouts(known)
    if known.takeovers:
        yield f"runs that went on where a worker died: {known.takeovers}"


def whereabouts(known: Standing) -> Iterator[str]:
    """Tell what the engine does for the company at the moment."""
    if known.running_since is not None:
        yield f"at work since {moment(known.running_since)}"
    if known.waiting_since is not None:
        yield f"waiting since {moment(known.waiting_since)}"


def moment(instant: datetime | None) -> str:
    """Return a time as tables show it."""
    return f"{instant:%Y-%m-%d %H:%M} UTC" if instant is not None else "never"
