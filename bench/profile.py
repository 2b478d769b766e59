"""Where the time and the memory of a job go: `python -m bench.profile`. The tables are written for the documentation.

CPU by the standard profiler, which makes calls look dearer than they are: take the shares, not the seconds. Memory by
tracemalloc, at the end of the job, when most of what it holds is held.
"""

import argparse
import asyncio
import cProfile
import pstats
import tempfile
import tracemalloc
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from aiolimiter import AsyncLimiter

from bench.ours import UNLIMITED, Bench, export_all
from bench.world import Conditions, world

CONCURRENCY, LARGEST = 16, 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000)
    items = parser.parse_args().items
    profile = cProfile.Profile()
    profile.enable()
    job(items)
    profile.disable()
    table("CPU, own time", "s", by_place(profile))
    tracemalloc.start()
    job(items)
    snapshot, (_, peak) = tracemalloc.take_snapshot(), tracemalloc.get_traced_memory()
    print(f"\nPython's own memory at its peak: {peak / 1e6:.1f} MB")
    held = [(_short(stat.traceback[0].filename), stat.size / 1e6) for stat in snapshot.statistics("filename")]
    table("memory held at the end", "MB", held)


def job(items: int) -> None:
    with world(Conditions(items=items)) as here, tempfile.TemporaryDirectory() as folder:
        bench = Bench(here.url, Path(folder), CONCURRENCY, AsyncLimiter(UNLIMITED, 1.0))
        asyncio.run(export_all(bench, 1))


def by_place(profile: cProfile.Profile) -> Iterable[tuple[str, float]]:
    """Return own time by package, and by function where it is the interpreter's."""
    found: Counter[str] = Counter()
    stats: dict[tuple[str, int, str], tuple[int, int, float, float, object]] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    for (file, _, function), (_, _, own, _, _) in stats.items():
        found[function if file == "~" else _short(file)] += own  # type: ignore[assignment]
    return found.items()


def _short(file: str) -> str:
    """Return the package of a library's file, and the place of one of ours."""
    for mark in ("site-packages/", "/src/", "/lib/python3."):
        if mark in file:
            rest = file.split(mark, 1)[1]
            return rest if mark == "/src/" else "/".join(rest.split("/")[: 2 if mark[0] == "/" else 1])
    return file


def table(heading: str, unit: str, shares: Iterable[tuple[str, float]]) -> None:
    ordered = sorted(shares, key=lambda one: -one[1])
    total = sum(share for _, share in ordered)
    print(f"\n| {heading} | {unit} | share |\n|---|--:|--:|")
    for name, share in ordered[:LARGEST]:
        print(f"| `{name}` | {share:.2f} | {share / total:.0%} |")


if __name__ == "__main__":
    main()
