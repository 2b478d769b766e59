"""Runs of one company that are killed at named places and blindly, all of it drawn from one seed."""

import random
from collections import Counter
from collections.abc import Iterator

from pleo_export.cli.common import ExitCode
from pleo_export.crash_points import NAMES
from pleo_export.simulator.generator import DEMO_MIN, generate
from pleo_export.testing.oracle import Expected
from pleo_export.testing.processes import KILLED, ended, kill
from tests.e2e.story import COMPANY_ID, Story

BLINDLY = "blindly"
BY_CHANCE = "by chance"

# A run of one company passes all places but those of the service.
OF_A_RUN = tuple(name for name in NAMES if not name.startswith(("engine.", "tokens.")))
ONCE_A_JOB = {
    "job.seen",
    "job.started_told",
    "job.started_kept",
    "items.planned",
    "items.marked",
    "closing.decided",
    "closing.told",
    "closing.kept",
}

ENDED = (ExitCode.ALL_WELL, ExitCode.SOMETHING_FAILED)  # where an expense must fail
BOOKED = Expected(outcome="successful", files=1)
EVERY_KIND = 0  # the seed of these expenses


class Killing:
    """Presses Export and kills runs; `kills` counts them by place, `expected` is what must become of each expense."""

    def __init__(self, story: Story, seed: int) -> None:
        self.story, self._draw = story, random.Random(seed)
        self._presses = 0
        self.kills = Counter[str]()
        self.expected: dict[str, Expected] = {}

    def press_export(self, items: int) -> None:
        self._presses += 1
        ids = self.story.expenses(items, seed=self._presses)
        self.story.press_export(ids)
        self.expected |= dict.fromkeys(ids, BOOKED)

    def press_export_of_every_kind(self) -> None:
        """Export every type of expense, and those that are hard to book or must fail."""
        ids = self.story.expenses(DEMO_MIN, scenario="demo", seed=EVERY_KIND)
        made = generate(EVERY_KIND, DEMO_MIN, "demo", company_id=COMPANY_ID)
        self.story.press_export(ids)
        for entry_id, one in zip(ids, made, strict=True):
            self.expected[entry_id] = Expected(outcome="failed" if one.must_fail else "successful")

    def everywhere(self) -> None:
        """Kill a run at every place, in a drawn order, and some between at places and times drawn; end the work."""
        self.press_export_of_every_kind()
        for name in self._draw.sample(OF_A_RUN, len(OF_A_RUN)):
            self._at(name)
            for how in self._others():
                self._somewhere(how)
        assert self._run() in ENDED

    def _at(self, name: str) -> None:
        """Kill a run there; a job that waits anew makes sure that it gets there."""
        items = self._draw.randint(2, 8)
        self.press_export(items)
        time = 1 if name in ONCE_A_JOB else self._draw.randint(1, items)
        code = self._run(f"{name}:{time}")
        if code in ENDED:  # it got there, but not so often
            self.press_export(items)
            code = self._run(name)
        assert code == KILLED, name
        self.kills[name] += 1

    def _others(self) -> Iterator[str]:
        while self._draw.random() < 0.35:
            yield self._draw.choice((BLINDLY, BY_CHANCE))

    def _somewhere(self, how: str) -> None:
        """Kill a run after a time, or at places by chance, unless it ends before."""
        if how == BLINDLY:
            process = self.story.fork("run")
            process.join(self._draw.uniform(0.0, 0.25))
            code = kill(process)
        else:
            code = self._run(f"seed={self._draw.randrange(10**6)},one_in=40")
        assert code in {KILLED, *ENDED}
        self.kills[how] += code == KILLED

    def _run(self, order: str = "") -> int:
        return ended(self.story.fork("run", crash=order))
