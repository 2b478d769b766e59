"""The calls of the Export API: what is sent, what is read, paging, and events with unclear answers."""

import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from pleo_export.domain.failure_types import ItemFailureType, JobFailureType
from pleo_export.domain.item import ExportItem, UnreadableItem
from pleo_export.domain.job import ItemStatus, ItemUpdate, JobEvent, JobEventType, JobStatus
from pleo_export.pleo import errors, limits
from pleo_export.pleo.auth import ApiKey
from pleo_export.pleo.client import PleoClient
from tests.pleo.misbehaving_server import RESETS, STALLS, Behaviour, Server, Waits, answers, serving
from tests.pleo.pleo_samples import COMPANY, ENTRY, JOB, SECRET, item, job, job_item, page, problem, single

EVENTS = "POST /v3/export-job-events"
LOOK = f"GET /v3/export-jobs/{JOB}"
ACCEPTED = answers(202)
PROXY = answers(200, headers={"Content-Type": "text/html"}, raw=b"<html>Please log in</html>")
TOO_LATE = answers(422, problem("INVALID_EXPORT_JOB_STATUS_CHANGE"))


def client(server: Server, waits: Waits | None = None) -> PleoClient:
    return PleoClient(server.url, ApiKey(SECRET), around=(waits or Waits()).around, timeouts=server.timeouts)


def query(server: Server, number: int = 0) -> dict[str, list[str]]:
    return parse_qs(urlsplit(server.requests[number].target).query)


def standing(status: str, **fields: object) -> Behaviour:
    return answers(200, single(job(status, **fields)))


async def test_jobs_are_listed_by_company_and_repeated_status() -> None:
    async with serving(answers(200, page(job()))) as server, client(server) as pleo:
        jobs = await pleo.list_jobs(COMPANY, [JobStatus.PENDING, JobStatus.IN_PROGRESS])
    assert [(found.id, found.status) for found in jobs] == [(JOB, "pending")]
    assert server.calls == ["GET /v3/export-jobs"]
    assert query(server) == {
        "company_id": [COMPANY],
        "statuses": ["pending", "in_progress"],
        "limit": ["100"],
    }


async def test_unknown_fields_and_values_are_kept_not_refused() -> None:
    sent = job("paused_by_pleo", brandNew={"deep": [1]})
    async with serving(answers(200, single(sent))) as server, client(server) as pleo:
        read = await pleo.get_job(JOB)
    assert read.status == "paused_by_pleo"
    assert json.loads(read.as_sent)["brandNew"] == {"deep": [1]}


async def test_an_id_cannot_lead_to_another_path() -> None:
    async with serving(standing("pending")) as server, client(server) as pleo:
        await pleo.get_job("../v1/secrets?x=1")
    assert server.requests[0].target == "/v3/export-jobs/..%2Fv1%2Fsecrets%3Fx%3D1"


async def test_a_path_in_the_base_url_is_kept() -> None:
    async with (
        serving(standing("pending")) as server,
        PleoClient(f"{server.url}/gateway/", ApiKey(SECRET)) as pleo,
    ):
        await pleo.get_job(JOB)
    assert server.calls == [f"GET /gateway/v3/export-jobs/{JOB}"]


async def test_pages_are_followed_to_the_end_also_past_short_and_empty_ones() -> None:
    script = [
        answers(200, page(job_item("a"), cursor="MFRA====", more=True)),
        answers(200, page(cursor="MFRB~===", more=True)),
        answers(200, page(job_item("b"), job_item("c"), cursor="MFRC====")),
    ]
    async with serving(*script) as server, client(server) as pleo:
        records = [record.accounting_entry_id async for record in pleo.job_items(JOB, ItemStatus.PENDING)]
    assert records == ["a", "b", "c"]
    assert [query(server, number).get("after") for number in range(3)] == [None, ["MFRA===="], ["MFRB~==="]]
    assert all(query(server, number)["limit"] == ["100"] for number in range(3))
    assert all(query(server, number)["status"] == ["pending"] for number in range(3))


