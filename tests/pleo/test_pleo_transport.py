"""The mapping of everything that can go wrong on the wire, and what is repeated, against a misbehaving server."""

import socket
import ssl
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from aiolimiter import AsyncLimiter

from pleo_export.domain.job import ItemStatus, ItemUpdate
from pleo_export.pleo import errors, limits
from pleo_export.pleo.auth import ApiKey, BearerToken
from pleo_export.pleo.client import PleoClient
from pleo_export.pleo.transport import Timeouts, asked_wait, rate_limiter
from tests.pleo.misbehaving_server import (
    BABBLES,
    BABBLES_UNREAD,
    HANGS_UP,
    RESETS,
    RESETS_UNREAD,
    STALLS,
    Behaviour,
    Waits,
    answers,
    closed_port,
    serving,
)
from tests.pleo.pleo_samples import COMPANY, ENTRY, JOB, SECRET, job, job_item, page, problem, single

FINE = answers(200, single(job()))
CUT = answers(200, raw=b'{"data":', headers={"Content-Length": "5000"})
HTML = answers(200, raw=b"<!DOCTYPE html><html>Anna Jensen</html>", headers={"Content-Type": "text/html"})
TRUNCATED = answers(200, raw=b'{"data": {"id": "6f1f')
UNCLEAR = {
    "reset": RESETS,
    "hang-up": HANGS_UP,
    "stall": STALLS,
    "cut": CUT,
    "babble": BABBLES,
    "503": answers(503),
}
FAULTS = {**UNCLEAR, "html": HTML, "truncated": TRUNCATED, "429": answers(429)}
# The last type is what a careless server might echo; it is too long and not shown.
ERRORS = {**FAULTS, "401": answers(401), "302": answers(302), "404": answers(404, problem(SECRET * 9))}


def client(url: str, waits: Waits, timeouts: Timeouts | None = None) -> PleoClient:
    return PleoClient(url, ApiKey(SECRET), around=waits.around, timeouts=timeouts)


async def read(pleo: PleoClient) -> object:
    return await pleo.get_job(JOB)


async def update(pleo: PleoClient) -> object:
    return await pleo.update_items(
        JOB, [ItemUpdate(accounting_entry_id=ENTRY, status=ItemStatus.IN_PROGRESS)]
    )


async def create(pleo: PleoClient) -> object:
    return await pleo.create_job([ENTRY], COMPANY)


async def failure_of(
    url: str,
    act: Callable[[PleoClient], Awaitable[object]],
    waits: Waits | None = None,
    timeouts: Timeouts | None = None,
) -> errors.PleoError:
    async with client(url, waits or Waits(), timeouts) as pleo:
        with pytest.raises(errors.PleoError) as caught:
            await act(pleo)
    return caught.value


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
@pytest.mark.parametrize(("act", "fine"), [(read, FINE), (update, answers(200, {"data": [], "errors": []}))])
async def test_a_call_that_may_run_twice_survives_one_fault(
    fault: Behaviour, act: Callable[[PleoClient], Awaitable[object]], fine: Behaviour
) -> None:
    waits = Waits()
    async with serving(fault, fine) as server, client(server.url, waits, server.timeouts) as pleo:
        await act(pleo)
    assert len(server.requests) == 2
    # A connection that dies before the answer makes aiohttp send such a call once more by itself, without a wait.
    assert len(waits.seconds) == (0 if fault in (RESETS, HANGS_UP) else 1)


class TakenOverError(Exception):
    """The company is somebody else's by now."""


async def test_every_try_is_asked_about_before_it_is_made_and_none_made_that_is_forbidden() -> None:
    waits, asked = Waits(), list[int]()

    async def before() -> None:
        asked.append(len(server.requests))
        if len(asked) == 2:
            raise TakenOverError

    updates = [ItemUpdate(accounting_entry_id=ENTRY, status=ItemStatus.IN_PROGRESS)]
    async with serving(answers(503)) as server, client(server.url, waits) as pleo:
        with pytest.raises(TakenOverError):
            await pleo.update_items(JOB, updates, before)
    assert asked == [0, 1]
    assert len(server.requests) == 1


async def test_a_try_is_asked_about_when_its_turn_has_come_and_not_before_a_wait_for_it() -> None:
    happened = list[str]()

    class Queue(AsyncLimiter):
        async def acquire(self, amount: float = 1) -> None:
            await super().acquire(amount)
            happened.append("its turn")

    async def before() -> None:
        happened.append("asked")

    updates = [ItemUpdate(accounting_entry_id=ENTRY, status=ItemStatus.IN_PROGRESS)]
    async with (
        serving(answers(200, {"data": [], "errors": []})) as server,
        PleoClient(server.url, ApiKey(SECRET), limiter=Queue(1)) as pleo,
    ):
        await pleo.update_items(JOB, updates, before)
    assert happened == ["its turn", "asked"]


