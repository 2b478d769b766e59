"""Looks for work that no webhook told of: every company gets its turn, again and again."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from pleo_export.clock import Clock
from pleo_export.domain.progress import LastLook

LOOK_SECONDS = 2.0  # how often it is seen which companies are due
JITTER_SHARE = 0.1  # of the interval: companies that were added together do not stay together
# A company in trouble may have a job begun, which Pleo gives up where nobody shows life for an hour.
TROUBLED_MINUTES_MAX = 5.0

log = logging.getLogger(__name__)


class Engine(Protocol):
    """What polling needs of the engine."""

    def fire(self, company_id: str, cause: str) -> bool: ...


class Store(Protocol):
    """What polling needs of the store."""

    async def last_looks(self) -> Sequence[LastLook]: ...


class Fired(NamedTuple):
    """When a company was given to the engine, and how much of the interval passes before the next time."""

    at: datetime
    share: float


class Polling:
    """Gives each company to the engine at the start, and `minutes` after the last look, whoever took it.

    `draw` gives a number from 0 to 1, for the jitter.
    """

    def __init__(
        self,
        store: Store,
        engine: Engine,
        clock: Clock,
        minutes: float,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._store, self._engine, self._clock, self._draw = store, engine, clock, draw
        self._interval = timedelta(minutes=minutes)
        self._troubled_interval = timedelta(minutes=min(minutes, TROUBLED_MINUTES_MAX))
        self._fired: dict[str, Fired] = {}

    async def run(self) -> None:
        """Look again and again which companies are due. Ends by being cancelled only."""
        while True:
            try:
                await self.fire_due()
            except Exception:  # the service's edge: the next look may find the database again
                log.exception("it could not be seen which companies are due")
            await self._clock.sleep(LOOK_SECONDS)

    async def fire_due(self) -> None:
        """Give the companies that are due to the engine; one whose firing fails is due still."""
        now = self._clock.now()
        for look in await self._store.last_looks():
            fired = self._fired.get(look.company_id)
            if fired is not None and not self._is_due(look, fired, now):
                continue
            cause = "start" if fired is None else "poll"
            await asyncio.to_thread(self._engine.fire, look.company_id, cause)
            share = 1 + JITTER_SHARE * (2 * self._draw() - 1)
            self._fired[look.company_id] = Fired(now, share)

    def _is_due(self, look: LastLook, fired: Fired, now: datetime) -> bool:
        interval = self._troubled_interval if look.troubled else self._interval
        # What is in the future says nothing: the clock was set back, or another machine's is ahead.
        looks = [at for at in (fired.at, look.checked_at) if at is not None and at <= now]
        return not looks or now >= max(looks) + interval * fired.share
