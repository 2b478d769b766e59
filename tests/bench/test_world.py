"""The world of the benchmark answers as Pleo's contract says, and sees what is wrong at the end."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiolimiter import AsyncLimiter
from bench.books_side import BooksSide, Throttle
from bench.ours import UNLIMITED, Bench, export_all
from bench.serving import Answer, Request
from bench.world import Conditions, World, world

from bench import expenses

BASE = "http://127.0.0.1:1"


def call(here: World, method: str, path: str, body: object = None, **query: str) -> Answer:
    given = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return here.take(Request(method, path, list(query.items()), {}, given))


def read(answer: Answer) -> Any:
    return msgspec.json.decode(answer.body)


@pytest.fixture
def small() -> World:
    return World(Conditions(items=250))


def test_pages_of_a_hundred_follow_their_cursors_to_the_end(small: World) -> None:
    seen: list[int] = []
    after: dict[str, str] = {}
    while True:
        page = read(call(small, "GET", "/v3/export-items", job_id=expenses.job_id(0), limit="100", **after))
        seen.append(len(page["data"]))
        if not page["pagination"]["hasNextPage"]:
            break
        after = {"after": page["pagination"]["endCursor"]}
    assert seen == [100, 100, 50]


def test_a_job_is_started_once_and_lists_by_its_status(small: World) -> None:
    event = {"jobId": expenses.job_id(0), "event": "started"}
    assert len(read(call(small, "GET", "/v3/export-jobs", statuses="pending"))["data"]) == 1
    assert call(small, "POST", "/v3/export-job-events", event).status == 202
    assert call(small, "POST", "/v3/export-job-events", event).status == 422
    assert read(call(small, "GET", "/v3/export-jobs", statuses="pending"))["data"] == []


def test_more_than_a_hundred_updates_are_refused(small: World) -> None:
    updates = [{"accountingEntryId": expenses.reference(0, n), "status": "successful"} for n in range(101)]
    path = f"/v3/export-jobs/{expenses.job_id(0)}/items"
    assert call(small, "PUT", path, updates).status == 413
    assert call(small, "PUT", path, updates[:100]).status == 200


def test_an_expense_is_a_real_one_of_the_size_that_is_told() -> None:
    size = len(expenses.expense(BASE, 0, 1))
    assert 2_700 < size < 2_900
    assert len(expenses.file_of(0, 1)) == expenses.FILE_BYTES
    assert expenses.file_of(0, 1) != expenses.file_of(0, 2)


def test_a_reference_is_recorded_once() -> None:
    here = World(Conditions(items=1))
    entry = {"reference": expenses.reference(0, 0)}
    assert call(here, "POST", "/books/entries", entry).status == 201
    assert call(here, "POST", "/books/entries", entry).status == 409
    assert call(here, "GET", "/books/entries", reference=entry["reference"]).status == 200
    assert call(here, "GET", "/books/entries", reference="another").status == 404


def test_what_is_missing_or_spoilt_or_there_twice_is_found_at_the_end() -> None:
    books = BooksSide(1, 3, 0.0, Throttle(0, 0.0, 0))

    def send(method: str, path: str, body: bytes) -> None:
        answer = books.take(Request(method, path, [], {}, body))
        assert answer.done is not None
        answer.done()

    for number in (1, 0):
        send("POST", "/books/entries", msgspec.json.encode({"reference": expenses.reference(0, number)}))
    send("PUT", f"/books/entries/E-{expenses.reference(0, 1)}/files/1", b"another file")
    for _ in range(2):
        send("PUT", f"/books/entries/E-{expenses.reference(0, 0)}/files/1", expenses.file_of(0, 0))
    assert books.problems() == [
        "1 missing entries",
        "1 entries without their file",
        "1 files attached twice",
        "1 files with another content",
    ]
    assert books.swapped() == 1


def test_the_books_let_through_what_they_are_told_to() -> None:
    now = [0.0]
    throttle = Throttle(at_once=5, rate=2.0, burst=2, clock=lambda: now[0])
    assert [throttle.wait(0), throttle.wait(0)] == [None, None]
    assert throttle.wait(0) == pytest.approx(0.5)
    now[0] = 0.5
    assert throttle.wait(0) is None
    assert throttle.wait(5) is not None


@pytest.mark.slow
async def test_our_side_takes_a_job_through_and_nothing_is_missing(tmp_path: Path) -> None:
    with world(Conditions(items=120), core=None) as here:
        await export_all(Bench(here.url, tmp_path, 4, AsyncLimiter(UNLIMITED, 1.0)), 1)
        seen = here.seen()
    assert seen.problems == []
    assert (seen.books_calls, seen.duplicates) == ({"record": 120, "attach": 120}, 0)
