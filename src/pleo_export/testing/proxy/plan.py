"""Which calls are struck, and by what: from a seed, so that it happens again."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from pleo_export.testing.proxy.faults import Fault


@dataclass(frozen=True)
class Route:
    """A kind of call, by its method and a pattern that the whole path has to match."""

    name: str
    method: str
    path: str

    def fits(self, method: str, path: str) -> bool:
        """Whether a call is of this kind."""
        return method == self.method and re.fullmatch(self.path, path) is not None


@dataclass(frozen=True)
class Rate:
    """How often an order strikes the calls it is for: by this chance each, and so many times at most."""

    name: str
    chance: float = 1.0
    times: int | None = None


ONCE = Rate("once", times=1)
IN_FIFTY = Rate("2 %", chance=0.02)
IN_TEN = Rate("10 %", chance=0.1)
ALWAYS = Rate("always")


@dataclass(frozen=True)
class Order:
    """A fault, the calls it is for, and how often."""

    fault: Fault
    route: Route
    rate: Rate


@dataclass(frozen=True)
class Struck:
    """What was done: to which call of its kind, counted from 1. Paths are left out, as those of files are keys."""

    fault: str
    route: str
    call: int


class Plan:
    """The orders of one run and what became of them; the earlier of two orders that strike the same call wins."""

    def __init__(self, orders: Sequence[Order], seed: int = 0) -> None:
        self.orders = orders
        # One source of chance each, so that an order strikes the same calls whatever other orders there are.
        self._chances = [Random(f"{seed}:{place}") for place in range(len(orders))]  # noqa: S311 chance, not secrecy
        self._times = Counter[int]()
        self.calls = Counter[str]()
        self.struck: list[Struck] = []

    def strike(self, method: str, path: str) -> Fault | None:
        """Return what is to happen to this call, which is counted."""
        fitting = [place for place, order in enumerate(self.orders) if order.route.fits(method, path)]
        self.calls.update({self.orders[place].route.name for place in fitting})
        striking = [place for place in fitting if self.strikes(place)]
        if not striking:
            return None
        self._times[striking[0]] += 1
        order = self.orders[striking[0]]
        self.struck.append(Struck(order.fault.name, order.route.name, self.calls[order.route.name]))
        return order.fault

    def stop(self) -> None:
        """Let all further calls pass."""
        self.orders = ()

    def strikes(self, place: int) -> bool:
        """Draw whether the order at this place strikes the next call it is for."""
        rate, chance = self.orders[place].rate, self._chances[place].random()
        return chance < rate.chance and (rate.times is None or self._times[place] < rate.times)
