"""One run: a seed in, what happened and what was wrong with it out."""

from collections.abc import Mapping
from functools import cache
from random import Random

import msgspec

from pleo_export.testing.oracle import Expected
from pleo_export.testing.simulation import stage
from pleo_export.testing.simulation.play import Play
from pleo_export.testing.simulation.plot import plot, whole_month


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a seed: what was wrong, and the story that led there.

    `seconds` are virtual ones, `deaths` are processes that died, `faults` how often which kind struck.
    """

    seed: int
    violations: tuple[str, ...]
    story: tuple[str, ...]
    seconds: float
    deaths: int
    faults: Mapping[str, int]


def simulate(seed: int) -> Run:
    """Run a seed. The same seed gives the same run, in any process."""
    draw = Random(seed)  # noqa: S311 chance, not secrecy
    # Whatever came later than the plot draws from here too, so that old seeds stay as they were.
    chosen = plot(draw, Random(f"how jobs of seed {seed} expire"))  # noqa: S311 chance, not secrecy
    play = Play(chosen, draw, seed, expectations(chosen.pool))
    play.perform()
    return Run(
        seed=seed,
        violations=tuple(play.problems),
        story=tuple(f"{seconds:9.3f}  {what}" for seconds, what in play.story),
        seconds=play.seconds,
        deaths=play.deaths,
        faults=dict(play.struck),
    )


def rehearse() -> None:
    """Find out what becomes of every expense where nothing goes wrong: before a bug is planted."""
    for pool in range(stage.POOLS):
        expectations(pool)


@cache
def expectations(pool: int) -> Mapping[str, Expected]:
    """Return what becomes of each expense of a month where nothing goes wrong."""
    play = Play(whole_month(pool), Random(pool), 0, {})  # noqa: S311 chance, not secrecy
    play.perform()
    assert not play.problems, play.problems
    books = play.cast[0].system.entries()
    return {
        reference: Expected(
            outcome="successful", totals=books[reference][0].totals, files=books[reference][0].files
        )
        if reference in books
        else Expected(outcome="failed")
        for reference in stage.month(pool)
    }
