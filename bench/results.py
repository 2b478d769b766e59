"""Measured results: made one by one, kept as JSON lines, so that a run can be taken up again."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from bench.cases import Case
from bench.installed import PLACE, UnavailableError
from bench.measure import cost_of
from bench.tools import Tool
from bench.world import MEASURED_CORE, Seen, world

FILE = PLACE / "results.jsonl"
SLOWEST = 20.0  # times the bound and a minute: what takes longer is given up


class Result(msgspec.Struct, frozen=True):
    """One run; without `seen` it failed, and `problem` says how. Seconds, and MB of 10**6 bytes."""

    case: Case
    at: datetime
    wall: float = 0.0
    cpu: float = 0.0
    peak_mb: float = 0.0
    seen: Seen | None = None
    problem: str | None = None

    @property
    def span(self) -> float:
        return self.seen.span if self.seen else 0.0


def measured(tool: Tool, case: Case) -> Result:
    """Run one case once. Raises UnavailableError."""
    program = tool.prepare()
    at = datetime.now(UTC)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    PLACE.mkdir(exist_ok=True)
    with (
        world(case.conditions) as here,
        tempfile.TemporaryDirectory(dir=PLACE, prefix="run-") as folder,
    ):
        try:
            cost = cost_of(
                tool.command(program, case, here.url, Path(folder)),
                environment,
                core=MEASURED_CORE,
                seconds_max=60 + SLOWEST * (case.bound + case.items * case.companies * 0.005),
            )
        except RuntimeError as error:
            return Result(case=case, at=at, problem=str(error)[-600:])
        seen = here.seen()
    return Result(case, at, *cost, seen=seen, problem="; ".join(seen.problems) or None)


class Results:
    """All that was measured, in a file that grows."""

    def __init__(self, file: Path = FILE) -> None:
        self._file = file
        self.all: list[Result] = []
        if file.exists():
            self.all = [msgspec.json.decode(line, type=Result) for line in file.read_bytes().splitlines()]

    def of(self, case: Case) -> list[Result]:
        return [one for one in self.all if one.case == case]

    def add(self, result: Result) -> None:
        self.all.append(result)
        self._file.parent.mkdir(exist_ok=True)
        with self._file.open("ab") as file:
            file.write(msgspec.json.encode(result) + b"\n")

    def forget(self, tools: Iterable[str]) -> None:
        gone = set(tools)
        self.all = [one for one in self.all if one.case.tool not in gone]
        self._file.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in self.all))

    def median(self, case: Case, figure: Callable[[Result], float]) -> float | None:
        """Return the median of a figure over the runs that went well, or None where there is none."""
        well = [figure(one) for one in self.of(case) if one.seen is not None and not one.problem]
        return statistics.median(well) if well else None


def run_all(cases: Iterable[Case], tools: Mapping[str, Tool], results: Results) -> dict[str, str]:
    """Measure what is not measured yet, telling of each and of the time left; return why tools cannot be had."""
    waiting = [case for case in cases for _ in range(case.rounds - len(results.of(case)))]
    missing: dict[str, str] = {}
    hopeless: set[Case] = set()
    planned = sum(case.seconds for case in waiting)
    done, began = 0.0, time.perf_counter()
    for case in waiting:
        done += case.seconds
        if case.tool in missing or case in hopeless:
            continue
        try:
            result = measured(tools[case.tool], case)
        except UnavailableError as error:
            missing[case.tool] = str(error)
            print(f"{case.tool}: not available: {error}")
            continue
        results.add(result)
        if result.seen is None:
            hopeless.add(case)
        left = (planned - done) * (time.perf_counter() - began) / done
        print(f"{_told(result)}; about {left / 60:.0f} min left", flush=True)
    return missing


def _told(result: Result) -> str:
    case, seen = result.case, result.seen
    if seen is None:
        return f"{case}: failed: {result.problem}"
    parts: list[Any] = [
        f"{case}: span {seen.span:.2f} s, bound {case.bound:.2f} ({case.bound / seen.span:.2f})",
        f"wall {result.wall:.2f} s, CPU {result.cpu:.2f} s, peak {result.peak_mb:.0f} MB",
        f"{seen.pleo_calls_made} Pleo calls, at most {seen.in_flight_max} in flight",
        f"{seen.refused} times 429, {seen.swapped} swapped",
    ]
    if result.problem:
        parts.append(f"WRONG: {result.problem}")
    return "; ".join(parts)
