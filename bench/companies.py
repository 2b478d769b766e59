"""How the running service grows with its companies and its workers: `python -m bench.companies`.

Every company has a job waiting, a key and a ledger of its own. They stand in one PostgreSQL database when so many `pleo-export worker`
are started, as their makers set them up. The books are ledgers on disk; the world plays Pleo. The span is Pleo's.
"""

import argparse
import asyncio
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace
from tests.e2e.service_process import Service, environment, running, until
from tests.store.postgres_server import a_server

from bench import expenses
from bench.side_results import Grown, Side
from bench.world import Conditions, world
from pleo_export.cli.init import example_chart, settings_text
from pleo_export.service.kinds import API_KEY
from pleo_export.service.opening import opened
from pleo_export.service.settings import ServiceSettings
from pleo_export.vault import new_key

COUNTS, WORKERS, ITEMS, LATENCY_SECONDS = (1, 10, 100, 1_000), (1, 2, 4), 3, 0.1
SECONDS_MAX = 600.0
QUIET = {"PLEO_EXPORT_LOG_LEVEL": "warning", "PLEO_EXPORT_POLL_MINUTES": "1000"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few companies, and two workers at most")
    quick = parser.parse_args().quick
    grown = []
    for companies in COUNTS[:2] if quick else COUNTS:
        for workers in WORKERS[:2] if quick else WORKERS:
            with tempfile.TemporaryDirectory() as folder:
                grown.append(measured(companies, workers, Path(folder)))
            replace(Side.load(), grown=grown).save()
            one = grown[-1]
            print(
                f"{companies} companies, {workers} workers: {one.seconds:.1f} s, CPU {one.cpu:.1f} s, peak {one.peak_mb:.0f} MB",
                flush=True,
            )


def measured(companies: int, workers: int, folder: Path) -> Grown:
    """Let so many workers export a job of every company."""
    conditions = Conditions(items=ITEMS, companies=companies, latency=LATENCY_SECONDS)
    with world(conditions) as pleo, a_server(folder) as server:
        settings = {"PLEO_EXPORT_DATABASE_URL": server.url, "PLEO_EXPORT_ENCRYPTION_KEY": new_key()}
        os.environ |= settings
        asyncio.run(add(companies, pleo.url, folder))
        with ExitStack() as stack:
            env = {**environment(folder), **settings, **QUIET}
            started = [
                stack.enter_context(running(["worker"], env, folder, web=False)) for _ in range(workers)
            ]
            until(lambda: pleo.seen().unfinished == 0, "the end of all jobs", SECONDS_MAX)
            costs = [cost_of(one) for one in started]
        seen = pleo.seen()
    wrong = [one for one in seen.problems if one.startswith("job ")]
    assert not wrong, wrong[:3]
    recorded = len(list((folder / "companies").glob("*/ledger/[0-9]*/*/*-????????????.beancount")))
    assert recorded == companies * ITEMS, f"{recorded} entries in the ledgers, not {companies * ITEMS}"
    return Grown(
        companies=companies,
        workers=workers,
        items=ITEMS,
        seconds=seen.span,
        cpu=sum(one.cpu for one in costs),
        peak_mb=max(one.peak_mb for one in costs),
    )


async def add(companies: int, url: str, folder: Path) -> None:
    """Put the companies into the service's store."""
    chart = folder / "chart.toml"
    chart.write_text(example_chart(), encoding="utf-8")
    async with opened(ServiceSettings()) as (store, known, _):
        for number in range(companies):
            company_id = expenses.company_id(number)
            place = folder / "companies" / str(number)
            place.mkdir(parents=True)
            given = {
                "pleo.company_id": company_id,
                "pleo.base_url": url,
                "vat.input_account": "2640",
                "vat.output_account": "2610",
                "ledger.chart": str(chart),
            }
            key = {API_KEY: known.sealed(company_id, API_KEY, f"plp_{number}")}
            await store.add_company(company_id, f"Company {number}", settings_text(given), str(place), key)


class WorkerCost(NamedTuple):
    """Seconds of CPU, and the peak of resident memory in MB."""

    cpu: float
    peak_mb: float


def cost_of(worker: Service) -> WorkerCost:
    """Read what a running worker has cost so far."""
    proc = Path("/proc") / str(worker.process.pid)
    ticks = proc.joinpath("stat").read_text(encoding="utf-8").rpartition(")")[2].split()[11:13]
    lines = proc.joinpath("status").read_text(encoding="utf-8").splitlines()
    peak = next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM"))
    return WorkerCost(sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"), peak)


if __name__ == "__main__":
    main()
