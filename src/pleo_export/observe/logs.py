"""Logs: one line an event, as JSON or for a person, with the ids it is about and without secrets.

All of it goes through the standard library's logging, so that modules of ours, uvicorn and the engine are treated alike.
"""

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Literal, TextIO

import structlog
from structlog.contextvars import bind_contextvars, bound_contextvars, merge_contextvars, unbind_contextvars
from structlog.typing import EventDict, Processor, WrappedLogger

from pleo_export.domain.progress import Phase
from pleo_export.observe.redaction import redacted_value
from pleo_export.workflow.ports import ItemBegun, ItemSettled, Notice, StepTaken, ignore

log = logging.getLogger(__name__)

# They bring handlers of their own. The engine's adds its own again unless it finds one.
_OWN_HANDLERS = ("uvicorn", "uvicorn.error", "uvicorn.access", "dbos")


# A chain of causes longer than this is not searched for the id of a call.
_CAUSES_MAX = 20

LogFormat = Literal["console", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]


def configure(log_format: LogFormat, level: LogLevel = "info", stream: TextIO | None = None) -> None:
    """Send every log line of the process, from this level on, to the stream (default: standard error).

    Run uvicorn with `log_config=None`, else it takes its lines back. May be called again.
    """
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *_COMMON],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _upstream_request,
                structlog.processors.format_exc_info,
                _redact,
                _renderer(log_format, handler.stream),
            ],
        )
    )
    logging.root.setLevel(level.upper())
    logging.root.handlers = [handler]
    for name in _OWN_HANDLERS:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            *_COMMON,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    threading.excepthook = _thread_failed


@contextmanager
def about(
    *, company: str | None = None, job: str | None = None, item: str | None = None, request: str | None = None
) -> Iterator[None]:
    """Put these ids into every log line of the body, of its tasks and of the threads it awaits.

    `request` is the id that the other side gave a call.
    """
    ids = {"company": company, "job": job, "item": item, "request": request}
    with bound_contextvars(**{name: value for name, value in ids.items() if value is not None}):
        yield


def watch(notify: Callable[[Notice], None] = ignore) -> Callable[[Notice], None]:
    """Log what the workflow tells, and pass it on; from then on its lines say which job and item they are about.

    The ids last as long as the task that runs the workflow.
    """

    def told(notice: Notice) -> None:
        match notice:
            case StepTaken():
                _tell_step(notice)
            case ItemBegun():
                bind_contextvars(item=notice.entry_id)
            case ItemSettled():
                _tell_item(notice)
        notify(notice)

    return told


class _Handler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 the name in the standard library
        # The library's own would show the values, and nothing has redacted them.
        kind = sys.exc_info()[0]
        reason = kind.__name__ if kind else "unknown"
        sys.stderr.write(f"A log line of {record.name}:{record.lineno} could not be written ({reason}).\n")


def _thread_failed(args: threading.ExceptHookArgs) -> None:
    name = args.thread.name if args.thread else "unknown"
    cause = args.exc_value or args.exc_type()
    log.critical("thread %s ended with a fault", name, exc_info=cause)


def _upstream_request(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add the id of the failed call, where the exception or one of its causes knows it."""
    info = sys.exc_info() if event.get("exc_info") is True else event.get("exc_info")
    error = info[1] if isinstance(info, tuple) else info
    for one in islice(_causes(error), _CAUSES_MAX):
        if (request := getattr(one, "request_id", None)) is not None:
            event["request"] = request
            break
    return event


def _causes(error: object) -> Iterator[BaseException]:
    while isinstance(error, BaseException):
        yield error
        error = error.__cause__ or error.__context__


def _redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event.pop("color_message", None)  # uvicorn's second version of each message
    return {str(key): redacted_value(value, str(key)) for key, value in event.items()}


def _renderer(log_format: LogFormat, stream: TextIO) -> Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(
        colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
    )


_COMMON: list[Processor] = [
    merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def _tell_step(step: StepTaken) -> None:
    """Tell the steps of a job; that somebody looked for one happens all the time, and is for debugging."""
    if step.job_id is None:
        unbind_contextvars("job")
    else:
        bind_contextvars(job=step.job_id)
    level = logging.DEBUG if step.job_id is None else logging.INFO
    extra = {} if step.items is None else {"items": step.items}
    log.log(level, "step %d: %s", step.step, step.name, extra=extra)


def _tell_item(settled: ItemSettled) -> None:
    """Only failures are worth a line in normal times; why, the reason tells, which may name people."""
    item = settled.item
    level = logging.INFO if item.phase is Phase.REJECTED else logging.DEBUG
    extra = {"item": item.accounting_entry_id, "cause": item.failure_code}
    log.log(level, "item %s", item.phase, extra={key: value for key, value in extra.items() if value})
