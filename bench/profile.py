"""Where the time and the memory of a job go: `python -m bench.profile`. Its tables stand in the documentation.

CPU by py-spy, which looks at the stacks of all threads a hundred times a second and slows nothing down; what waits is not counted.
Memory by tracemalloc, in a run of its own: what the job holds when it holds most, the program and its libraries apart.
"""

import argparse
import asyncio
import json
import re
import resource
import subprocess
import sys
import tempfile
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from aiolimiter import AsyncLimiter

from bench.installed import UnavailableError, profiler
from bench.ours import UNLIMITED, Bench, export_all
from bench.page_text import PAGE, with_figures
from bench.world import WORLD_CORE, Conditions, world

CONCURRENCY, LARGEST, SAMPLES_A_SECOND = 16, 12, 100
LOOK_SECONDS, WORTH_KEEPING = 0.2, 1.05  # how often memory is looked at, and what it must have grown by
# A thread without work, and the event loop without any, which look busy to a sampler now and then.
WAITING = ("_worker (concurrent/futures/thread.py", "EpollSelector.select (selectors.py")
PLACE_OF_FRAME = re.compile(r"^(?P<function>.*) \((?P<file>.*?)(:\d+)?\)$")
Stacks = Sequence[tuple[Sequence[str], int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--memory", action="store_true", help="only print what is held, as JSON")
    given = parser.parse_args()
    if given.memory:
        print(json.dumps(asyncio.run(held(given.items))))
        return
    told = "\n".join([*cpu_lines(given.items), "", *memory_lines(given.items)])
    print(told)
    day = f"{datetime.now(UTC):%-d %B %Y}"
    head = f"Of a job of {given.items:,} expenses without latency, 16 calls at once, on {day}; by `python -m bench.profile`."
    PAGE.write_text(
        with_figures(PAGE.read_text(encoding="utf-8"), f"{head}\n\n{told}", "profile"), encoding="utf-8"
    )


def cpu_lines(items: int) -> Iterator[str]:
    try:
        stacks = sampled(items)
    except UnavailableError as error:
        yield f"CPU is not measured: {error}."
        return
    whole = sum(times for _, times in stacks)
    own: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for frames, times in stacks:
        own[module_of(frames[-1])] += times
        for place in {function_of(frame) for frame in frames if "(pleo_export/" in frame}:
            within[place] += times
    yield f"CPU seconds: about {whole / SAMPLES_A_SECOND:.0f}, of all threads."
    yield from table("Own time of a module", own, whole)
    yield from table("Function of ours, with all that it calls", within, whole)


def sampled(items: int) -> Stacks:
    """Return the stacks that were seen at work in a job, each with how often. Raises UnavailableError."""
    spy = profiler()
    with world(Conditions(items=items)) as here, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "stacks"
        options = ["--format", "raw", "--rate", str(SAMPLES_A_SECOND), "--output", str(file)]
        ours = ["-m", "bench.ours", "--url", here.url, "--folder", folder, "--concurrency", str(CONCURRENCY)]
        done = subprocess.run(
            [spy, "record", *options, "--", sys.executable, *ours],
            capture_output=True,
            text=True,
            check=False,
        )
        if not file.exists():
            raise UnavailableError(f"py-spy: {done.stderr.strip()[-200:]}")
        lines = file.read_text(encoding="utf-8").splitlines()
    stacks = [(stack.split(";"), int(times)) for stack, _, times in (line.rpartition(" ") for line in lines)]
    return [(frames, times) for frames, times in stacks if not frames[-1].startswith(WAITING)]


def module_of(frame: str) -> str:
    """Return the module of ours, and the package of a library, that a frame is in."""
    found = PLACE_OF_FRAME.match(frame)
    file = found["file"] if found else frame
    return file if file.startswith("pleo_export/") else file.strip("/").split("/")[0]


def function_of(frame: str) -> str:
    found = PLACE_OF_FRAME.match(frame)
    return f"{found['file'].removeprefix('pleo_export/')}: {found['function']}" if found else frame


def table(heading: str, shares: Mapping[str, float], whole: float, unit: str = "") -> Iterator[str]:
    """Yield the largest costs; with a unit, their size beside their share."""
    yield from (
        "",
        f"| {heading} | {f'{unit} | ' if unit else ''}Share |",
        f"|---|{'--:|' if unit else ''}--:|",
    )
    for name, share in sorted(shares.items(), key=lambda one: -one[1])[:LARGEST]:
        yield f"| `{name}` | {f'{share:.1f} | ' if unit else ''}{share / whole:.0%} |"


def memory_lines(items: int) -> Iterator[str]:
    """Yield what the job holds when it holds most, measured in a process of its own."""
    command = [sys.executable, "-m", "bench.profile", "--memory", "--items", str(items)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
    start_mb, peak_mb, by_module = json.loads(told)
    yield f"Memory: {start_mb:.0f} MB are the program and its libraries; the job holds {peak_mb:.1f} MB when it holds most."
    yield from table("Held by the job, by where it was made", by_module, peak_mb, "MB")


async def held(items: int) -> tuple[float, float, Mapping[str, float]]:
    """Return the MB of the program before the job, the most that the job held, and that by module."""
    with world(Conditions(items=items), core=WORLD_CORE) as here, tempfile.TemporaryDirectory() as folder:
        start_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        tracemalloc.start()
        bench = Bench(here.url, Path(folder), CONCURRENCY, AsyncLimiter(UNLIMITED, 1.0))
        job = asyncio.create_task(export_all(bench, 1))
        most, fullest = 0, tracemalloc.take_snapshot()
        while not job.done():
            await asyncio.sleep(LOOK_SECONDS)
            holds, _ = tracemalloc.get_traced_memory()
            if holds > most * WORTH_KEEPING:
                most, fullest = holds, tracemalloc.take_snapshot()
        await job
    without = [tracemalloc.Filter(inclusive=False, filename_pattern=tracemalloc.__file__)]
    own = fullest.filter_traces(without).statistics("filename")
    found: Counter[str] = Counter()
    for one in own:
        found[module_of(_short(one.traceback[0].filename))] += one.size
    return start_mb, most / 1e6, {name: size / 1e6 for name, size in found.items()}


def _short(file: str) -> str:
    """Return a path from where its package begins."""
    for mark in ("site-packages/", "/src/", "/lib/python3."):
        if mark in file:
            rest = file.split(mark, 1)[1]
            return rest.partition("/")[2] if mark.startswith("/lib") else rest
    return file


if __name__ == "__main__":
    main()
