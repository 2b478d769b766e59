"""How the page says things: states, outcomes, amounts, and what helps against a failure."""

import re
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from string import Formatter
from typing import NamedTuple
from urllib.parse import urlsplit

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import Rejection
from pleo_export.domain.item import MoneyModel
from pleo_export.domain.job import JobEventType
from pleo_export.domain.money import Money, MoneyError
from pleo_export.domain.progress import Company, ItemProgress, JobProgress, Phase, Settled
from pleo_export.engine import CompanyRuns
from pleo_export.service.standing import Standing, standing
from pleo_export.store.views import Differing, LastJob, Outcome


class State(NamedTuple):
    """A state in a word or two, how it is coloured (a class of the stylesheet), and a sentence where there is more to say.

    `helps` is where what can be done stands, below the company's address.
    """

    word: str
    tone: str
    sentence: str | None = None
    since: datetime | None = None
    helps: str = ""


OUTCOMES = {
    Outcome.WAITING: State("waiting", "soft"),
    Outcome.BEGUN: State("begun", "soft"),
    Outcome.RECORDED: State("recorded", "good"),
    Outcome.SETTLED: State("settled by a person", "good"),
    Outcome.FAILED: State("failed", "bad"),
    Outcome.UNKNOWN: State("not known", "warn"),
}
SETTLED = {
    Settled.LOOKED_UP: State("found by looking it up", "good"),
    Settled.BY_HAND: State("recorded by hand", "good"),
}
CLOSINGS = {
    JobEventType.COMPLETED: State("completed", "good"),
    JobEventType.COMPLETED_WITH_ERRORS: State("completed with errors", "warn"),
    JobEventType.FAILED: State("failed", "bad"),
}


def company_state(company: Company, runs: CompanyRuns, now: datetime, differing: Differing | None) -> State:
    """Return how a company in service stands."""
    stands = standing(company, runs)
    if company.paused_at is not None:
        return State("paused", "warn", "Its jobs wait in Pleo, and expire there.", company.paused_at)
    if stands.trouble is not None:
        return State("needs attention", "bad", stands.trouble, stands.trouble_since, "/health")
    if differing is not None:
        places = f"{differing.number:,} place{'' if differing.number == 1 else 's'}"
        differs = f"Pleo and the books differ in {places}."
        return State("needs attention", "bad", differs, differing.since, "#differences")
    if company.waiting_until is not None and company.waiting_until > now:
        return State(f"waiting for a limit until {company.waiting_until:%H:%M} UTC", "warn")
    return _at_work(stands)


def _at_work(stands: Standing) -> State:
    if stands.running_since is not None:
        return State("working", "good", None, stands.running_since)
    if stands.waiting_since is not None:
        return State("about to begin", "soft", None, stands.waiting_since)
    return State("idle", "soft")


def job_state(job: JobProgress | LastJob) -> State:
    """Return how a job stands or how it ended."""
    if job.closed_at is not None and job.closing_event is not None:
        return CLOSINGS[job.closing_event]
    if job.problem is not None:
        return State("given up", "bad", job.problem)
    return State("in progress" if job.closing_event is None else "about to be closed", "soft")


def outcome(item: ItemProgress) -> Outcome:
    """Return what became of an item."""
    match item.phase:
        case Phase.PLANNED:
            return Outcome.WAITING
        case Phase.INTENDED:
            return Outcome.BEGUN
        case Phase.RECORDED:
            return Outcome.RECORDED if item.settled_how is None else Outcome.SETTLED
        case Phase.REJECTED:
            return Outcome.UNKNOWN if item.unknown else Outcome.FAILED


def item_state(item: ItemProgress) -> State:
    """Return what became of an item, in words."""
    if item.settled_how is not None:
        return SETTLED[item.settled_how]
    if item.phase is Phase.RECORDED and item.already_there:
        return State("in the books already", "good")
    return OUTCOMES[outcome(item)]


def cause_name(cause: str) -> str:
    """Return a cause's code as words."""
    return cause.replace("-", " ").capitalize()


def advice(why: Rejection) -> tuple[str, str]:
    """Return what is wrong and what helps, apart. Where the reason does not end as its cause does, all of it is wrong."""
    pattern = _ending(why.cause)
    found = pattern.fullmatch(why.reason) if pattern else None
    return (found[1], found[2]) if found else (why.reason, "")


def remedy_in_general(cause: Cause) -> str:
    """Return what helps against a cause, without what differs from expense to expense."""
    return "".join(
        text + ("" if field is None else "…") for text, field, _, _ in Formatter().parse(cause.remedy)
    )


@cache
def _ending(cause: Cause) -> re.Pattern[str] | None:
    pieces = [text for text, *_ in Formatter().parse(cause.remedy)]
    if not any(pieces):
        return None
    remedy = ".*".join(re.escape(text) for text in pieces) + (".*" if cause.remedy.endswith("}") else "")
    return re.compile(f"(.+?) ({remedy})", re.DOTALL)


def money(value: Money | MoneyModel | None) -> str:
    """Return an amount with its currency, as it was sent where it is no exact one."""
    if value is None:
        return ""
    try:
        exact = value if isinstance(value, Money) else value.exact()
        decimal = exact.decimal
    except MoneyError:
        plain = value.units if isinstance(value, Money) else value.value / 100
        return f"{plain} {value.currency}"
    return f"{decimal:,f} {value.currency}"


def percent(rate: Decimal) -> str:
    """Return a fraction as a percentage."""
    return f"{(rate * 100).normalize():f} %"


def web_address(url: str | None) -> str | None:
    """Return the address where it leads to a page, None where it is anything else."""
    try:
        scheme = urlsplit(url or "").scheme
    except ValueError:
        return None
    return url if scheme in ("http", "https") else None


def lasting(seconds: float) -> str:
    """Return how long something takes, in the two largest units."""
    whole = timedelta(seconds=round(seconds))
    hours, rest = divmod(int(whole.total_seconds()), 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {left} s" if minutes else f"{left} s"
