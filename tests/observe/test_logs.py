"""Log lines: what they hold, what they never hold, and whose they are."""

import io
import json
import logging
import threading
from typing import Any

import pytest
import structlog
from dbos._logger import init_logger
from hypothesis import HealthCheck, given, settings

from pleo_export.domain.progress import ItemProgress, Phase
from pleo_export.observe import logs
from pleo_export.pleo.errors import Facts, PleoUnavailableError
from pleo_export.workflow.ports import ItemBegun, ItemSettled, Notice, StepTaken
from tests.observe.secrets import Seeded, nested, seeded

pytestmark = pytest.mark.usefixtures("logging_restored")
log = logging.getLogger("pleo_export.some.module")


class Written:
    """What was logged since `configure`."""

    def __init__(self, log_format: logs.LogFormat = "json", level: logs.LogLevel = "debug") -> None:
        self.stream = io.StringIO()
        logs.configure(log_format, level, self.stream)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


def test_a_line_is_one_json_object() -> None:
    written = Written()
    log.info("two\nlines of %s", "æøå", extra={"items": 3})
    (line,) = written.lines
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "two\nlines of æøå",
        "level": "info",
        "logger": "pleo_export.some.module",
        "items": 3,
    }


def test_both_ways_of_logging_give_the_same_line() -> None:
    written = Written()
    with logs.about(company="c"):
        log.warning("%d left", 3, extra={"items": 1})
        structlog.get_logger("pleo_export.some.module").warning("%d left", 3, items=1)
    first, second = written.lines
    del first["timestamp"], second["timestamp"]
    assert (
        first
        == second
        == {
            "event": "3 left",
            "level": "warning",
            "logger": "pleo_export.some.module",
            "items": 1,
            "company": "c",
        }
    )


def test_what_is_below_the_level_is_not_written() -> None:
    written = Written(level="warning")
    log.info("no")
    structlog.get_logger("x").info("no")
    log.warning("yes")
    assert [line["event"] for line in written.lines] == ["yes"]


def test_the_console_shows_the_same_for_a_person() -> None:
    written = Written("console")
    with logs.about(company="c", job="j"):
        log.info("hello")
    assert "hello" in written.text
    assert "company=c job=j" in written.text


def test_lines_say_what_they_are_about_until_the_body_ends() -> None:
    written = Written()
    with logs.about(company="c"), logs.about(job="j", item="i", request="r"):
        log.info("inside")
    log.info("outside")
    inside, outside = written.lines
    assert (inside["company"], inside["job"], inside["item"], inside["request"]) == ("c", "j", "i", "r")
    assert not {"company", "job", "item", "request"} & outside.keys()


@pytest.mark.slow
@settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seeded)
def test_no_secret_is_ever_written(case: Seeded) -> None:
    formats: tuple[logs.LogFormat, ...] = ("json", "console")
    for log_format in formats:
        written = Written(log_format)
        with logs.about(company=case.text, request=case.text):
            log_everywhere(case.text)
        assert written.text.count("marked") >= 6  # where in doubt, more than the secret goes
        assert case.secret not in written.text
        assert json.dumps(case.secret)[1:-1] not in written.text


def log_everywhere(text: str) -> None:
    """Write a text in every way in which one gets into a log."""
    structured = structlog.get_logger("pleo_export.other")
    log.info("marked %s", text)
    log.info("marked " + text.replace("%", "%%"), extra={"field": text, "deep": nested(text)})  # noqa: G003
    structured.info("marked", field=text, deep=nested(text))
    logging.getLogger("uvicorn.error").error("marked %s", text, extra={"color_message": text})
    logging.getLogger("uvicorn.access").info('marked %s - "%s"', "127.0.0.1", text)
    logging.getLogger("dbos").warning("marked %r", text)
    inner, outer = ValueError(text), RuntimeError("outer", {"inner": text})
    inner.add_note(text)
    outer.__cause__ = inner
    try:
        raise outer
    except RuntimeError:
        log.exception("marked")
        structured.exception("marked")


def test_a_line_that_cannot_be_made_is_told_without_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    written = Written()
    log.info("%d", "plp_secret")
    assert written.text == ""
    told = capsys.readouterr().err
    assert told.startswith("A log line of pleo_export.some.module:")
    assert told.endswith(" could not be written (TypeError).\n")


def test_the_id_that_pleo_gave_a_failed_call_stands_in_the_line() -> None:
    written = Written()
    facts = Facts(method="GET", path="/v3/export-jobs", status=503, request_id="req-7")
    inner, outer = PleoUnavailableError(facts), RuntimeError()
    outer.__cause__ = inner
    try:
        raise outer
    except RuntimeError:
        log.exception("by the library")
        structlog.get_logger("x").exception("by structlog")
    inner.__cause__ = RuntimeError()
    inner.__cause__.__cause__ = inner
    log.warning("a ring of causes", exc_info=inner.__cause__)
    assert [line["request"] for line in written.lines] == ["req-7"] * 3


def test_other_libraries_write_each_line_once_and_in_our_form() -> None:
    written = Written()
    init_logger()  # what the engine does when it is made
    for name in ("dbos", "uvicorn", "uvicorn.error", "uvicorn.access", "aiohttp.server"):
        logging.getLogger(name).error("hello")
    assert [line["logger"] for line in written.lines] == [
        "dbos",
        "uvicorn",
        "uvicorn.error",
        "uvicorn.access",
        "aiohttp.server",
    ]


def test_configuring_again_replaces_what_was() -> None:
    first, second = Written(), Written()
    log.info("once")
    assert (first.text, len(second.lines)) == ("", 1)


def test_a_fault_in_a_thread_is_logged_without_its_secret() -> None:
    written = Written()

    def fails() -> None:
        raise ValueError("plp_demo_key_0001")

    thread = threading.Thread(target=fails, name="drain")
    thread.start()
    thread.join()
    (line,) = written.lines
    assert line["event"] == "thread drain ended with a fault"
    assert "ValueError: [removed]" in line["exception"]


def test_notices_of_the_workflow_are_logged_and_name_their_job_and_item() -> None:
    written = Written()
    passed_on: list[Notice] = []
    rejected = ItemProgress(
        job_id="j",
        accounting_entry_id="i",
        position=0,
        phase=Phase.REJECTED,
        failure_code="account-unknown",
        failure_reason="Anna's account is unknown.",
    )
    notices: list[Notice] = [
        StepTaken(step=1, name="Detect and start"),
        StepTaken(step=5, name="Record", job_id="j", items=1),
        ItemBegun(job_id="j", entry_id="i"),
        ItemSettled(job_id="j", item=rejected),
        StepTaken(step=1, name="Detect and start"),
    ]
    notify = logs.watch(passed_on.append)
    for notice in notices:
        notify(notice)
    assert passed_on == notices
    detect, record, item, again = written.lines
    assert "job" not in detect
    assert (record["event"], record["items"], record["job"]) == ("step 5: Record", 1, "j")
    assert (item["event"], item["item"], item["cause"]) == ("item rejected", "i", "account-unknown")
    assert "Anna" not in written.text
    assert "job" not in again
