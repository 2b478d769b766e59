"""Metrics for Prometheus: what this process has done, and how things stand. docs/reference/metrics.md tells each one."""

import re
from collections.abc import Callable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from pleo_export.domain.progress import ItemProgress, Phase
from pleo_export.version import VERSION
from pleo_export.workflow.ports import ItemSettled, JobSummary, Notice, ignore

# Our own, so that nothing a library counts by itself shows.
REGISTRY = CollectorRegistry()

# The promise is 300 ms; polling alone finds a job within minutes.
_STARTED_BOUNDS_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 15, 60, 300, 900)
_WORD_OF_A_PATH = re.compile(r"v[0-9]+|[a-z]+([-:][a-z]+)*")

_jobs = Counter("pleo_export_jobs", "Jobs that ended, by ending.", ["ending"], registry=REGISTRY)
_items = Counter("pleo_export_items", "Expenses settled.", ["outcome", "cause"], registry=REGISTRY)
_started = Histogram(
    "pleo_export_webhook_to_started_seconds",
    "From the webhook to the job's start in Pleo.",
    registry=REGISTRY,
    buckets=_STARTED_BOUNDS_SECONDS,
)
_lag = Gauge(
    "pleo_export_lag_seconds", "Age of the oldest run that waits; 0 where none does.", registry=REGISTRY
)
_runs = Gauge("pleo_export_runs", "Runs, by state.", ["state"], registry=REGISTRY)
_companies = Gauge("pleo_export_companies", "Companies, by state.", ["state"], registry=REGISTRY)
_differences = Gauge(
    "pleo_export_differences",
    "Expenses of which Pleo, our memory and the books do not say the same.",
    ["kind"],
    registry=REGISTRY,
)
_calls = Counter("pleo_export_pleo_calls", "Calls to Pleo.", ["method", "path", "status"], registry=REGISTRY)
_retries = Counter("pleo_export_retries", "Calls sent again.", ["system"], registry=REGISTRY)
_takeovers = Counter("pleo_export_takeovers", "Runs taken over from a dead worker.", registry=REGISTRY)
_webhooks = Counter("pleo_export_webhooks", "Webhooks received.", ["result"], registry=REGISTRY)
_build = Gauge("pleo_export_build_info", "Always 1; the version is a label.", ["version"], registry=REGISTRY)

_build.labels(VERSION).set(1)
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)


def job_ended(summary: JobSummary) -> None:
    """Count a job by its closing event, or as `given_up` where it got none."""
    _jobs.labels(summary.event or "given_up").inc()


def item_settled(item: ItemProgress) -> None:
    """Count an expense by its outcome: recorded, found (it stood there already), rejected or unknown."""
    _items.labels(_outcome(item), item.failure_code or "").inc()


def job_started(seconds: float) -> None:
    """Note the seconds from a webhook to the start of its job in Pleo."""
    _started.observe(seconds)


def runs(by_state: Mapping[str, int], oldest_waiting_seconds: float = 0) -> None:
    """Show how many runs stand in each state now, and since when the oldest one waits. Other states fall to 0."""
    _show(_runs, by_state)
    _lag.set(oldest_waiting_seconds)


def companies(by_state: Mapping[str, int]) -> None:
    """Show how many companies stand in each state now. Other states fall to 0."""
    _show(_companies, by_state)


def differences(by_kind: Mapping[str, int]) -> None:
    """Show how many expenses differ between Pleo, our memory and the books, by kind."""
    for kind, number in by_kind.items():
        _differences.labels(kind).set(number)


def pleo_called(method: str, path: str, status: int | None) -> None:
    """Count a call to Pleo; without an answer the status is `none`. Ids in the path are left out."""
    _calls.labels(method, path_template(path), "none" if status is None else str(status)).inc()


def call_repeated(system: str) -> None:
    """Count a call that is sent again, to `pleo` or to an accounting system."""
    _retries.labels(system).inc()


def taken_over(number: int = 1) -> None:
    """Count runs that this worker took over from a dead one."""
    _takeovers.inc(number)


def webhook(result: str) -> None:
    """Count a webhook by what became of it."""
    _webhooks.labels(result).inc()


def watch(notify: Callable[[Notice], None] = ignore) -> Callable[[Notice], None]:
    """Count the expenses that the workflow settles, and pass its notices on."""

    def told(notice: Notice) -> None:
        if isinstance(notice, ItemSettled):
            item_settled(notice.item)
        notify(notice)

    return told


def exposition() -> bytes:
    """Return all metrics in Prometheus' text format (text/plain; version=0.0.4)."""
    return generate_latest(REGISTRY)


def path_template(path: str) -> str:
    """Return the path with `{id}` for every part that is no word of the API, so that metrics stay few."""
    parts = path.partition("?")[0].split("/")
    return "/".join(part if not part or _WORD_OF_A_PATH.fullmatch(part) else "{id}" for part in parts)


def _outcome(item: ItemProgress) -> str:
    if item.unknown:
        return "unknown"
    if item.phase is Phase.RECORDED and item.already_there:
        return "found"
    return item.phase


def _show(gauge: Gauge, by_state: Mapping[str, int]) -> None:
    (family,) = gauge.collect()
    for sample in family.samples:
        if sample.labels["state"] not in by_state:
            gauge.labels(**sample.labels).set(0)
    for state, number in by_state.items():
        gauge.labels(state).set(number)
