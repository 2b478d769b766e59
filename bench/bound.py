"""The lower bound: what the latencies and the limits of the others leave to the best program there can be.

N items; page p, n_p = ceil(N / p); update batch b, n_b = ceil(N / b); L the latency of a call; c calls in flight at the
accounting system; r calls a second allowed there, B of them at once; k calls an item; f files an item, c_f downloads in flight.

    T* = 3 L + (n_p - 1) L + L_f  +  max( A, ceil(N f / c_f) L_f, n_b L, N x CPU per item )  +  2 L
    A  = max( ceil(N / c) k L, (k N - B) / r )

Three calls come before anything can be read (list, start, the first pages of both lists side by side); all other pages are read
before the first entry, because the order asks for every date; the first file comes before the first entry. At the end stand
the last report and the closing event. Updates and downloads run beside the recording.
"""

import math
from typing import NamedTuple

PAGE, BATCH = 100, 100
CALLS_AN_ITEM = 2  # the entry, and its file
FILES_AN_ITEM = 1


class Limits(NamedTuple):
    """What the others allow. Seconds; `rate` in calls a second, 0 for any."""

    latency: float
    concurrency: int
    rate: float = 0.0
    burst: int = 0


def lower_bound(items: int, limits: Limits, cpu_per_item: float = 0.0) -> float:
    """Return the seconds that a job takes at least."""
    latency, at_once, rate, burst = limits
    before = (3 + math.ceil(items / PAGE) - 1 + 1) * latency
    recording = math.ceil(items / at_once) * CALLS_AN_ITEM * latency
    if rate:
        recording = max(recording, (CALLS_AN_ITEM * items - burst) / rate)
    downloads = math.ceil(items * FILES_AN_ITEM / at_once) * latency
    updates = math.ceil(items / BATCH) * latency
    return before + max(recording, downloads, updates, items * cpu_per_item) + 2 * latency
