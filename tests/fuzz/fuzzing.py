"""Runs a test with made-up examples: always the same ones in the suite; in `make soak` more, from a seed drawn anew."""

import random
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from tests.scorecard import at_size, share
from tests.scorecard.plugin import Score
from tests.scorecard.seeds import chosen, replayable


def sized(suite: int, soak: int) -> settings:
    return settings(
        max_examples=at_size(suite, soak),
        database=None,
        deadline=None,
        derandomize=False,
        print_blob=False,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


def first_seed() -> int:
    """The seed that is to be replayed, one drawn anew at full size, and always the same one in the suite."""
    if (given_one := chosen()) is not None:
        return given_one
    return random.SystemRandom().randrange(2**32) if share() else 0


def fuzz(
    examine: Callable[[Any], object], examples: SearchStrategy[Any], suite: int, soak: int, score: Score
) -> None:
    """Examine that many examples, and count them."""

    def counted(example: Any) -> None:
        score.note(examples=1)
        examine(example)

    score.note(uncaught=0)
    drawn = first_seed()
    with replayable(drawn):
        seed(drawn)(sized(suite, soak)(given(examples)(counted)))()
