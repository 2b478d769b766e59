"""How many calls a credential may make: a bucket that is full at first and refills evenly over a minute."""

from datetime import datetime
from math import ceil

from pleo_export.simulator.credentials import Owner
from pleo_export.simulator.errors import TooManyCallsError

_MINUTE_SECONDS = 60


class RateLimit:
    def __init__(self) -> None:
        self._buckets: dict[Owner, tuple[float, datetime]] = {}

    def count(self, caller: Owner, calls_per_minute: int, now: datetime) -> None:
        """Count a call; raises TooManyCallsError, which costs nothing. A limit of 0 is none."""
        if not calls_per_minute:
            return
        per_second = calls_per_minute / _MINUTE_SECONDS
        left, since = self._buckets.get(caller, (float(calls_per_minute), now))
        left = min(calls_per_minute, left + (now - since).total_seconds() * per_second)
        if left < 1:
            self._buckets[caller] = left, now
            raise TooManyCallsError(ceil((1 - left) / per_second))
        self._buckets[caller] = left - 1, now
