"""`make bench`: the figures, with the peers beside us in the same world and the same run.

    python -m bench                  everything: half an hour; taken up again where it was ended
    python -m bench --quick          a few minutes
    python -m bench --only ours      pleo-export alone, measured anew
    python -m bench --score          nothing new; the scorecard from what was measured
    python -m bench --prepare        nothing is measured; what the peers need is installed

Results are kept in .bench/results.jsonl. `make bench` runs beside it, in minutes at rest: `bench.side` (1, the service idle and its
first entry), `bench.odoo` (3), `bench.companies` (5, many of them on several workers), `bench.profile` (2, where time and memory go)
and `bench.report` (the page in the documentation). Of its own 32 minutes the scorecard takes the first 5. By themselves:
`bench.local` (the ledger, a job and the demo on the simulated Pleo), `bench.service`, `bench.page`.
"""

import argparse

from msgspec.structs import replace

from bench.cases import OURS, all_cases, quick_cases
from bench.installed import UnavailableError, profiler
from bench.results import Results, run_all
from bench.scorecard import scorecard
from bench.side_results import Side
from bench.tools import TOOLS


def prepare() -> None:
    for name, make in [*((tool.name, tool.prepare) for tool in TOOLS), ("py-spy", profiler)]:
        try:
            print(f"{name}: {make()}", flush=True)
        except UnavailableError as error:
            print(f"{name}: not available: {error}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--score", action="store_true")
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--only", help="'ours' or the name of a peer; what was measured of it is forgotten")
    given = parser.parse_args()
    if given.prepare:
        prepare()
        return
    results = Results()
    tools = {tool.name: tool for tool in TOOLS}
    names = list(tools)
    if given.only:
        names = [OURS if given.only == "ours" else given.only]
        if not given.score:
            results.forget(names)
    if not given.score:
        cases = quick_cases(names) if given.quick else all_cases(names)
        missing = run_all(cases, tools, results)
        side = Side.load()
        kept = {name: why for name, why in side.missing.items() if name not in names}
        replace(side, missing=kept | missing).save()
    for line in scorecard(results):
        print(line)


if __name__ == "__main__":
    main()