@pytest.mark.parametrize("fault", UNCLEAR.values(), ids=UNCLEAR.keys())
async def test_a_post_that_may_have_been_applied_is_sent_once(fault: Behaviour) -> None:
    waits = Waits()
    async with serving(fault) as server:
        error = await failure_of(server.url, create, waits, server.timeouts)
    assert type(error) is errors.PleoNoAnswerError
    assert server.calls == ["POST /v3/export-jobs"]
    assert waits.seconds == []


async def test_a_post_answered_with_success_that_cannot_be_read_is_sent_once() -> None:
    async with serving(answers(201, raw=b"<html>")) as server:
        error = await failure_of(server.url, create, Waits(), server.timeouts)
    assert type(error) is errors.PleoUnreadableAnswerError
    assert len(server.requests) == 1


@pytest.mark.parametrize("dying", [RESETS, HANGS_UP])
async def test_a_post_on_a_reused_connection_that_dies_is_not_sent_again_by_the_http_library(
    dying: Behaviour,
) -> None:
    async with serving(FINE, dying) as server, client(server.url, Waits(), server.timeouts) as pleo:
        await pleo.get_job(JOB)
        with pytest.raises(errors.PleoNoAnswerError):
            await create(pleo)
    assert server.connections == 1, "the connection was reused, else this proves nothing"
    assert server.calls == [f"GET /v3/export-jobs/{JOB}", "POST /v3/export-jobs"]


async def test_a_wait_is_told_of_before_it_begins_where_pleo_asked_for_it_and_else_not() -> None:
    waits, told = Waits(), list[tuple[float, int]]()

    async def note(seconds: float) -> None:
        told.append((seconds, len(waits.seconds)))

    around = replace(waits.around, asked_to_wait=note)
    busy = answers(429, headers={"Retry-After": "7"})
    async with (
        serving(answers(503), busy, answers(200, single(job()))) as server,
        PleoClient(server.url, BearerToken("t"), around=around, timeouts=server.timeouts) as pleo,
    ):
        await pleo.get_job(JOB)
    assert len(waits.seconds) == 2
    assert told == [(7.0, 1)]


async def test_a_post_is_repeated_when_pleo_asks_for_fewer_calls() -> None:
    waits = Waits()
    busy = answers(429, headers={"Retry-After": "7"})
    async with (
        serving(busy, answers(201, single(job()))) as server,
        client(server.url, waits, server.timeouts) as pleo,
    ):
        created = await pleo.create_job([ENTRY], COMPANY)
    assert created.id == JOB
    assert len(server.requests) == 2
    assert waits.seconds == [7.0]


@pytest.mark.parametrize("act", [read, update, create])
async def test_a_refused_connection_is_surely_not_sent_and_tried_again(
    act: Callable[[PleoClient], Awaitable[object]],
) -> None:
    waits = Waits()
    error = await failure_of(f"http://127.0.0.1:{closed_port()}", act, waits)
    assert type(error) is errors.PleoUnreachableError
    assert len(waits.seconds) == limits.tries_max - 1


async def test_a_name_that_does_not_exist_is_surely_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = await failure_of("https://pleo.example", create, Waits())
    assert type(error) is errors.PleoUnreachableError
    assert "DNS" in str(error)


async def test_a_server_without_tls_behind_https_is_surely_not_sent() -> None:
    async with serving(BABBLES_UNREAD) as server:
        error = await failure_of(server.url.replace("http:", "https:"), create, Waits(), server.timeouts)
    assert type(error) is errors.PleoUnreachableError
    assert "SSL" in str(error)


async def test_a_certificate_nobody_vouches_for_is_surely_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def distrust(*_: object, **__: object) -> None:
        raise ssl.SSLCertVerificationError(1, "self-signed certificate")

    monkeypatch.setattr("aiohttp.connector.aiohappyeyeballs.start_connection", distrust)
    error = await failure_of("https://127.0.0.1:9", create, Waits())
    assert type(error) is errors.PleoUnreachableError
    assert "Certificate" in str(error)


@pytest.mark.slow
async def test_a_handshake_that_stalls_is_a_connect_time_out_and_surely_not_sent() -> None:
    async with serving(STALLS) as server:
        error = await failure_of(server.url.replace("http:", "https:"), create, Waits(), server.timeouts)
    assert type(error) is errors.PleoUnreachableError
    assert error.timed_out


async def test_a_connection_reset_before_the_request_was_read_counts_as_maybe_applied() -> None:
    # The server read nothing, but nobody on this side can know that.
    async with serving(RESETS_UNREAD) as server:
        error = await failure_of(server.url, create, Waits(), server.timeouts)
    assert type(error) is errors.PleoNoAnswerError
    assert server.requests == []


