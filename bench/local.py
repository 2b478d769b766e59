"""What our own work costs without any latency, on the simulated Pleo and the ledger: `python -m bench.local`.

ledger   entries a second, synced, against appending and syncing one growing file
job      seconds, CPU and memory for a job, against a plain sequential script; the simulator adds no latency
demo     seconds from the command to the verdict
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench.installed import PEERS
from bench.measure import Cost, cost_of
from pleo_export.accounting.ledger import LedgerConnector, LedgerSettings
from pleo_export.cli.init import example_chart, settings_text
from pleo_export.domain.book import book
from pleo_export.domain.entry import Entry
from pleo_export.domain.item import ExportItem, decode_as_sent
from pleo_export.domain.settings import AccountSettings, CompanySettings, VatSettings
from pleo_export.simulator.generator import generate
from pleo_export.simulator.hands import Hands, simulator_process

COMPANY_ID = "5f0c7f4e-1d54-4a6e-9a6b-0d8c1f3a2b10"
ENTRIES, ITEMS, ROUNDS = 2_000, 1_000, 3
PLEO_EXPORT = str(Path(sys.executable).with_name("pleo-export"))


def main() -> None:
    # As on a user's machine: what was compiled once is not compiled again.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(dir=".", prefix=".bench-") as folder:
        ledger(Path(folder))
        job(Path(folder))
        demo(Path(folder))


def ledger(folder: Path) -> None:
    entries = asyncio.run(sample_entries(folder))
    ours = median_of(lambda number: asyncio.run(record_all(folder / f"ours-{number}", entries)))
    peer = median_of(lambda number: append_all(folder / f"peer-{number}", entries))
    print(
        f"ledger: {ENTRIES / ours:.0f} entries a second, one synced file each, found and refused a second time;"
        f" appending to one file: {ENTRIES / peer:.0f}; ratio {peer / ours:.2f}"
    )


async def sample_entries(folder: Path) -> list[Entry]:
    connector = ledger_in(folder / "sample")
    reference = await connector.reference_data()
    await connector.close()
    settings = CompanySettings(
        accounts=AccountSettings(wallet="1910", out_of_pocket="2450", contra="1990", accounts_payable="2400"),
        vat=VatSettings(input_account="2640", output_account="2610"),
    )
    entries = []
    for one in generate(1, ENTRIES, company_id=COMPANY_ID, receipts=0):
        payload = one.payload | {"files": None}
        item = decode_as_sent(msgspec.json.encode(payload), ExportItem)
        entry = book(item, settings, reference)
        assert isinstance(entry, Entry), entry
        entries.append(entry)
    return entries


def ledger_in(folder: Path) -> LedgerConnector:
    folder.mkdir()
    (folder / "chart.toml").write_text(example_chart(), encoding="utf-8")
    return LedgerConnector(LedgerSettings(folder=folder / "books", chart=folder / "chart.toml"))


async def record_all(folder: Path, entries: list[Entry]) -> float:
    connector = ledger_in(folder)
    slots = asyncio.Semaphore(connector.capabilities.concurrency)

    async def one(entry: Entry) -> None:
        async with slots:
            await connector.record(entry)

    began = time.perf_counter()
    await asyncio.gather(*(one(entry) for entry in entries))
    seconds = time.perf_counter() - began
    await connector.close()
    return seconds


def append_all(folder: Path, entries: list[Entry]) -> float:
    folder.mkdir()
    began = time.perf_counter()
    with (folder / "all.beancount").open("a", encoding="utf-8") as file:
        for entry in entries:
            file.write(f'{entry.posting_date} * "{entry.description[:40]}"\n')
            file.writelines(f"  Expenses:X{leg.account}  {leg.amount}\n" for leg in entry.postings)
            file.flush()
            os.fsync(file.fileno())
    return time.perf_counter() - began


def median_of(measure: Callable[[int], float]) -> float:
    return statistics.median(measure(number) for number in range(ROUNDS))


def job(folder: Path) -> None:
    for receipts in (0, 1):
        ours = [
            export_job(folder / f"job-{receipts}-{number}", receipts, plain=False) for number in range(ROUNDS)
        ]
        peer = [
            export_job(folder / f"plain-{receipts}-{number}", receipts, plain=True)
            for number in range(ROUNDS)
        ]
        us, them = median_cost(ours), median_cost(peer)
        print(
            f"job of {ITEMS} items, {receipts} receipts each: {us.wall:.1f} s, {us.cpu:.1f} s CPU, {us.peak_mb:.0f} MB;"
            f" plain script: {them.wall:.1f} s, {them.cpu:.1f} s CPU, {them.peak_mb:.0f} MB;"
            f" time ratio {them.wall / us.wall:.2f}, CPU ratio {them.cpu / us.cpu:.2f}"
        )
    start = median_cost([cost_of([PLEO_EXPORT, "--version"], os.environ) for _ in range(ROUNDS)])
    print(f"start of the command alone: {start.wall:.1f} s, {start.cpu:.1f} s CPU, {start.peak_mb:.0f} MB")


def median_cost(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(values) for values in zip(*costs, strict=True)))


def export_job(folder: Path, receipts: int, *, plain: bool) -> Cost:
    folder.mkdir()
    with simulator_process() as url:
        hands = Hands(url)
        key = hands.create_company("Bench ApS", id=COMPANY_ID, vendorBasedBookkeeping=True)["apiKey"]
        hands.generate(COMPANY_ID, ITEMS, receipts=receipts)
        hands.press_export(COMPANY_ID)
        environment = os.environ | {"PLEO_EXPORT_API_KEY": key}
        if plain:
            script = str(PEERS / "requests_script.py")
            return cost_of([sys.executable, script, url, str(folder), "ledger"], environment)
        given = {
            "pleo.company_id": COMPANY_ID,
            "pleo.base_url": url,
            "vat.input_account": "2640",
            "vat.output_account": "2610",
        }
        (folder / "pleo-export.toml").write_text(settings_text(given), encoding="utf-8")
        (folder / "chart.toml").write_text(example_chart(), encoding="utf-8")
        return cost_of([PLEO_EXPORT, "run", "--settings", str(folder / "pleo-export.toml")], environment)


def demo(folder: Path) -> None:
    costs = [
        cost_of([PLEO_EXPORT, "demo", "--folder", str(folder / f"demo-{number}")], os.environ)
        for number in range(ROUNDS)
    ]
    print(f"demo: {median_cost(costs).wall:.1f} s")


if __name__ == "__main__":
    main()
