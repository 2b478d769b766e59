"""Exports in virtual time, in any weather: nothing is wrong with any of them, and whatever bug is planted is found."""

import gc
import os
import subprocess
import sys
from unittest.mock import patch

import pytest

from pleo_export.testing.simulation import Run, rehearse, simulate
from pleo_export.testing.simulation.planted import BUGS, Bug
from pleo_export.testing.simulation.plot import Plot
from tests.scorecard import at_size
from tests.scorecard.plugin import Score

SEEDS, SEEDS_MAX = at_size(500, 200_000), 200_000
SHARDS = at_size(10, 100)
SEEDS_FOR_A_BUG = 200
REPLAY = "python -m pleo_export.testing.simulation --seed {seed}{bug}"
KINDS_OF_FAULTS_MIN = 6


def replay(run: Run, bug: str = "") -> str:
    """What to do about a run that went wrong."""
    command = REPLAY.format(seed=run.seed, bug=bug and f" --bug {bug}")
    return "\n".join([*run.violations, f"To see how it came to that: {command}"])


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
@pytest.mark.scorecard("B")
@pytest.mark.parametrize("shard", range(SHARDS))
def test_nothing_is_wrong_with_any_run(shard: int, score: Score) -> None:
    kinds, deaths = set[str](), 0
    gc.collect()
    gc.freeze()  # what is there before is not looked through for every run
    first = shard * SEEDS_MAX // SHARDS
    for seed in range(first, first + SEEDS // SHARDS):
        run = simulate(seed)
        assert not run.violations, replay(run)
        kinds |= run.faults.keys()
        deaths += run.deaths
        score.note(seeds=1, deaths=run.deaths, faults=sum(run.faults.values()))
    score.note(violations=0)
    assert deaths > 0
    assert len(kinds) >= KINDS_OF_FAULTS_MIN


@pytest.mark.slow
@pytest.mark.scorecard("B")
@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_a_planted_bug_is_found(bug: Bug, score: Score) -> None:
    rehearse()
    with bug.planted():
        needed = next((seed for seed in range(SEEDS_FOR_A_BUG) if simulate(seed).violations), None)
    score.note(planted=1, found=int(needed is not None), **{bug.name: f"{(needed or 0) + 1} runs"})
    assert needed is not None, f"None of {SEEDS_FOR_A_BUG} runs shows that {bug.sentence}"
    assert not simulate(needed).violations  # it was the bug


def test_there_are_bugs_enough() -> None:
    assert len(BUGS) >= 25


@pytest.mark.slow
def test_the_same_seed_is_the_same_run() -> None:
    runs = [simulate(seed) for seed in (1, 2, 3, 1, 2, 3)]
    assert runs[:3] == runs[3:]
    assert not any(run.violations for run in runs)
    assert len({run.story for run in runs}) == 3


@pytest.mark.slow
def test_a_run_is_replayed_by_the_command_that_its_failure_names() -> None:
    command = [sys.executable, *REPLAY.format(seed=3, bug=" --bug all-is-well").split()[1:]]
    environment = os.environ | {"PYTHONHASHSEED": "7"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    with BUGS["all-is-well"].planted():
        here = simulate(3)
    assert done.returncode == bool(here.violations)
    assert done.stdout.splitlines() == [*here.story, *(here.violations or ["Nothing is wrong."])]


@pytest.mark.slow
def test_of_a_job_that_has_a_minute_only_nobody_may_ever_know_what_became_of_an_expense() -> None:
    run = simulate(130717)  # three look-ups in a row, each without an answer
    assert (run.violations, run.faults) == ((), {"LOST_AFTER": 6})
    with patch.object(Plot, "may_expire", new=False):
        assert [one for one in simulate(130717).violations if "told as unknown" in one]
