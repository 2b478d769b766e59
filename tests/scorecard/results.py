"""From what the tests told, a line each, to what is known of a row: how much was done, what was measured, the verdict."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import msgspec

from tests.scorecard.rows import NEVER, ROWS, Row

Measured = Mapping[str, float | str]


class Circumstances(msgspec.Struct, frozen=True):
    """When, with what and on what it was measured. A share of 0 is the suite."""

    date: str
    command: str
    machine: str
    share: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the tests of a row. `problems` are its tests that did not pass, each with what it did instead."""

    under: Circumstances
    passed: int = 0
    problems: Sequence[str] = ()
    seconds: float = 0
    measured: Measured = {}

    @classmethod
    def of(cls, lines: Sequence[Mapping[str, Any]], under: Circumstances) -> Self:
        """Put the lines of a row's tests together; those that began and never ended are problems as well."""
        collected = {test for line in lines for test in line.get("collected", ())}
        ends = [line for line in lines if "outcome" in line]
        bad = {line["test"]: line["outcome"] for line in ends if line["outcome"] != "passed"}
        unended = dict.fromkeys(collected - {line["test"] for line in ends}, "not ended")
        return cls(
            under=under,
            passed=len({line["test"] for line in ends} - bad.keys()),
            problems=[f"{test}: {outcome}" for test, outcome in sorted((bad | unended).items())],
            seconds=round(sum(line["seconds"] for line in ends), 1),
            measured=together({line["test"]: line["measured"] for line in ends}.values()),
        )

    def done(self, row: Row) -> int | None:
        """How much of what the row counts was done; None where it is done as a whole."""
        return None if row.counts is None else int(self.measured.get(row.counts, 0))

    def verdict(self, row: Row) -> str:
        """`met`, or what keeps the row from it."""
        happened = [f"{name} {self.measured[name]:g}" for name in sorted(NEVER) if self.measured.get(name)]
        if self.problems:
            happened += [f"{len(self.problems)} of {len(self.problems) + self.passed} tests not passed"]
        elif not self.passed:
            return "NO TEST"
        done, asked = self.done(row), row.asked(self.under.share)
        if done is not None and asked is not None and done < asked:
            happened += ["less done than asked"]
        return f"NOT MET: {', '.join(happened)}" if happened else "met"


def together(several: Iterable[Measured]) -> Measured:
    """Numbers of the same name add up, but for those whose name ends in `_max`; of texts the last one counts."""
    found: dict[str, float | str] = {}
    for measured in several:
        for name, value in measured.items():
            before = found.get(name)
            if isinstance(value, str) or not isinstance(before, int | float):
                found[name] = value
            else:
                found[name] = max(before, value) if name.endswith("_max") else before + value
    return {name: value if isinstance(value, str) else round(value, 3) for name, value in found.items()}


def results(path: Path, under: Circumstances, rows: Iterable[str] = ROWS) -> dict[str, Result]:
    """Read the lines that a run has written, row by row; a row without any has no test."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = [json.loads(line) for line in text.splitlines()]
    return {letter: Result.of([one for one in lines if one["row"] == letter], under) for letter in rows}


HEADINGS = ("Row", "What is tested", "Asked", "Done", "Measured", "Target", "Verdict")


def table(found: Mapping[str, Result]) -> list[Sequence[str]]:
    """The summary: a line for each row, in the order of the scorecard."""
    return [(letter, *cells(ROWS[letter], found[letter])) for letter in ROWS if letter in found]


def cells(row: Row, result: Result) -> Sequence[str]:
    """What stands in the table about a row, from its title on."""
    asked, done = row.asked(result.under.share), result.done(row)
    tests = f"{result.passed} tests"
    return (
        row.title,
        "all" if asked is None else f"{asked:,} {row.counts}",
        tests if done is None else f"{done:,} in {tests}",
        measured_text(row, result.measured),
        row.target,
        result.verdict(row),
    )


def measured_text(row: Row, measured: Measured) -> str:
    """What was measured beside the size, in words."""
    others = {name: value for name, value in measured.items() if name != row.counts}
    texts = (
        f"{name.replace('_', ' ')} {value if isinstance(value, str) else format(value, ',.6g')}"
        for name, value in others.items()
    )
    return ", ".join(texts) or "-"
