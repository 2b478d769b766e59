"""Seeds of randomised tests: one after the other until enough was done, or the one that is to be replayed."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count, takewhile

SEED = "PLEO_EXPORT_SEED"


def chosen() -> int | None:
    """The one seed that is to be replayed, where there is one."""
    text = os.environ.get(SEED)
    return int(text) if text else None


def seeds(enough: Callable[[], bool], start: int = 0) -> Iterator[int]:
    """Yield seeds until enough was done. Where PLEO_EXPORT_SEED is set, that one alone."""
    if (replayed := chosen()) is not None:
        yield replayed
        return
    yield from takewhile(lambda _: not enough(), count(start))


@contextmanager
def replayable(seed: int) -> Iterator[None]:
    """Add to whatever goes wrong in the body how to have it again."""
    try:
        yield
    except Exception as error:
        test = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0]
        error.add_note(f"Seed {seed}. Again: {SEED}={seed} .venv/bin/pytest '{test}'")
        raise
