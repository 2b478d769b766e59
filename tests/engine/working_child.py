"""A worker in a process of its own: argv is the engine's URL, a journal, what a drain does, and the pace as JSON.

What a drain does is so many seconds of work, or "die", which kills the worker where it drains company-a. Each moment of
it is a line of the journal.
"""

import json
import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from pleo_export.engine import Begun, Engine, Pace

STEP_SECONDS = 0.02


def now() -> datetime:
    return datetime.now(UTC)


class Journal:
    """Lines that several processes add to one file; a line is written in one piece."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(self, what: str, company: str, token: int) -> None:
        line = [time.time(), what, company, token, os.getpid()]
        os.write(self._file, f"{json.dumps(line)}\n".encode())


def main(url: str, journal: Journal, work: str, pace: Pace) -> None:
    engine = Engine(url, now, pace=pace)

    def drain(begun: Begun) -> None:
        company, token = begun.company_id, begun.token
        journal.note("begin", company, token)
        if (work, company) == ("die", "company-a"):
            os.kill(os.getpid(), signal.SIGKILL)
        ends = time.monotonic() + (0 if work == "die" else float(work))
        while time.monotonic() < ends and not engine.stopping.wait(STEP_SECONDS):
            journal.note("work", company, token)
        journal.note("end", company, token)

    engine.register(drain)
    told_to_stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _signal, _frame: told_to_stop.set())
    engine.start()
    sys.stdout.write(f"{engine.worker}\n")
    sys.stdout.flush()
    told_to_stop.wait()
    engine.stop(grace_seconds=5)


if __name__ == "__main__":
    main(sys.argv[1], Journal(Path(sys.argv[2])), sys.argv[3], Pace(**json.loads(sys.argv[4])))
