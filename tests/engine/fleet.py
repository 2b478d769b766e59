"""Worker processes on one database, and the journal of what they did."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from pleo_export.engine import Engine, Pace
from tests.engine.bench import PATIENCE_SECONDS, eventually
from tests.engine.working_child import now

CHILD = Path(__file__).with_name("working_child.py")
REAL_PACE = Pace()


class Moment(NamedTuple):
    at: float
    what: str
    company: str
    token: int
    pid: int


class Child(NamedTuple):
    process: subprocess.Popen[str]
    worker: str

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)


class Fleet:
    """Starts workers, and ends them all when it is left. `engine` fires and looks, but does not work."""

    def __init__(self, url: str, folder: Path, *, work: str, pace: Pace = REAL_PACE) -> None:
        self.url, self.journal_path = url, folder / "journal"
        self.engine = Engine(url, now)
        self.children: list[Child] = []
        self._work, self._pace = work, pace

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in self.children:
            child.kill()
            assert child.process.stdout is not None
            child.process.stdout.close()
        self.engine.close()

    def start(self, count: int = 1) -> list[Child]:
        """Start workers; return them once they take runs."""
        arguments = [self.url, str(self.journal_path), self._work, json.dumps(self._pace._asdict())]
        processes = [
            subprocess.Popen([sys.executable, str(CHILD), *arguments], stdout=subprocess.PIPE, text=True)
            for _ in range(count)
        ]
        started = []
        for process in processes:
            assert process.stdout is not None
            started.append(Child(process, process.stdout.readline().strip()))
        self.children += started
        assert all(child.worker for child in started)
        return started

    def freeze(self, child: Child) -> None:
        """Stop the worker, but not in the middle of a write to the file: that is the one state nobody else can heal."""
        child.signal(signal.SIGSTOP)
        while not may_be_written(self.url):
            child.signal(signal.SIGCONT)
            wait_seconds(0.05)
            child.signal(signal.SIGSTOP)

    def living(self) -> list[Child]:
        return [child for child in self.children if child.process.poll() is None]

    def moments(self) -> list[Moment]:
        if not self.journal_path.exists():
            return []
        written, newline, _ = self.journal_path.read_text(encoding="utf-8").rpartition("\n")
        lines = (written + newline).splitlines()  # the last line may be on its way
        return sorted(Moment(*json.loads(line)) for line in lines)

    def of(self, what: str) -> list[Moment]:
        return [moment for moment in self.moments() if moment.what == what]

    def wait_for(self, what: str, count: int = 1) -> Moment:
        """Wait for so many moments of a kind; return the last."""
        eventually(lambda: len(self.of(what)) >= count)
        return self.of(what)[-1]

    def child_at_work(self) -> Child:
        """The worker that began last."""
        pid = self.of("begin")[-1].pid
        (child,) = (child for child in self.children if child.process.pid == pid)
        return child


def may_be_written(url: str) -> bool:
    """Whether no process holds the one lock of a SQLite file that keeps all others from writing."""
    if not url.startswith("sqlite"):
        return True
    try:
        with closing(
            sqlite3.connect(url.removeprefix("sqlite:///"), timeout=1, isolation_level=None)
        ) as file:
            file.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    return True


def wait_seconds(seconds: float) -> None:
    time.sleep(seconds)
