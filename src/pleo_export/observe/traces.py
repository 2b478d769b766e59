"""Traces: a span for each run, its jobs, their steps and their expenses. They hold ids and codes, nothing else.

Only where an OTLP endpoint is configured and the extra `traces` is installed; elsewhere the workflow's notices pass
untouched.
"""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pleo_export.version import VERSION
from pleo_export.workflow.ports import ItemBegun, ItemSettled, Notice, StepTaken, ignore

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

log = logging.getLogger(__name__)

RECORDING, REPORTING = 5, 6

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


class Traces:
    """Makes spans of what the workflow tells; without a provider it does nothing."""

    def __init__(self, provider: Any = None) -> None:
        self._provider = provider
        self._tracer: Tracer | None = provider and provider.get_tracer("pleo_export", VERSION)

    @contextmanager
    def run(
        self, company_id: str, notify: Callable[[Notice], None] = ignore
    ) -> Iterator[Callable[[Notice], None]]:
        """Trace one run for a company: yields what is to be notified, which passes every notice on."""
        if self._tracer is None:
            yield notify
            return
        spans = _Spans(self._tracer, company_id)

        def told(notice: Notice) -> None:
            spans.told(notice)
            notify(notice)

        try:
            yield told
        except BaseException as error:
            spans.failed(error)
            raise
        finally:
            spans.end()

    def close(self) -> None:
        """Send what is left."""
        if self._provider is not None:
            self._provider.shutdown()


def open_traces() -> Traces:
    """Return traces to the endpoint that the environment names, or ones that do nothing. Warns where the extra is missing.

    The exporter's other variables (OTEL_EXPORTER_OTLP_HEADERS and so on) are read as OpenTelemetry defines them.
    """
    if not os.environ.get(ENDPOINT):
        return Traces()
    try:
        sdk = import_module("opentelemetry.sdk.trace")
        resources = import_module("opentelemetry.sdk.resources")
        export = import_module("opentelemetry.sdk.trace.export")
        otlp = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    except ImportError:
        log.warning("%s is set, but no traces are sent: install pleo-export[traces], or unset it", ENDPOINT)
        return Traces()
    name = os.environ.get("OTEL_SERVICE_NAME", "pleo-export")
    provider = sdk.TracerProvider(resource=resources.Resource.create({"service.name": name}))
    provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter()))
    return Traces(provider)


class _Spans:
    """The spans of one run that are open now. A step lasts until the next one; reporting happens within recording."""

    def __init__(self, tracer: "Tracer", company_id: str) -> None:
        self._tracer = tracer
        self._in_context = import_module("opentelemetry.trace").set_span_in_context
        self._run = self._begin("run", None, company=company_id)
        self._job_id: str | None = None
        self._job = self._run
        self._steps: dict[int, Span] = {}
        self._items: dict[str, Span] = {}

    def told(self, notice: Notice) -> None:
        match notice:
            case StepTaken():
                self._step(notice)
            case ItemBegun():
                self._end_item(notice.entry_id, "asked again")
                self._end_steps(REPORTING)
                parent = self._steps.get(RECORDING, self._job)
                self._items[notice.entry_id] = self._begin("item", parent, item=notice.entry_id)
            case ItemSettled(item=item):
                self._end_item(item.accounting_entry_id, item.phase, item.failure_code)

    def failed(self, error: BaseException) -> None:
        self._run.set_attribute("error.type", type(error).__name__)  # its text may hold what is in no log

    def end(self) -> None:
        self._end_job()
        self._run.end()

    def _step(self, step: StepTaken) -> None:
        if step.job_id != self._job_id:
            self._end_job()
            if step.job_id is not None:
                self._job_id, self._job = step.job_id, self._begin("job", self._run, job=step.job_id)
        self._end_steps(*(number for number in self._steps if (number, step.step) != (RECORDING, REPORTING)))
        items = {} if step.items is None else {"items": step.items}
        self._steps[step.step] = self._begin(f"step {step.step}", self._job, **items)

    def _end_job(self) -> None:
        for entry_id in tuple(self._items):
            self._end_item(entry_id, "unclear")
        self._end_steps(*self._steps)
        if self._job is not self._run:
            self._job.end()
        self._job_id, self._job = None, self._run

    def _end_steps(self, *numbers: int) -> None:
        for number in numbers:
            if (step := self._steps.pop(number, None)) is not None:
                step.end()

    def _end_item(self, entry_id: str, outcome: str, cause: str | None = None) -> None:
        if (item := self._items.pop(entry_id, None)) is None:
            return
        item.set_attribute("outcome", outcome)
        if cause is not None:
            item.set_attribute("cause", cause)
        item.end()

    def _begin(self, name: str, parent: "Span | None", **attributes: str | int) -> "Span":
        context = None if parent is None else self._in_context(parent)
        return self._tracer.start_span(name, context=context, attributes=attributes)