async def test_an_empty_page_without_a_cursor_is_the_end() -> None:
    script = [answers(200, page(job_item(), cursor="MFRA====", more=True)), answers(200, page(more=True))]
    async with serving(*script) as server, client(server) as pleo:
        assert len([record async for record in pleo.job_items(JOB)]) == 1
    assert len(server.requests) == 2


async def test_a_page_that_promises_more_without_a_cursor_is_no_end_but_unreadable() -> None:
    async with serving(answers(200, page(job_item(), more=True))) as server, client(server) as pleo:
        with pytest.raises(errors.PleoUnreadableAnswerError):
            [record async for record in pleo.job_items(JOB)]
    assert len(server.requests) == limits.tries_max


async def test_a_cursor_that_comes_again_is_an_error_not_an_endless_list() -> None:
    script = [
        answers(200, page(job(), cursor=cursor, more=True)) for cursor in ("MFRA====", "MFRB====", "MFRA====")
    ]
    async with serving(*script) as server, client(server) as pleo:
        with pytest.raises(errors.RepeatingCursorError):
            await pleo.list_jobs(COMPANY, [JobStatus.PENDING])
    assert len(server.requests) == 3


async def test_one_expense_that_cannot_be_read_costs_no_other() -> None:
    elements = [item("a"), item("b", type=7), "no object", item("d")]
    async with serving(answers(200, page(*elements))) as server, client(server) as pleo:
        first, second, third, fourth = [found async for found in pleo.export_items(JOB)]
    assert isinstance(first, ExportItem)
    assert isinstance(fourth, ExportItem)
    assert json.loads(first.as_sent) == item("a")
    assert isinstance(second, UnreadableItem)
    assert second.accounting_entry_id == "b"
    assert "$.type" in second.found
    assert isinstance(third, UnreadableItem)
    assert third.accounting_entry_id is None
    assert query(server) == {"job_id": [JOB], "limit": ["100"]}


async def test_an_expense_whose_text_is_no_utf8_costs_no_other() -> None:
    whole = json.dumps(page(item("a"), "HERE")).encode().replace(b'"HERE"', b'{"accountingEntryId": "\xff"}')
    async with serving(answers(200, raw=whole)) as server, client(server) as pleo:
        found = [element async for element in pleo.export_items(JOB)]
    assert isinstance(found[0], ExportItem)
    assert isinstance(found[1], UnreadableItem)


@pytest.mark.parametrize(
    "body", [b"[]", b'{"data": []}', b'{"data": [' + b"[" * 5000, b'{"data": 7, "pagination": {}}']
)
async def test_a_page_that_is_no_page_is_asked_for_again_and_then_an_error(body: bytes) -> None:
    async with serving(answers(200, raw=body)) as server, client(server) as pleo:
        with pytest.raises(errors.PleoUnreadableAnswerError):
            [_ async for _ in pleo.export_items(JOB)]
    assert len(server.requests) == limits.tries_max


async def test_the_problem_of_an_expense_shows_no_value_of_it() -> None:
    async with serving(answers(200, page(item(date="Anna Jensen")))) as server, client(server) as pleo:
        [found] = [element async for element in pleo.export_items(JOB)]
    assert isinstance(found, UnreadableItem)
    assert "Anna" not in found.found
    assert "$.date" in found.found


async def test_updates_go_as_a_bare_array_without_nulls_in_whole_seconds() -> None:
    answer = {
        "data": [job_item(status="successful")],
        "errors": [{"accountingEntryId": "x", "message": "No", "type": "ACCOUNTING_ENTRY_DOES_NOT_EXIST"}],
    }
    exported = datetime(2026, 1, 5, 9, 31, 10, 654321, tzinfo=UTC)
    updates = [
        ItemUpdate(
            accounting_entry_id=ENTRY, status=ItemStatus.SUCCESSFUL, exported_at=exported, external_id="JRN-1"
        ),
        ItemUpdate(
            accounting_entry_id="x",
            status=ItemStatus.FAILED,
            failure_reason="No such tag",
            failure_reason_type=ItemFailureType.TAG_UNKNOWN,
        ),
    ]
    async with serving(answers(200, answer)) as server, client(server) as pleo:
        result = await pleo.update_items(JOB, updates)
    assert server.calls == [f"PUT /v3/export-jobs/{JOB}/items"]
    assert json.loads(server.requests[0].body) == [
        {
            "accountingEntryId": ENTRY,
            "status": "successful",
            "exportedAt": "2026-01-05T09:31:10Z",
            "externalId": "JRN-1",
        },
        {
            "accountingEntryId": "x",
            "status": "failed",
            "failureReason": "No such tag",
            "failureReasonType": "tag_unknown",
        },
    ]
    assert [record.status for record in result.data] == ["successful"]
    assert [error.type for error in result.errors] == ["ACCOUNTING_ENTRY_DOES_NOT_EXIST"]


