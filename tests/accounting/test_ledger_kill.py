"""Real processes that race, and real processes that are killed while they write."""

import asyncio
import random
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from pleo_export.accounting.ledger import LedgerConnector, LedgerSettings, bean_check, trial_balance

ENTRIES: Final = 200
KILLS: Final = 12

WRITER = """
import asyncio, sys
from datetime import date
from pathlib import Path
from pleo_export.accounting.ledger import LedgerConnector, LedgerSettings
from pleo_export.testing.samples import sample_entry, sample_file

async def main(folder, chart, scratch, number, month):
    connector = LedgerConnector(LedgerSettings(folder=folder, chart=chart))
    scratch.mkdir(parents=True, exist_ok=True)
    file = sample_file(scratch)

    async def one(index):
        entry = sample_entry(f"exp-{index}", posting_date=date(2026, month, 1 + index % 28))
        recorded = await connector.record(entry)
        if index % 5 == 0:
            await connector.attach(entry, recorded, file)
        print("created" if recorded.created else "found", index, flush=True)

    for start in range(0, number, 4):
        await asyncio.gather(*(one(index) for index in range(start, min(start + 4, number))))
    await connector.close()

folder, chart, scratch, number, month = sys.argv[1:]
asyncio.run(main(Path(folder), Path(chart), Path(scratch), int(number), int(month)))
"""


def start_writer(
    settings: LedgerSettings, scratch: Path, *, number: int = ENTRIES, month: int = 1
) -> "subprocess.Popen[str]":
    arguments = [str(settings.folder), str(settings.chart), str(scratch), str(number), str(month)]
    return subprocess.Popen([sys.executable, "-c", WRITER, *arguments], stdout=subprocess.PIPE, text=True)


def finish(writer: "subprocess.Popen[str]") -> list[list[str]]:
    output, _ = writer.communicate(timeout=60)
    return [words for line in output.split("\n") if len(words := line.split()) == 2]


@pytest.mark.slow  # four processes
def test_processes_that_race_on_different_dates_make_every_entry_once(
    ledger_settings: LedgerSettings, tmp_path: Path
) -> None:
    writers = [
        start_writer(ledger_settings, tmp_path / str(month), number=60, month=month) for month in (1, 2, 3, 4)
    ]
    told = [words for writer in writers for words in finish(writer)]
    assert [writer.returncode for writer in writers] == [0] * 4
    created = sorted(int(index) for verb, index in told if verb == "created")
    assert created == list(range(60))
    files = [path.name for path in ledger_settings.folder.glob("2026/*/exp-*.beancount")]
    assert len(files) == len(set(files)) == 60 + 12
    assert trial_balance(ledger_settings.folder)["Assets:Pleo:Wallet", "EUR"] * 2 == -25 * 60
    verdict = bean_check(ledger_settings.folder, 30)
    assert verdict.clean, verdict


@pytest.mark.slow  # a process, and a kill, a dozen times
async def test_a_ledger_is_whole_after_every_kill(ledger_settings: LedgerSettings, tmp_path: Path) -> None:
    chance = random.Random(7)
    told: set[int] = set()
    killed = 0
    for attempt in range(KILLS):
        writer = start_writer(ledger_settings, tmp_path / str(attempt))
        assert writer.stdout is not None
        # Wait until it writes, then let it go on for a random, short while.
        first = writer.stdout.readline().split()
        told.update(int(index) for index in first[1:])
        await asyncio.sleep(chance.uniform(0, 0.1))
        writer.kill()
        told.update(int(index) for _, index in finish(writer))
        killed += writer.returncode == -9
        if attempt < KILLS - 1:
            remove_some(ledger_settings.folder, chance, told)
        await the_ledger_is_whole(ledger_settings, told)
    assert killed > KILLS // 2
    writer = start_writer(ledger_settings, tmp_path / "scratch")
    assert {int(index) for _, index in finish(writer)} == set(range(ENTRIES))
    await the_ledger_is_whole(ledger_settings, set(range(ENTRIES)))
    assert len(list(ledger_settings.folder.glob("2026/01/*.pdf"))) == ENTRIES // 5


def remove_some(folder: Path, chance: random.Random, told: set[int]) -> None:
    """A bookkeeper deletes entries, so that the next attempt has something to write."""
    for index in chance.sample(sorted(told), len(told) // 2):
        for path in folder.glob(f"2026/01/exp-{index}.*"):
            path.unlink()
        told.discard(index)


async def the_ledger_is_whole(settings: LedgerSettings, told: set[int]) -> None:
    verdict = bean_check(settings.folder, 30)
    assert verdict.clean, verdict
    connector = LedgerConnector(settings)
    found = {index for index in range(ENTRIES) if await connector.find(f"exp-{index}") is not None}
    await connector.close()
    assert told <= found
    balance = trial_balance(settings.folder)
    assert balance["Assets:Pleo:Wallet", "EUR"] * 2 == -25 * len(found)
