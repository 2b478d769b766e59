"""The scorecard of reliability: which tests prove which promise, at which size, and what they measured.

A test belongs to a row by `@pytest.mark.scorecard("A")` and tells what it measured to the fixture `score`. How much it
does is `at_size(60, 10_000)`: the first in the suite, the second in `make soak`, which sets PLEO_EXPORT_SOAK.
"""

import os

SOAK = "PLEO_EXPORT_SOAK"
ONLY = "PLEO_EXPORT_SCORECARD_ROWS"
"""The rows whose tests are to run, as in `A,B`, where it is set; the others are left out."""
RESULTS = "PLEO_EXPORT_SCORECARD"
"""A file to which every test of the scorecard adds a line of JSON, where it is set."""


def at_size(suite: int, soak: int) -> int:
    """How much to do: as much as the suite has time for or, in `make soak`, the whole of it.

    PLEO_EXPORT_SOAK is a share of the whole, from 0 to 1.
    """
    return max(suite, round(soak * share()))


def share() -> float:
    """The share of the whole that is to be done; 0 in the suite."""
    return float(os.environ.get(SOAK) or 0)