async def test_more_updates_than_pleo_takes_are_refused_here_and_none_is_not_sent() -> None:
    one = ItemUpdate(accounting_entry_id=ENTRY, status=ItemStatus.IN_PROGRESS)
    async with serving() as server, client(server) as pleo:
        with pytest.raises(errors.TooManyUpdatesError, match="101"):
            await pleo.update_items(JOB, [one] * (limits.items_per_update_max + 1))
        assert (await pleo.update_items(JOB, [])).data == ()
    assert server.connections == 0


async def test_a_job_is_created_with_what_the_reference_names() -> None:
    async with serving(answers(201, single(job()))) as server, client(server) as pleo:
        await pleo.create_job([ENTRY], COMPANY, employee_id="e-1", vendor_based_bookkeeping=True)
    assert json.loads(server.requests[0].body) == {
        "accountingEntryIds": [ENTRY],
        "companyId": COMPANY,
        "employeeId": "e-1",
        "isInteractive": True,
        "options": {"vendorBasedBookkeeping": True},
    }


async def test_one_control_record_is_found_by_company_and_entry() -> None:
    async with serving(answers(200, single(job_item()))) as server, client(server) as pleo:
        assert (await pleo.find_job_item(COMPANY, ENTRY)).accounting_entry_id == ENTRY
    assert query(server) == {"company_id": [COMPANY], "accounting_entry_id": [ENTRY]}


async def test_the_search_is_a_read_so_it_is_repeated_and_paged_although_it_is_a_post() -> None:
    script = [
        answers(503),
        answers(200, page(job_item("a"), cursor="MFRA====", more=True)),
        answers(200, page(job_item("b"))),
    ]
    async with serving(*script) as server, client(server) as pleo:
        found = await pleo.search_job_items(COMPANY, ["a", "b"], ItemStatus.FAILED)
    assert [record.accounting_entry_id for record in found] == ["a", "b"]
    assert server.calls == ["POST /v3/export-job-items:search"] * 3
    assert json.loads(server.requests[2].body) == {"accountingEntryIds": ["a", "b"], "status": "failed"}
    assert query(server, 2) == {"company_id": [COMPANY], "limit": ["100"], "after": ["MFRA===="]}


async def test_an_event_is_sent_once_when_it_is_accepted() -> None:
    event = JobEvent(
        job_id=JOB,
        event=JobEventType.FAILED,
        failure_reason="Ledger did not answer",
        failure_reason_type=JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE,
    )
    async with serving(ACCEPTED) as server, client(server) as pleo:
        await pleo.send_event(event)
    assert server.calls == [EVENTS]
    assert json.loads(server.requests[0].body) == {
        "jobId": JOB,
        "event": "failed",
        "failureReason": "Ledger did not answer",
        "failureReasonType": "accounting_system_unreachable",
    }


@pytest.mark.parametrize(
    "unclear",
    [RESETS, STALLS, answers(502), answers(500, problem("PROCESSING_FAILED")), PROXY, answers(204)],
    ids=["reset", "stall", "502", "500", "proxy", "204"],
)
@pytest.mark.parametrize(
    ("event", "status"),
    [
        (JobEventType.STARTED, "in_progress"),
        (JobEventType.FAILED, "failed"),
        (JobEventType.COMPLETED, "completed"),
        (JobEventType.COMPLETED_WITH_ERRORS, "completed_with_errors"),
    ],
)
async def test_an_event_that_was_applied_in_spite_of_an_unclear_answer_is_not_sent_again(
    unclear: Behaviour, event: JobEventType, status: str
) -> None:
    async with serving(unclear, standing(status)) as server, client(server) as pleo:
        await pleo.send_event(JobEvent(job_id=JOB, event=event))
    assert server.calls == [EVENTS, LOOK]


