import random
import subprocess
import sys
from pathlib import Path

import pytest

from pleo_export.domain.progress import ItemProgress, Phase
from tests.store.stores import JOB, opened

CHILD = Path(__file__).with_name("writing_child.py")
PROGRESS = ["planned", "intended", "created", "recorded"]


def write_and_kill(url: str, prefix: str, acknowledgements: int) -> dict[str, str]:
    """Let a process write, kill -9 it after so many lines; return the last acknowledged step of each item."""
    last: dict[str, str] = {}
    with subprocess.Popen(
        [sys.executable, str(CHILD), url, prefix], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        for count, line in enumerate(child.stdout, 1):
            if count == acknowledgements:
                child.kill()  # lines already in the pipe are still read: they were acknowledged too
            step, _, entry_id = line.strip().partition(" ")
            if line.endswith("\n"):
                last[entry_id] = step
    assert child.returncode == -9
    return last


def reached(item: ItemProgress) -> str:
    return "created" if item.phase is Phase.INTENDED and item.external_id else item.phase.value


async def kill_rounds(url: str, seed: int, rounds: int) -> None:
    randomness = random.Random(seed)
    acknowledged: dict[str, str] = {}
    for number in range(rounds):
        acknowledged |= write_and_kill(url, f"r{number}", randomness.randrange(1, 3000))
        async with opened(url) as store:
            found = {item.accounting_entry_id: item for item in await store.items(JOB)}
        for entry_id, step in acknowledged.items():
            assert PROGRESS.index(reached(found[entry_id])) >= PROGRESS.index(step)
        for item in found.values():  # nothing is half there
            facts = (item.external_id, item.exported_at, item.posted_on)
            assert all(facts) if reached(item) in ("created", "recorded") else facts == (None, None, None)
        assert sorted(item.position for item in found.values()) == list(range(len(found)))


@pytest.mark.slow
async def test_what_was_acknowledged_survives_a_kill(url: str) -> None:
    await kill_rounds(url, seed=1, rounds=1)


@pytest.mark.slow
async def test_what_was_acknowledged_survives_twelve_kills_of_the_same_store(url: str) -> None:
    await kill_rounds(url, seed=2, rounds=12)