@pytest.mark.slow
async def test_a_server_that_stalls_for_ever_is_given_up_after_all_tries_and_said_to_be_a_time_out() -> None:
    waits = Waits()
    async with serving(STALLS) as server:
        error = await failure_of(server.url, read, waits, server.timeouts)
    assert type(error) is errors.PleoNoAnswerError
    assert error.timed_out
    assert len(server.requests) == limits.tries_max


async def test_a_server_that_stays_broken_is_called_as_often_as_the_limit_says() -> None:
    waits = Waits()
    async with serving(answers(500, problem("PROCESSING_FAILED"))) as server:
        error = await failure_of(server.url, read, waits, server.timeouts)
    assert type(error) is errors.PleoUnavailableError
    assert (error.status, error.type) == (500, "PROCESSING_FAILED")
    assert len(server.requests) == limits.tries_max
    assert all(0 <= wait <= limits.backoff_seconds_max for wait in waits.seconds)


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (422, "INVALID_EXPORT_JOB_STATUS_CHANGE", errors.InvalidExportJobStatusChangeError),
        (404, "EXPORT_NOT_FOUND", errors.ExportNotFoundError),
        (404, "EXPORT_ENTRY_NOT_FOUND", errors.ExportEntryNotFoundError),
        (409, "EXPORT_ALREADY_IN_PROGRESS", errors.ExportAlreadyInProgressError),
        (413, "EXPORT_JOB_ITEMS_UPDATE_LIMIT", errors.ExportJobItemsUpdateLimitError),
        (422, "EXPORT_JOB_STATUS_UNPROCESSABLE", errors.ExportJobStatusUnprocessableError),
        (400, "missing_contra_accounts", errors.MissingContraAccountsError),
        (400, "UNSUPPORTED_API_VERSION", errors.UnsupportedApiVersionError),
        (400, "JSON_MAPPING_EXCEPTION", errors.ValidationFailedError),
        (401, "JWT is expired", errors.PleoUnauthorisedError),
        (403, "Access_Denied", errors.PleoForbiddenError),
        (418, "A_NEW_TYPE", errors.PleoRefusedError),
    ],
)
async def test_a_refusal_becomes_its_own_error_keeps_its_type_and_is_never_repeated(
    status: int, kind: str, expected: type[errors.PleoError]
) -> None:
    waits = Waits()
    headers = {"X-Request-Id": "req-42"}
    async with serving(answers(status, problem(kind, "Said by Pleo"), headers)) as server:
        error = await failure_of(server.url, read, waits, server.timeouts)
    assert type(error) is expected
    assert (error.status, error.type, error.message) == (status, kind, "Said by Pleo")
    assert (error.method, error.path, error.request_id) == ("GET", f"/v3/export-jobs/{JOB}", "req-42")
    assert "req-42" in str(error)
    assert f"GET /v3/export-jobs/{JOB}" in str(error)
    assert "Said by Pleo" not in str(error)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "body", [b"", b"<html>Bad gateway</html>", b'{"message": "no type"}', b"[]", b"\xff\xfe"]
)
async def test_an_error_body_that_is_absent_or_no_json_still_gives_the_error_of_its_status(
    body: bytes,
) -> None:
    async with serving(answers(404, raw=body)) as server:
        error = await failure_of(server.url, read, Waits(), server.timeouts)
    assert type(error) is errors.PleoRefusedError
    assert (error.status, error.type) == (404, None)


@pytest.mark.parametrize("act", [read, create])
async def test_a_redirect_is_an_error_and_the_credential_stays_here(
    act: Callable[[PleoClient], Awaitable[object]],
) -> None:
    async with serving() as elsewhere:
        moved = answers(307, headers={"Location": f"{elsewhere.url}/login"})
        async with serving(moved) as server:
            error = await failure_of(server.url, act, Waits(), server.timeouts)
    assert type(error) is errors.PleoRedirectedError
    assert (len(server.requests), elsewhere.connections) == (1, 0)


async def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "answer_bytes_max", 100)
    async with serving(answers(200, raw=b" " * 200)) as server:
        error = await failure_of(server.url, create, Waits(), server.timeouts)
    assert type(error) is errors.PleoUnreadableAnswerError
    assert "more than 100 bytes" in str(error)


async def test_a_page_of_html_is_described_without_what_it_says() -> None:
    async with serving(HTML) as server:
        error = await failure_of(server.url, read, Waits(), server.timeouts)
    assert type(error) is errors.PleoUnreadableAnswerError
    assert "text/html" in str(error)
    assert "<!DOCTYPE" in str(error)
    assert "Anna" not in str(error)


