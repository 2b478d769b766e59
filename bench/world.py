"""The world in which all tools are measured: Pleo's export calls and an accounting system, in one lean process.

It is neutral and much cheaper than whoever calls it, it answers after the latency it is told, and at the end it says what it
saw: calls, order, duplicates, and whether everything is there.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from urllib.request import urlopen

import msgspec

from bench.books_side import BooksSide, Throttle
from bench.pleo_side import PleoSide
from bench.serving import Answer, Request, answer, run_server

WORLD_CORE = 0
MEASURED_CORE = 1


class Conditions(NamedTuple):
    """How the world is: so many companies with so many expenses each; seconds of latency; what the books allow.

    `at_once` and `rate` are the calls that the accounting system takes together and a second; 0: any.
    """

    items: int = 1000
    companies: int = 1
    latency: float = 0.0
    at_once: int = 0
    rate: float = 0.0
    burst: int = 10


class Seen(msgspec.Struct):
    """What the world saw. `span` is from the first call to the last answer, in seconds; times are those of the clock.

    `unfinished` are the jobs that Pleo still waits for.
    """

    span: float
    began: float
    pleo_calls: dict[str, int]
    books_calls: dict[str, int]
    in_flight_max: int
    refused: int
    duplicates: int
    swapped: int
    first_entry: float | None
    problems: list[str]
    unfinished: int = 0

    @property
    def pleo_calls_made(self) -> int:
        return sum(self.pleo_calls.values()) - self.pleo_calls.get("file", 0)


class World:
    def __init__(self, conditions: Conditions) -> None:
        items, companies, latency, at_once, rate, burst = conditions
        self._pleo = PleoSide(companies, items, latency, latency)
        self._books = BooksSide(companies, items, latency, Throttle(at_once, rate, burst))
        self._began = self._first = self._last = 0.0
        self.url = ""

    def take(self, request: Request) -> Answer:
        if request.path == "/seen":
            return answer(200, self._seen())
        now = time.perf_counter()
        if not self._first:
            self._first, self._began = now, time.time()
        to_books = request.path.startswith("/books/")
        given = self._books.take(request) if to_books else self._pleo.take(request, self.url)
        self._last = max(self._last, now + given.delay)
        return given

    def _seen(self) -> Seen:
        return msgspec.convert(
            {
                "span": self._last - self._first,
                "began": self._began,
                "pleo_calls": dict(self._pleo.calls),
                "unfinished": self._pleo.unfinished(),
                "problems": [*self._pleo.problems(), *self._books.problems()],
                **self._books.report(),
            },
            Seen,
        )


class RunningWorld:
    """A world in a process of its own."""

    def __init__(self, url: str) -> None:
        self.url = url

    def seen(self) -> Seen:
        with urlopen(f"{self.url}/seen") as answered:
            return msgspec.json.decode(answered.read(), type=Seen)


@contextmanager
def world(conditions: Conditions, *, core: int | None = WORLD_CORE) -> Iterator[RunningWorld]:
    """Run a world, on a core of its own where there are two, until the body ends."""
    command = [sys.executable, "-m", "bench.world"]
    for name, value in conditions._asdict().items():
        command += [f"--{name}", str(value)]
    if core is not None:
        command += ["--core", str(core)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        try:
            yield RunningWorld(f"http://127.0.0.1:{port}")
        finally:
            process.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in Conditions()._asdict().items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    parser.add_argument("--core", type=int)
    parser.add_argument("--port", type=int, default=0)
    given = vars(parser.parse_args())
    core, port = given.pop("core"), given.pop("port")
    if core is not None and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {core})
    here = World(Conditions(**given))

    def began(taken: int) -> None:
        here.url = f"http://127.0.0.1:{taken}"
        print(taken, flush=True)

    run_server(here.take, port, began)


if __name__ == "__main__":
    main()
