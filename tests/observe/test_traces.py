"""Spans of a run. One test sends them to a server of its own, with the real exporter."""

import logging
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from threading import Thread
from typing import Any

import pytest
from opentelemetry.trace import INVALID_SPAN_CONTEXT, NonRecordingSpan, get_current_span

from pleo_export.domain.progress import ItemProgress, Phase
from pleo_export.observe.traces import ENDPOINT, Traces, open_traces
from pleo_export.workflow.ports import ItemBegun, ItemSettled, Notice, StepTaken, ignore


class Span(NonRecordingSpan):
    def __init__(self, path: str, attributes: dict[str, Any], log: list[str]) -> None:
        super().__init__(INVALID_SPAN_CONTEXT)
        self.path = path
        self.attributes, self._log, self._ended = dict(attributes), log, False
        log.append(f"+ {self.path}")

    def set_attribute(self, key: str, value: Any) -> None:
        assert not self._ended
        self.attributes[key] = value

    def end(self, end_time: int | None = None) -> None:
        assert not self._ended, f"{self.path} ended twice"
        self._ended = True
        self._log.append(f"- {self.path}")


class Provider:
    """Stands for the SDK: keeps the spans and the order in which they began and ended."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.log: list[str] = []

    def get_tracer(self, _name: str, _version: str) -> "Provider":
        return self

    def start_span(self, name: str, context: Any, attributes: dict[str, Any]) -> Span:
        parent = get_current_span(context) if context is not None else None
        assert parent is None or isinstance(parent, Span)
        span = Span(name if parent is None else f"{parent.path} > {name}", attributes, self.log)
        self.spans.append(span)
        return span


def item(entry_id: str, phase: Phase, code: str | None = None) -> ItemSettled:
    progress = ItemProgress(
        job_id="j", accounting_entry_id=entry_id, position=0, phase=phase, failure_code=code
    )
    return ItemSettled(job_id="j", item=progress)


def step(number: int, job_id: str | None = "j", items: int | None = None) -> StepTaken:
    return StepTaken(step=number, name="x", job_id=job_id, items=items)


NOTICES: list[Notice] = [
    step(1, None),
    step(2),
    step(5, items=2),
    ItemBegun(job_id="j", entry_id="a"),
    ItemBegun(job_id="j", entry_id="b"),
    item("b", Phase.RECORDED),
    step(6),
    ItemBegun(job_id="j", entry_id="a"),
    item("a", Phase.REJECTED, "account-unknown"),
    step(6),
    step(7),
    step(1, None),
]


def test_a_run_holds_jobs_they_hold_steps_and_recording_holds_items() -> None:
    provider = Provider()
    passed_on: list[Notice] = []
    with Traces(provider).run("c", passed_on.append) as notify:
        for notice in NOTICES:
            notify(notice)
    assert passed_on == NOTICES
    assert provider.log == [
        "+ run",
        "+ run > step 1",
        "- run > step 1",
        "+ run > job",
        "+ run > job > step 2",
        "- run > job > step 2",
        "+ run > job > step 5",
        "+ run > job > step 5 > item",
        "+ run > job > step 5 > item",
        "- run > job > step 5 > item",
        "+ run > job > step 6",
        "- run > job > step 5 > item",
        "- run > job > step 6",
        "+ run > job > step 5 > item",
        "- run > job > step 5 > item",
        "+ run > job > step 6",
        "- run > job > step 5",
        "- run > job > step 6",
        "+ run > job > step 7",
        "- run > job > step 7",
        "- run > job",
        "+ run > step 1",
        "- run > step 1",
        "- run",
    ]
    assert [span.attributes for span in provider.spans if span.path.endswith("item")] == [
        {"item": "a", "outcome": "asked again"},
        {"item": "b", "outcome": "recorded"},
        {"item": "a", "outcome": "rejected", "cause": "account-unknown"},
    ]
    assert provider.spans[0].attributes == {"company": "c"}


def test_a_run_that_fails_ends_every_span_and_tells_only_the_kind_of_fault() -> None:
    provider = Provider()

    def fails() -> None:
        with Traces(provider).run("c") as notify:
            for notice in NOTICES[:5]:
                notify(notice)
            raise ValueError("plp_secret")

    with pytest.raises(ValueError, match="plp_secret"):
        fails()
    assert sorted(line[2:] for line in provider.log if line[0] == "+") == sorted(
        line[2:] for line in provider.log if line[0] == "-"
    )
    assert provider.spans[0].attributes == {"company": "c", "error.type": "ValueError"}
    assert [span.attributes["outcome"] for span in provider.spans if "item" in span.attributes] == [
        "unclear"
    ] * 2


def test_without_an_endpoint_notices_pass_untouched(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv(ENDPOINT, raising=False)
    traces = open_traces()
    with traces.run("c", ignore) as notify:
        assert notify is ignore
    traces.close()
    assert caplog.text == ""


def test_an_endpoint_without_the_extra_gives_a_warning_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:4318")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with open_traces().run("c", ignore) as notify:
        assert notify is ignore
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "install pleo-export[traces]" in record.getMessage()


class Collector(BaseHTTPRequestHandler):
    received: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        self.received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.slow
@pytest.mark.skipif(
    find_spec("opentelemetry.exporter") is None, reason="the extra `traces` is not installed here"
)
def test_spans_reach_an_otlp_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    Collector.received = []
    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv(ENDPOINT, f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        traces = open_traces()
        with traces.run("5f0c7f4e") as notify:
            for notice in NOTICES:
                notify(notice)
        traces.close()
        server.shutdown()
    ((path, body),) = Collector.received
    assert path == "/v1/traces"
    for text in (b"pleo-export", b"5f0c7f4e", b"step 5", b"account-unknown"):
        assert text in body
