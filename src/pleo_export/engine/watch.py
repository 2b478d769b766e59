"""The watch of a worker over the others: whoever is lost has its runs given to the rest.

A worker is lost when its lock is free, looked at twice, or when it holds its lock and gives no sign of life: a process that
is frozen does. The latter may wake up again, and works on until the store refuses its token.
"""

import logging
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from itertools import groupby
from typing import NamedTuple

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from pleo_export.engine.liveness import Liveness
from pleo_export.engine.queue import VERSION, Entry, Queue, entry_id, run_of
from pleo_export.engine.runs import Run, Runs

AWAY_FACTOR = 5  # a look that comes so many times later than meant tells that we were frozen ourselves

DATABASE_TROUBLE = (DBAPIError, PoolTimeoutError, psycopg.Error, sqlite3.Error, OSError)

log = logging.getLogger(__name__)


class Pace(NamedTuple):
    """How often the engine looks, and how long it waits, in seconds."""

    poll: float = 0.1  # for runs that wait: half of it is how long one waits, and a look costs 5 ms of CPU
    look: float = 0.3  # at the locks of the other workers
    confirm: float = 1.0  # between two looks at a free lock: after a restart of the database every worker takes its own again
    beat: float = 1.0  # between two signs of life
    silence: float = 15.0  # without a sign of life a worker counts as frozen
    sweep: float = 5.0  # for runs whose entry in the queue is gone
    hang: float = 120.0  # at one look: a database that is slow or locked answers, or fails, long before


class Steady:
    """For how long something has been seen unchanged."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Hashable, float]] = {}

    def seconds(self, name: str, value: Hashable, now: float) -> float:
        """Note the value seen now; return for how long it has been seen and no other."""
        known, since = self._seen.get(name, (value, now))
        if known != value:
            since = now
        self._seen[name] = (value, since)
        return now - since

    def keep(self, names: set[str]) -> None:
        """Forget everything about others than these."""
        self._seen = {name: seen for name, seen in self._seen.items() if name in names}


class Watch:
    """Looks at the other workers, and after the runs, until it is told to stop."""

    def __init__(  # noqa: PLR0913  one part of the engine each
        self,
        worker: str,
        runs: Runs,
        queue: Queue,
        liveness: Liveness,
        pace: Pace,
        *,
        at_work: Callable[[int], bool],
    ) -> None:
        """Look as `worker`; `at_work` says whether this process works on a run."""
        self._worker, self._runs, self._queue, self._liveness = worker, runs, queue, liveness
        self._pace, self._at_work = pace, at_work
        self.whereabouts = socket.gethostname(), os.getpid()
        self._locks, self._beats, self._idle = Steady(), Steady(), Steady()
        self._looked_at = self._beat_at = self._swept_at = -float("inf")
        self._turned_at = time.monotonic()

    def until(self, stop: threading.Event) -> None:
        """Look again and again. Trouble with the database is waited for."""
        away = False
        while True:
            self._turned_at = time.monotonic()
            if stop.wait(self._pace.look):
                return
            try:
                self.look(time.monotonic())
            except DATABASE_TROUBLE as error:
                if not away:
                    log.warning("the engine's database does not answer the watch: %s", type(error).__name__)
                away = True
            else:
                if away:
                    log.info("the engine's database answers the watch again")
                away = False

    def hangs(self) -> float | None:
        """Return for how many seconds a look has lasted, where that is too long to end by itself."""
        seconds = time.monotonic() - self._turned_at
        return seconds if seconds > self._pace.hang else None

    def look(self, now: float) -> None:
        """Show a sign of life, take over what lost workers left, and put right what hangs."""
        if now - self._looked_at > self._pace.look * AWAY_FACTOR:
            # Nobody could be seen meanwhile, so nobody was silent.
            self._locks.keep(set())
            self._beats.keep(set())
            self._idle.keep(set())
        self._liveness.hold(self._worker)
        if now - self._beat_at >= self._pace.beat:
            self._runs.beat(self._worker, *self.whereabouts)
            self._beat_at = now
        self._look_at_others(now)
        if now - self._swept_at >= self._pace.sweep:
            self._sweep()
            self._swept_at = now
        self._looked_at = time.monotonic()

    def hand_on(self, entries: Sequence[Entry], problem: str, *, lost_worker: str | None = None) -> None:
        """Give these runs to whoever takes them, and free their companies."""
        for entry in entries:
            self._runs.hand_on(run_of(entry.id), problem, lost_worker=lost_worker)
        self._queue.cancel([entry.id for entry in entries])

    def _look_at_others(self, now: float) -> None:
        claimed = sorted(self._queue.claimed(), key=_worker_of)
        self._look_at_own(claimed, now)
        left = {worker: list(entries) for worker, entries in groupby(claimed, _worker_of)}
        beats = dict(self._runs.pulses())
        others = (left.keys() | beats.keys()) - {self._worker}
        for worker in sorted(others):
            self._look_at(worker, left.get(worker, []), beats.get(worker), now)
        self._locks.keep(others)
        self._beats.keep(others)

    def _look_at_own(self, claimed: Sequence[Entry], now: float) -> None:
        """Hand on what was claimed for this worker and is not at work here: an answer of the database was lost.

        Nobody takes it from a worker that lives, and it would keep its company for ever.
        """
        mine = [
            entry for entry in claimed if entry.worker == self._worker and not self._at_work(run_of(entry.id))
        ]
        for entry in mine:
            if self._idle.seconds(entry.id, value=True, now=now) >= self._pace.silence:
                log.warning("run %d was claimed here and is not at work; it is handed on", run_of(entry.id))
                self.hand_on([entry], f"Worker {self._worker} lost sight of it.")
        self._idle.keep({entry.id for entry in mine})

    def _look_at(self, worker: str, left: Sequence[Entry], beat: int | None, now: float) -> None:
        silent = self._beats.seconds(worker, beat, now)
        with self._liveness.grasped(worker) as free:
            unchanged = self._locks.seconds(worker, free, now)
            if free and unchanged >= self._pace.confirm:
                self._take_over(worker, left, f"Worker {worker} died.")
        if not free and silent >= self._pace.silence:
            self._take_over(worker, left, f"Worker {worker} gave no sign of life for {silent:.0f} seconds.")

    def _take_over(self, worker: str, left: Sequence[Entry], why: str) -> None:
        log.warning("%s Runs taken over from it: %d.", why, len(left))
        self.hand_on(left, why, lost_worker=worker)
        self._runs.forget_worker(worker)

    def _sweep(self) -> None:
        """Hand on what no worker will take or end: entries that are gone, or of an older version of the program."""
        runs = self._runs.open()
        entries = self._queue.find([entry_id(run.company_id, run.id) for run in runs])
        for run in runs:
            entry = entries.get(entry_id(run.company_id, run.id))
            if (problem := _hangs(run, entry)) is not None and self._runs.hand_on(
                run.id, problem, lost_worker=None
            ):
                log.warning("run %d of company %s was queued anew: %s", run.id, run.company_id, problem)
                self._queue.cancel([entry.id] if entry is not None else [])


def _hangs(run: Run, entry: Entry | None) -> str | None:
    if entry is None or entry.ended:
        return f"The queue lost sight of run {run.id}."
    if not entry.claimed and entry.version < VERSION:
        return f"Run {run.id} was queued by an older version."
    return None


def _worker_of(entry: Entry) -> str:
    return entry.worker or ""
