"""What the oracle is given after a run, and what may be forgiven."""

from collections.abc import Container, Mapping, Sequence
from datetime import timedelta

from msgspec.structs import replace

from pleo_export.domain.reconciling import Difference
from pleo_export.testing.oracle import Evidence, Expected, PleoSide, check
from pleo_export.testing.simulation import stage
from pleo_export.testing.simulation.cast import Company
from pleo_export.testing.simulation.plot import Plot
from pleo_export.testing.simulation.weather import Rpc, Weather
from pleo_export.workflow.reconcile import Compared

WORK_SECONDS = 150.0  # a poll, a pause and asking again may all have begun when the faults stop
ATTEMPTS_MAX = 60


class Judge:
    """Judges one run; `expected` is what becomes of each expense where nothing goes wrong."""

    def __init__(self, plot: Plot, weather: Weather, expected: Mapping[str, Expected]) -> None:
        self._plot, self._weather = plot, weather
        strangers = dict.fromkeys(plot.strangers, Expected(outcome="failed"))
        self._expected = {**expected, **strangers}

    def in_bad_weather(self, pleo: PleoSide, cast: Sequence[Company], log: str) -> list[str]:
        """Judge what the program made of the faults: in time, and without harm to expenses that none of them struck."""
        excused, owed = cast[0].excused, stage.owed(pleo.companies.values())
        if self._plot.may_expire and excused & owed:
            excused |= owed  # while nobody knows of one, the others of its vendor wait
        expected = {
            reference: replace(one, outcome=None) if cast[0].shut_out or reference in excused else one
            for reference, one in self._expected.items()
        }
        calm_since = stage.BEGIN + timedelta(seconds=self._plot.forecast.calm_at)
        evidence = self._evidence(pleo, cast, log)
        return _told(
            replace(
                evidence,
                expected=expected,
                calm_since=calm_since,
                work_seconds=WORK_SECONDS + self._weather.longest_wait,
                unknown_max=stage.POOL_ITEMS
                if cast[0].shut_out
                else evidence.unknown_max + self._unclear(cast, self._expected),
            )
        )

    def in_calm_weather(self, pleo: PleoSide, cast: Sequence[Company], log: str) -> list[str]:
        """Judge the second export, of which nothing is forgiven."""
        left = self.should_have_succeeded(pleo, cast[0])  # also where its job expired
        evidence = self._evidence(pleo, cast, log)
        unknown_max = evidence.unknown_max + self._unclear(cast, self._unbookable)
        found = _told(replace(evidence, expected=self._expected, unknown_max=unknown_max))
        return found + [f"Expense {one} is not exported in calm weather either." for one in left]

    def _unclear(self, cast: Sequence[Company], references: Container[str]) -> int:
        """Return of how many expenses nobody may know what became of them, of the first company only of these.

        In a job that has a minute only those that were struck; all of a neighbour's where it was shut out.
        """
        shut_out = stage.NEIGHBOURS_ITEMS * any(one.shut_out for one in cast[1:])
        if not self._plot.may_expire:
            return shut_out
        neighbours = set[str]().union(*(one.remote.struck for one in cast[1:]))
        own = {one for one in cast[0].remote.struck if one in references}
        return shut_out + len((neighbours | own) - {""})

    def compared(self, found: Sequence[Compared], deleted: str | None) -> list[str]:
        """Judge what comparing told once all is calm, and after an entry was deleted."""
        told = [(one.accounting_entry_id, one.told.kind) for job in found for one in job.found]
        right = [] if deleted is None else [(deleted, Difference.ENTRY_MISSING)]
        # Of an expense that cannot be booked nobody takes care after its job has expired.
        left = [one for one in told if one[1] is Difference.LEFT_OPEN and one[0] in self._unbookable]
        if self._plot.may_expire:
            told = [one for one in told if one not in left]
        unaccounted = [one for job in found for one in job.unaccounted]
        if told == right and not unaccounted:
            return []
        return [f"Comparing tells {told} and {unaccounted} as unaccounted; right is {right} and nothing."]

    @property
    def _unbookable(self) -> set[str]:
        return {one for one, expected in self._expected.items() if expected.outcome == "failed"}

    def should_have_succeeded(self, pleo: PleoSide, company: Company) -> list[str]:
        """Return the expenses that failed, and would not have in calm weather."""
        references = (
            one["accountingEntryId"]
            for one in pleo.companies[company.id]["expenses"]
            if one["exportStatus"] == "unexported"
        )
        return [one for one in references if self._expected.get(one, Expected()).outcome == "successful"]

    def _evidence(self, pleo: PleoSide, cast: Sequence[Company], log: str) -> Evidence:
        calls = [call for one in cast for call in one.remote.calls[one.judged :]]
        for one in cast:
            one.judged = len(one.remote.calls)  # whoever presses Export again was told what to look for
        return Evidence(
            books={one.id: one.system.entries() for one in cast},
            pleo=pleo,
            calls=calls,
            overtaken=stage.owed(pleo.companies.values()),
            unique_keys=self._plot.unique,
            texts={"The log": log},
            may_expire=self._plot.may_expire,
            secrets=[*(one.key for one in cast), *stage.PEOPLE],
            unknown_max=self._weather.struck[Rpc.BROKEN.name],
            attempts_max=ATTEMPTS_MAX,
        )


def _told(evidence: Evidence) -> list[str]:
    return [str(one) for one in check(evidence)]
