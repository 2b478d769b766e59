"""Replays runs: `python -m pleo_export.testing.simulation --seed 7 [--bug NAME]`, or looks through many: `--seeds 0:500`."""

import argparse
import sys
import time
from contextlib import nullcontext

from pleo_export.testing.simulation import rehearse, simulate
from pleo_export.testing.simulation.planted import BUGS


def main() -> int:
    """Tell the story of a seed, or which of many seeds something is wrong with."""
    parser = argparse.ArgumentParser(prog="python -m pleo_export.testing.simulation", description=__doc__)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--seed", type=int, help="tell the story of this run")
    which.add_argument("--seeds", metavar="FROM:TO", help="run all of these, tell what is wrong")
    which.add_argument("--bugs", action="store_true", help="list the bugs that can be planted")
    parser.add_argument("--bug", choices=BUGS, help="plant this bug first")
    asked = parser.parse_args()
    if asked.bugs:
        print("\n".join(f"{one.name:32}{one.sentence}" for one in BUGS.values()))  # noqa: T201 its purpose
        return 0
    rehearse()
    with BUGS[asked.bug].planted() if asked.bug else nullcontext():
        return _story(asked.seed) if asked.seeds is None else _many(*map(int, asked.seeds.split(":")))


def _story(seed: int) -> int:
    run = simulate(seed)
    print("\n".join(run.story))  # noqa: T201 its purpose
    print("\n".join(run.violations) or "Nothing is wrong.")  # noqa: T201 its purpose
    return bool(run.violations)


def _many(first: int, end: int) -> int:
    began, wrong = time.perf_counter(), 0
    for seed in range(first, end):
        run = simulate(seed)
        wrong += bool(run.violations)
        for one in run.violations:
            print(f"seed {seed}: {one}", flush=True)  # noqa: T201 its purpose
    each = 1000 * (time.perf_counter() - began) / (end - first)
    print(f"{end - first} runs, {each:.0f} ms each, {wrong} with something wrong.")  # noqa: T201 its purpose
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
