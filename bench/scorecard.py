"""The figures P1 to P13, each with its target, from what was measured."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from bench import cases
from bench.bound import Limits, lower_bound
from bench.cases import GROWTH, OURS, Case
from bench.results import Result, Results
from bench.side_results import Side


class Figure(NamedTuple):
    """One row: what it is, its target in words, what was measured, and whether that is met; None: not measured."""

    row: str
    what: str
    target: str
    measured: str
    met: bool | None

    def __str__(self) -> str:
        verdict = {True: "met", False: "MISSED", None: "not measured"}[self.met]
        return f"{self.row:<4} {self.what:<66} {self.target:<22} {self.measured:<28} {verdict}"


Median = Callable[[Case, Callable[[Result], float]], float | None]


def scorecard(results: Results, side: Side | None = None) -> list[Figure]:
    given = side or Side.load()
    return [*_speed(results), *_cost(results), *_limited(results), *_service(given), *_rest(results, given)]


def _speed(results: Results) -> Iterator[Figure]:
    yield _at_least(
        "P1", "T*/span, 1,000 items, 20 ms, c = 5, durable", 0.90, _efficiency(results, cases.P1), digits=3
    )
    for case in cases.P2:
        what = f"T*/span, 1,000 items, 100 ms, c = {case.concurrency}"
        yield _at_least("P2", what, 0.95, _efficiency(results, case), digits=3)
    rate = results.median(cases.P3, lambda one: one.case.items / one.span)
    yield _at_least("P3", "items a second without latency, c = 16", 1_200, rate, digits=0)


def _cost(results: Results) -> Iterator[Figure]:
    yield _at_most("P4", "CPU seconds per 1,000 items, marginal", 0.9, marginal_cpu(results))
    peaks = [results.median(case, lambda one: one.peak_mb) for case in (GROWTH[0], GROWTH[-1])]
    yield _at_most("P5", "peak memory at 10,000 items, MB", 90, peaks[1], digits=0)
    growth = peaks[1] - peaks[0] if peaks[0] and peaks[1] else None
    yield _at_most("P5", "its growth over 100 items, MB", 16, growth, digits=0)


def _limited(results: Results) -> Iterator[Figure]:
    for case, what in (
        (cases.CAPPED, f"books that take {cases.CAPPED_AT} at once, c = 16"),
        (_paced(results), f"books that take {cases.FORTNOX_RATE} a second"),
    ):
        refused = results.median(
            case, lambda one: one.seen.refused * 1000 / one.case.items if one.seen else 0
        )
        yield _at_most("P6", f"429s per 1,000 items, {what}", 5, refused, digits=0)
    yield _at_least(
        "P7", "T*/span at 8.3 calls a second", 0.97, _efficiency(results, _paced(results)), digits=3
    )


def _service(side: Side) -> Iterator[Figure]:
    yield _at_most("P8", "webhook to first recorded entry, seconds, 20 ms calls", 0.3, side.webhook_seconds)
    yield _at_most("P9", "start of the service to ready, seconds", 1.5, side.ready_seconds)
    yield _at_most("P9", "its memory when idle, MB", 90, side.idle_mb, digits=0)


def _rest(results: Results, side: Side) -> Iterator[Figure]:
    yield _at_most("P10", "200 companies x 50 items, 100 ms, span/bound", 1.2, _many(results))
    swapped = results.median(cases.P1, lambda one: one.seen.swapped if one.seen else 0)
    yield _at_most("P11", "swapped neighbours per 1,000, c = 5", 2, swapped, digits=0)
    calls = results.median(cases.P1, lambda one: one.seen.pleo_calls_made if one.seen else 0)
    yield _at_most("P12", "Pleo calls for 1,000 items", 43, calls, digits=0)
    yield _at_least(
        "P13", "Odoo: entries a second against a plain script, ratio", 5, side.odoo_ratio, digits=1
    )


def _paced(results: Results) -> Case:
    return cases.PACED if results.of(cases.PACED) else cases.PACED_QUICK


def _efficiency(results: Results, case: Case) -> float | None:
    return results.median(case, lambda one: one.case.bound / one.span)


def _many(results: Results) -> float | None:
    """Return how much longer many companies take than latency, or CPU, allow: whichever of the two is more."""
    span, cpu = results.median(cases.MANY, lambda one: one.span), marginal_cpu(results)
    if span is None or cpu is None:
        return None
    case = cases.MANY
    limits = Limits(case.latency_ms / 1000, case.concurrency)
    return span / max(
        lower_bound(case.items, limits), lower_bound(case.items, limits, cpu / 1000 * case.companies)
    )


def marginal_cpu(results: Results, tool: str = OURS, concurrency: int = 16) -> float | None:
    """Return the CPU seconds that 1,000 more items cost, from the largest size that was measured against the smallest."""
    sizes = [Case(tool, items, 0, concurrency) for items in cases.SIZES]
    costs = {case.items: results.median(case, lambda one: one.cpu) for case in sizes}
    known = [(items, cost) for items, cost in costs.items() if cost is not None]
    if len(known) < 2:
        return None
    (few, least), (many, most) = known[0], known[-1]
    return (most - least) * 1000 / (many - few)


def _at_least(row: str, what: str, target: float, measured: float | None, digits: int = 2) -> Figure:
    met = None if measured is None else measured >= target
    return Figure(row, what, f">= {target:g}", _number(measured, digits), met)


def _at_most(row: str, what: str, target: float, measured: float | None, digits: int = 2) -> Figure:
    met = None if measured is None else measured <= target
    return Figure(row, what, f"<= {target:g}", _number(measured, digits), met)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"
