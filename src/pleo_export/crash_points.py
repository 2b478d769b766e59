"""Named places where a test lets the process die, to prove that it carries on. In production they do nothing.

A child process is told by `PLEO_EXPORT_CRASH_POINTS` where to die: `intended` at the first time it gets there, `intended:3`
at the third, `seed=7,one_in=40` at any place, by chance and the same for the same seed. It dies by SIGKILL, as a power
failure would have it. Inside one process, `struck_by` has a function called at every place in place of that.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

VARIABLE = "PLEO_EXPORT_CRASH_POINTS"

Strike = Callable[[str], None]

# Every place there is, in the order a job gets there.
NAMES = (
    "engine.run_begun",
    "tokens.answered",
    "tokens.kept",
    "job.seen",
    "job.started_told",
    "job.started_kept",
    "items.planned",
    "items.marked",
    "receipts.downloaded",
    "item.intended",
    "ledger.written",
    "ledger.linked",
    "ledger.receipt_placed",
    "entry.recorded",
    "entry.kept",
    "receipt.attached",
    "item.recorded",
    "outcomes.told",
    "outcomes.kept",
    "closing.decided",
    "closing.told",
    "closing.kept",
    "store.committing",
    "store.committed",
    "engine.run_ended",
)


class UnknownCrashPointError(ValueError):
    """The order names no place there is."""

    def __init__(self, order: str) -> None:
        super().__init__(f"{VARIABLE}={order}: no crash point of that name. There are: {', '.join(NAMES)}.")


def reach(name: str) -> None:
    """Note that the process got to this place."""
    if _strike is not None:
        _strike(name)


@contextmanager
def struck_by(strike: Strike) -> Iterator[None]:
    """Have a function called at every place while the body runs."""
    global _strike  # noqa: PLW0603 there is one process
    before, _strike = _strike, strike
    try:
        yield
    finally:
        _strike = before


def ordered(order: str, die: Callable[[], None]) -> Strike:
    """Return what calls `die` where the order says. Raises UnknownCrashPointError."""
    if order.startswith("seed="):
        seed, _, share = order.removeprefix("seed=").partition(",one_in=")
        draw, one_in = Random(int(seed)), int(share or 40)  # noqa: S311 chance, not secrecy
        return lambda _: die() if draw.randrange(one_in) == 0 else None
    wanted, _, times = order.partition(":")
    if wanted not in NAMES:
        raise UnknownCrashPointError(order)
    left = int(times or 1)

    def strike(name: str) -> None:
        nonlocal left
        if name == wanted:
            left -= 1
            if left == 0:
                die()

    return strike


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


_strike: Strike | None = ordered(os.environ[VARIABLE], _die) if os.environ.get(VARIABLE) else None