@pytest.mark.parametrize(
    ("event", "before"),
    [
        (JobEventType.STARTED, "pending"),
        (JobEventType.FAILED, "pending"),
        (JobEventType.FAILED, "in_progress"),
        (JobEventType.COMPLETED, "in_progress"),
    ],
)
@pytest.mark.parametrize("unclear", [RESETS, PROXY], ids=["reset", "proxy"])
async def test_an_event_that_was_not_applied_is_sent_again_after_a_look_and_a_wait(
    event: JobEventType, before: str, unclear: Behaviour
) -> None:
    waits = Waits()
    async with serving(unclear, standing(before), ACCEPTED) as server, client(server, waits) as pleo:
        await pleo.send_event(JobEvent(job_id=JOB, event=event))
    assert server.calls == [EVENTS, LOOK, EVENTS]
    assert len(waits.seconds) == 1


async def test_a_first_event_that_is_applied_late_explains_the_refusal_of_the_second() -> None:
    script = [STALLS, standing("pending"), TOO_LATE, standing("in_progress")]
    async with serving(*script) as server, client(server) as pleo:
        await pleo.send_event(JobEvent(job_id=JOB, event=JobEventType.STARTED))
    assert server.calls == [EVENTS, LOOK, EVENTS, LOOK]


async def test_a_refusal_after_an_unclear_answer_is_no_lost_race_while_the_job_stands_as_before() -> None:
    script = [STALLS, standing("pending"), TOO_LATE, standing("pending"), TOO_LATE, standing("in_progress")]
    async with serving(*script) as server, client(server) as pleo:
        await pleo.send_event(JobEvent(job_id=JOB, event=JobEventType.STARTED))
    assert server.calls == [EVENTS, LOOK] * 3


async def test_a_refused_event_without_an_unclear_one_before_it_is_the_loss_of_a_race() -> None:
    async with serving(TOO_LATE) as server, client(server) as pleo:
        with pytest.raises(errors.InvalidExportJobStatusChangeError):
            await pleo.send_event(JobEvent(job_id=JOB, event=JobEventType.STARTED))
    assert server.calls == [EVENTS]


@pytest.mark.parametrize(
    ("event", "now"),
    [
        (JobEventType.STARTED, standing("completed")),
        (JobEventType.STARTED, standing("expired")),
        (JobEventType.COMPLETED, standing("completed_with_errors")),
        (JobEventType.COMPLETED, standing("failed")),
        (JobEventType.COMPLETED, standing("pending")),
        (JobEventType.FAILED, standing("failed", failureReasonType="job_expired")),
        (JobEventType.STARTED, standing("pending", expiredAt="2026-01-05T10:30:00Z")),
    ],
)
async def test_an_event_that_no_longer_fits_after_an_unclear_answer_is_not_sent_again(
    event: JobEventType, now: Behaviour
) -> None:
    async with serving(RESETS, now) as server, client(server) as pleo:
        with pytest.raises(errors.InvalidExportJobStatusChangeError):
            await pleo.send_event(JobEvent(job_id=JOB, event=event))
    assert server.calls == [EVENTS, LOOK]


async def test_an_event_is_not_sent_again_while_the_job_cannot_be_read() -> None:
    async with serving(RESETS, answers(503)) as server, client(server) as pleo:
        with pytest.raises(errors.PleoUnavailableError):
            await pleo.send_event(JobEvent(job_id=JOB, event=JobEventType.COMPLETED))
    assert server.calls == [EVENTS] + [LOOK] * limits.tries_max


async def test_an_event_that_never_gets_through_ends_as_an_unclear_answer_after_all_tries() -> None:
    script = [RESETS, standing("pending")] * (limits.tries_max + 1)
    async with serving(*script) as server, client(server) as pleo:
        with pytest.raises(errors.PleoNoAnswerError) as caught:
            await pleo.send_event(JobEvent(job_id=JOB, event=JobEventType.STARTED))
    assert type(caught.value) is errors.EventNotAppliedError
    assert server.calls == [EVENTS, LOOK] * limits.tries_max
