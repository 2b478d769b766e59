"""What Prometheus reads."""

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pleo_export.domain.job import JobEventType
from pleo_export.domain.progress import ItemProgress, Phase
from pleo_export.observe import metrics
from pleo_export.version import VERSION
from pleo_export.workflow.ports import ItemSettled, JobSummary, Notice, StepTaken

PAGE = Path(__file__).parents[2] / "docs/reference/metrics.md"


def value(name: str, **labels: str) -> float:
    """The value as Prometheus would read it, 0 where there is none."""
    families = text_string_to_metric_families(metrics.exposition().decode())
    samples = [one for family in families for one in family.samples]
    return sum(one.value for one in samples if (one.name, one.labels) == (name, labels))


def item(**what: object) -> ItemProgress:
    return ItemProgress(job_id="j", accounting_entry_id="i", position=0, **what)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settled", "outcome", "cause"),
    [
        (item(phase=Phase.RECORDED), "recorded", ""),
        (item(phase=Phase.RECORDED, already_there=True), "found", ""),
        (item(phase=Phase.REJECTED, failure_code="account-unknown"), "rejected", "account-unknown"),
        (item(phase=Phase.REJECTED, failure_code="no-answer", unknown=True), "unknown", "no-answer"),
    ],
)
def test_settled_items_are_counted_by_outcome_and_cause(
    settled: ItemProgress, outcome: str, cause: str
) -> None:
    before = value("pleo_export_items_total", outcome=outcome, cause=cause)
    passed_on: list[Notice] = []
    notices: list[Notice] = [StepTaken(step=5, name="Record"), ItemSettled(job_id="j", item=settled)]
    notify = metrics.watch(passed_on.append)
    for notice in notices:
        notify(notice)
    assert value("pleo_export_items_total", outcome=outcome, cause=cause) == before + 1
    assert passed_on == notices


@pytest.mark.parametrize(("event", "ending"), [(JobEventType.COMPLETED, "completed"), (None, "given_up")])
def test_jobs_are_counted_by_ending(event: JobEventType | None, ending: str) -> None:
    before = value("pleo_export_jobs_total", ending=ending)
    metrics.job_ended(JobSummary(job_id="j", event=event, items=()))
    assert value("pleo_export_jobs_total", ending=ending) == before + 1


def test_the_time_to_the_start_falls_on_both_sides_of_the_promise() -> None:
    within = value("pleo_export_webhook_to_started_seconds_bucket", le="0.3")
    count = value("pleo_export_webhook_to_started_seconds_count")
    metrics.job_started(0.29)
    metrics.job_started(0.31)
    assert value("pleo_export_webhook_to_started_seconds_bucket", le="0.3") == within + 1
    assert value("pleo_export_webhook_to_started_seconds_count") == count + 2


def test_a_state_that_nobody_is_in_any_more_falls_to_zero() -> None:
    metrics.runs({"waiting": 2, "running": 1}, oldest_waiting_seconds=4.5)
    assert value("pleo_export_runs", state="waiting") == 2
    assert value("pleo_export_lag_seconds") == 4.5
    metrics.runs({"running": 3})
    assert value("pleo_export_runs", state="waiting") == 0
    assert value("pleo_export_runs", state="running") == 3
    assert value("pleo_export_lag_seconds") == 0
    metrics.companies({"active": 5, "paused": 1})
    assert value("pleo_export_companies", state="paused") == 1


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/v3/export-jobs", "/v3/export-jobs"),
        ("/v3/export-jobs/5f0c7f4e-1d54-4a6e-9a6b-0d8c1f3a2b10/items", "/v3/export-jobs/{id}/items"),
        ("/v3/export-job-items:search?page=2", "/v3/export-job-items:search"),
        ("/v1/subscriptions/sub_2Fx%2F1", "/v1/subscriptions/{id}"),
    ],
)
def test_calls_are_counted_without_the_ids_in_their_paths(path: str, template: str) -> None:
    assert metrics.path_template(path) == template
    before = value("pleo_export_pleo_calls_total", method="GET", path=template, status="none")
    metrics.pleo_called("GET", path, None)
    metrics.pleo_called("GET", path, 200)
    assert value("pleo_export_pleo_calls_total", method="GET", path=template, status="none") == before + 1
    assert value("pleo_export_pleo_calls_total", method="GET", path=template, status="200") >= 1


def test_what_happens_is_counted() -> None:
    def counts() -> list[float]:
        return [
            value("pleo_export_retries_total", system="pleo"),
            value("pleo_export_takeovers_total"),
            value("pleo_export_webhooks_total", result="taken"),
        ]

    before = counts()
    metrics.call_repeated("pleo")
    metrics.taken_over(4)
    metrics.webhook("taken")
    assert counts() == [one + more for one, more in zip(before, (1, 4, 1), strict=True)]


def test_the_version_is_a_label() -> None:
    assert value("pleo_export_build_info", version=VERSION) == 1


def test_every_metric_of_ours_stands_in_the_reference_and_no_other() -> None:
    families = text_string_to_metric_families(metrics.exposition().decode())
    ours = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in families
        if family.name.startswith("pleo_export_") and not family.name.endswith("_created")
    }
    assert len(ours) >= 11
    assert set(re.findall(r"^\| `(pleo_export_\w+)`", PAGE.read_text(encoding="utf-8"), re.MULTILINE)) == ours
