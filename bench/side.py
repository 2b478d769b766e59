"""Figures of the running service: `python -m bench.side`. How soon it is ready, what it needs when idle, how soon it begins."""

import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from msgspec.structs import replace
from tests.e2e.service_process import free_port, running, until
from tests.e2e.story import Story

from bench.service import APART_SECONDS, Bench
from bench.side_results import Side
from pleo_export.simulator.hands import simulator_process

ROUNDS, IDLE_SECONDS = 5, 2.0
LATENCY_SECONDS = 0.02


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        ready, idle = started(Path(folder) / "ready")
        webhook = first_entry(Path(folder) / "webhook")
    side = replace(Side.load(), ready_seconds=ready, idle_mb=idle, webhook_seconds=webhook)
    side.save()
    print(
        f"ready after {ready:.2f} s, {idle:.0f} MB when idle; webhook to the first entry in the books: {webhook:.2f} s"
    )


def started(place: Path) -> tuple[float, float]:
    """Return the seconds until the service is ready and its memory in MB once it has nothing to do."""
    waits, sizes = [], []
    for number in range(ROUNDS):
        bench = Bench("sqlite", place.with_name(f"ready-{number}"), f"sqlite:///{place}-{number}.db")
        with simulator_process() as pleo:
            settings = Story(bench.place, pleo).settings
            port = free_port()
            began = time.perf_counter()
            with running(
                ["serve", "--settings", str(settings)], bench.env, bench.place, web=False, port=port
            ) as here:
                while not here.answers():
                    time.sleep(0.01)
                waits.append(time.perf_counter() - began)
                time.sleep(IDLE_SECONDS)
                sizes.append(_resident_mb(here.process))
    return statistics.median(waits), statistics.median(sizes)


def _resident_mb(process: subprocess.Popen[str]) -> float:
    lines = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmRSS"))


def first_entry(place: Path) -> float:
    """Return the seconds from Export pressed, whose webhook is sent at once, to the first entry in the ledger."""
    bench = Bench("sqlite", place, f"sqlite:///{place}.db")
    with bench.serving("serve") as (story, _):
        story.bookkeeper.call("PATCH", "trouble/settings", {"calls": "*", "latency_seconds": LATENCY_SECONDS})
        waits = []
        for seed in range(ROUNDS):
            ids = story.expenses(10, seed=seed)
            before = len(_entries(story))
            began = time.perf_counter()
            job = story.press_export(ids)
            while len(_entries(story)) == before:
                time.sleep(0.002)
            waits.append(time.perf_counter() - began)
            until(lambda job=job: story.job(job)["status"] == "completed", "the job")  # type: ignore[misc]
            time.sleep(APART_SECONDS)
    return statistics.median(waits)


def _entries(story: Story) -> list[Path]:
    return list(story.books.glob("[0-9]*/*/*.beancount"))


if __name__ == "__main__":
    main()