async def test_json_of_another_shape_is_described_without_what_it_says() -> None:
    async with serving(answers(200, {"Anna Jensen": 4711})) as server:
        error = await failure_of(server.url, read, Waits(), server.timeouts)
    assert "begins like" in str(error)
    assert "Anna" not in str(error)
    assert "4711" not in str(error)


@pytest.mark.parametrize(
    ("credential", "header"),
    [
        (ApiKey(SECRET), "Basic cGxwX2RlbW9fa2V5XzAwMDE6"),
        (BearerToken("opaque"), "Bearer opaque"),
    ],
)
async def test_the_credential_goes_into_the_authorization_header(
    credential: ApiKey | BearerToken, header: str
) -> None:
    async with serving(FINE) as server, PleoClient(server.url, credential) as pleo:
        await pleo.get_job(JOB)
    assert server.requests[0].headers["authorization"] == header


@pytest.mark.slow
@pytest.mark.parametrize("fault", ERRORS.values(), ids=ERRORS.keys())
@pytest.mark.parametrize("act", [read, create])
async def test_no_error_shows_a_secret_or_a_query(
    fault: Behaviour, act: Callable[[PleoClient], Awaitable[object]]
) -> None:
    async with serving(fault) as server:
        error = await failure_of(server.url, act, Waits(), server.timeouts)
    shown = "".join([str(error), repr(error), *traceback.format_exception(error)])
    for secret in (SECRET, "cGxwX2RlbW9fa2V5XzAwMDE6", ENTRY):
        assert secret not in shown


@pytest.mark.parametrize("fault", [answers(400), BABBLES], ids=["400", "babble"])
async def test_the_query_is_part_of_no_error_and_of_no_cause(fault: Behaviour) -> None:
    async with serving(fault) as server:
        error = await failure_of(
            server.url, lambda pleo: pleo.find_job_item(COMPANY, ENTRY), Waits(), server.timeouts
        )
    assert COMPANY in server.requests[0].target
    assert COMPANY not in "".join([str(error), *traceback.format_exception(error)])


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3.0),
        (" 2.5 ", 2.5),
        ("0", 0.0),
        ("Mon, 05 Jan 2026 09:30:20 GMT", 20.0),
        ("Mon, 05 Jan 2026 09:30:20 -0000", 20.0),
        ("Mon, 05 Jan 2026 09:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 300.0),
        ("9" * 400, 300.0),
        ("-5", None),
        ("soon", None),
        ("NaN", None),
        ("", None),
        (None, None),
    ],
)
def test_a_wait_that_is_asked_for_is_read_in_both_forms_and_capped(
    header: str | None, seconds: float | None
) -> None:
    assert asked_wait(header, Waits().around.clock()) == seconds


async def test_an_absurd_wait_is_cut_to_five_minutes() -> None:
    waits = Waits()
    busy = answers(429, headers={"Retry-After": "99999999"})
    async with serving(busy, FINE) as server, client(server.url, waits, server.timeouts) as pleo:
        await pleo.get_job(JOB)
    assert waits.seconds == [300.0]


async def test_no_minute_sees_more_calls_than_the_limit() -> None:
    limiter = rate_limiter()
    for _ in range(limits.calls_burst_max):
        await limiter.acquire()
    assert not limiter.has_capacity()
    refilled_in_a_minute = 60 * limiter.max_rate / limiter.time_period
    assert limits.calls_burst_max + refilled_in_a_minute == pytest.approx(limits.calls_per_minute_max)


async def test_every_try_counts_against_the_rate() -> None:
    waits = Waits()
    async with (
        serving(answers(503), answers(503), FINE) as server,
        client(server.url, waits, server.timeouts) as pleo,
    ):
        await pleo.get_job(JOB)
        free = limits.calls_burst_max - len(server.requests)
        assert not pleo._transport._limiter.has_capacity(free + 1)
        assert pleo._transport._limiter.has_capacity(free)


async def test_a_list_survives_a_page_that_came_cut() -> None:
    async with (
        serving(CUT, answers(200, page(job_item()))) as server,
        client(server.url, Waits(), server.timeouts) as pleo,
    ):
        assert [record.accounting_entry_id async for record in pleo.job_items(JOB)] == [ENTRY]


async def test_clients_that_share_a_credential_share_what_it_may_call_in_a_minute() -> None:
    shared = rate_limiter()
    async with serving(FINE) as server:
        for _ in range(3):
            async with PleoClient(server.url, ApiKey(SECRET), limiter=shared) as pleo:
                await pleo.get_job(JOB)
    assert not shared.has_capacity(limits.calls_burst_max - 2)
    assert shared.has_capacity(limits.calls_burst_max - 3)
