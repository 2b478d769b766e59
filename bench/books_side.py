"""The accounting system of the benchmark's world: entries with a unique reference, and files that belong to them.

POST /books/entries                 {"reference": ..., ...} -> 201, or 409 with the entry that has the reference
GET  /books/entries?reference=...   -> 200, or 404
PUT  /books/entries/ID/files/KEY    the file -> 201
"""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

from bench import expenses
from bench.serving import Answer, Request, answer


class NewEntry(msgspec.Struct):
    """What is asked for; whatever else comes with it is kept by nobody."""

    reference: str
    fingerprint: str | None = None


class Entry(msgspec.Struct):
    """What stands in the books."""

    id: str
    reference: str
    fingerprint: str | None
    posted: str = "2026-05-01"


class Throttle:
    """Lets through `rate` calls a second on average and `burst` at once; and not more than `at_once` together."""

    def __init__(
        self, at_once: int, rate: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._at_once, self._rate, self._burst, self._clock = at_once, rate, burst, clock
        self._left, self._seen = float(burst), clock()

    def wait(self, in_flight: int) -> float | None:
        """Return the seconds after which another call is welcome, or None where this one is."""
        if self._at_once and in_flight >= self._at_once:
            return 0.05
        if not self._rate:
            return None
        now = self._clock()
        self._left, self._seen = min(self._burst, self._left + (now - self._seen) * self._rate), now
        if self._left < 1:
            return (1 - self._left) / self._rate
        self._left -= 1
        return None


class BooksSide:
    """Answers what begins with /books/. `arrived` are the references in the order in which they came."""

    def __init__(self, companies: int, items: int, delay: float, throttle: Throttle) -> None:
        self._expected, self._delay, self._throttle = (companies, items), delay, throttle
        self._entries: dict[str, Entry] = {}
        self._files: Counter[str] = Counter()
        self._spoilt: list[str] = []
        self._in_flight = 0
        self.calls: Counter[str] = Counter()
        self.in_flight_max = 0
        self.refused = 0
        self.duplicates = 0
        self.first_entry: float | None = None
        self.arrived: list[str] = []

    def take(self, request: Request) -> Answer:
        wait = self._throttle.wait(self._in_flight)
        if wait is not None:
            self.refused += 1
            return answer(429, {"retry": wait}, delay=self._delay, headers=f"Retry-After: {wait:.3f}\r\n")
        self._in_flight += 1
        self.in_flight_max = max(self.in_flight_max, self._in_flight)
        return self._call(request)._replace(delay=self._delay, done=self._left)

    def _left(self) -> None:
        self._in_flight -= 1

    def _call(self, request: Request) -> Answer:
        match request.method, request.path.split("/")[2:]:
            case "POST", ["entries"]:
                self.calls["record"] += 1
                return self._record(msgspec.json.decode(request.body, type=NewEntry))
            case "GET", ["entries"]:
                self.calls["find"] += 1
                found = self._entries.get(request.asked("reference") or "")
                return answer(404) if found is None else answer(200, found)
            case "PUT", ["entries", entry, "files", _]:
                self.calls["attach"] += 1
                return self._attach(entry, request.body)
        return answer(404, {"message": request.path})

    def _record(self, new: NewEntry) -> Answer:
        found = self._entries.get(new.reference)
        if found is not None:
            self.duplicates += 1
            return answer(409, found)
        if self.first_entry is None:
            self.first_entry = time.time()
        self.arrived.append(new.reference)
        made = Entry(f"E-{new.reference}", new.reference, new.fingerprint)
        self._entries[new.reference] = made
        return answer(201, made)

    def _attach(self, entry: str, file: bytes) -> Answer:
        reference = entry.removeprefix("E-")
        if reference not in self._entries:
            return answer(404, {"message": "no such entry"})
        self._files[reference] += 1
        if file != expenses.file_of(*expenses.place_of(reference)):
            self._spoilt.append(reference)
        return answer(201, {"id": entry})

    def problems(self) -> list[str]:
        """Say what is missing, and what is there twice or spoilt."""
        companies, items = self._expected
        wanted = {expenses.reference(company, n) for company in range(companies) for n in range(items)}
        counted = {
            "missing entries": wanted - self._entries.keys(),
            "entries nobody exported": self._entries.keys() - wanted,
            "entries without their file": wanted - self._files.keys(),
            "files attached twice": {one for one, times in self._files.items() if times > 1},
            "files with another content": set(self._spoilt),
        }
        return [f"{len(found)} {what}" for what, found in counted.items() if found]

    def swapped(self) -> int:
        """Return how many neighbours came in the wrong order, company by company."""
        last: dict[int, int] = {}
        wrong = 0
        for one in self.arrived:
            company, number = expenses.place_of(one)
            wrong += number < last.get(company, -1)
            last[company] = number
        return wrong

    def report(self) -> dict[str, Any]:
        return {
            "books_calls": dict(self.calls),
            "in_flight_max": self.in_flight_max,
            "refused": self.refused,
            "duplicates": self.duplicates,
            "swapped": self.swapped(),
            "first_entry": self.first_entry,
        }
