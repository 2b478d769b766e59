"""Row H: a disk that is full, a database that is deleted under the process, a PostgreSQL dump put back. Real ones."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from pleo_export.cli.common import ExitCode
from pleo_export.crash_points import VARIABLE, struck_by
from pleo_export.simulator.hands import simulator_process
from pleo_export.testing.oracle import Evidence, check, ledger_entries, pleo_side
from tests.e2e.story import API_KEY, COMPANY_ID, PLEO_EXPORT, Story
from tests.scorecard.plugin import Score
from tests.store.conftest import postgres, postgres_url
from tests.store.postgres_server import PostgresServer
from tests.workflow.workflow_scene import Company, Crash, Scene, at, eid, expense

__all__ = ["postgres", "postgres_url"]

pytestmark = [pytest.mark.scorecard("H"), pytest.mark.slow, pytest.mark.timeout(300)]

ITEMS = 40


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[None]:
    """A disk of that size; skips the test where none may be made."""
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("no disk can be made here: that takes the rights of root")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def grow(place: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=64m", str(place)], check=True)


def control(story: Story, path: str) -> Any:
    return story.bookkeeper.call("GET", path)


def failed_now(story: Story) -> list[str]:
    """What Pleo holds as failed in the latest export of each expense."""
    jobs = {job["id"]: job["createdAt"] for job in story.company()["jobs"]}
    items = sorted(control(story, f"companies/{COMPANY_ID}/items"), key=lambda one: jobs[one["exportJobId"]])
    latest = {one["accountingEntryId"]: one["status"] for one in items}
    return [entry_id for entry_id, status in latest.items() if status in ("failed", "abandoned")]


def assert_kept(story: Story, *, ids: list[str]) -> None:
    """Export what failed again; then every expense stands in the books once, and the oracle has nothing to say."""
    story.call("run")
    story.bookkeeper.advance(1)  # Pleo tells times in seconds; no two jobs are of the same age
    if again := failed_now(story):
        story.press_export(again)
        assert story.call("run")[0] == ExitCode.ALL_WELL
    side = pleo_side(partial(control, story), [COMPANY_ID])
    evidence = Evidence(books={COMPANY_ID: ledger_entries(story.books)}, pleo=side)
    assert list(map(str, check(evidence))) == []
    assert {entry_id: len(files) for entry_id, files in story.entry_files().items()} == dict.fromkeys(ids, 1)


@pytest.mark.parametrize("size", ["260k", "560k"])
def test_the_disk_is_full(tmp_path: Path, score: Score, size: str) -> None:
    """The first has no room for the database, the second for the entries or the receipts."""
    place = tmp_path / "disk"
    with small_disk(place, size), simulator_process() as url:
        story = Story(place, url)
        ids = story.expenses(ITEMS)
        story.press_export(ids)
        code, stdout, stderr = story.call("run")
        assert code in (ExitCode.SOMETHING_FAILED, ExitCode.NOT_REACHED), stdout + stderr
        said = stdout + stderr
        assert "no room left" in said or "No space left on device" in said, said
        grow(place)
        assert_kept(story, ids=ids)
    score.note(disks_full=1, violations=0)


def test_the_database_is_deleted_between_two_runs(tmp_path: Path, score: Score) -> None:
    with simulator_process() as url:
        story = Story(tmp_path, url)
        ids = story.expenses(ITEMS)
        story.press_export(ids)
        killed = subprocess.run(
            [PLEO_EXPORT, "run", "--settings", str(story.settings)],
            env=os.environ | {"PLEO_EXPORT_API_KEY": API_KEY, VARIABLE: "item.recorded:5"},
            capture_output=True,
            check=False,
        )
        assert killed.returncode == -9
        for file in story.folder.glob("*.db*"):
            if file.is_file():
                file.unlink()
        assert_kept(story, ids=ids)
    score.note(deleted=1, violations=0)


def test_the_database_is_deleted_under_a_run(tmp_path: Path, score: Score) -> None:
    with simulator_process() as url:
        story = Story(tmp_path, url)
        ids = story.expenses(4 * ITEMS)
        story.press_export(ids)
        with story.start("run") as process:
            assert process.stderr is not None
            while not story.entry_files():
                assert process.poll() is None
            for file in story.folder.glob("*.db*"):
                if file.is_file():
                    file.unlink()
            _, stderr = process.communicate(timeout=120)
        assert process.returncode == ExitCode.NOT_REACHED
        assert "was deleted or replaced while it was in use" in stderr
        assert_kept(story, ids=ids)
    score.note(deleted=1, violations=0)


async def test_a_dump_of_postgres_is_put_back(
    tmp_path: Path, postgres: PostgresServer, postgres_url: str, score: Score
) -> None:
    programs = _programs(postgres)
    dump = tmp_path / "dump"

    def strike(name: str) -> None:
        if name == "items.marked" and not dump.exists():
            options = ["--schema=pleo_export", "--format=custom", f"--file={dump}"]
            subprocess.run([str(programs / "pg_dump"), *options, postgres_url], check=True)

    with simulator_process() as url:
        async with aiohttp.ClientSession() as http:
            scene = Scene(await Company.create(http, url), tmp_path, database=postgres_url)
            await scene.company.job_of(*(expense(number) for number in range(1, 6)))
            scene.connector.before = at("record", 5, Crash())
            with struck_by(strike):
                await scene.crash()
            made = dict(scene.connector.made)
            assert made
            options = ["--clean", "--if-exists", f"--dbname={postgres_url}"]
            restore = [str(programs / "pg_restore"), *options, str(dump)]
            await asyncio.to_thread(subprocess.run, restore, check=True)
            summary = await scene.run_one()
            assert summary.event == "completed"
            assert dict(scene.connector.made) == {eid(number): 1 for number in range(1, 6)}
            assert {one.accounting_entry_id for one in summary.items if one.already_there} == set(made)
            async with scene.parts() as parts:
                assert (await parts.store.job(summary.job_id)).doubt
    score.note(restored=1, violations=0)


def _programs(postgres: PostgresServer) -> Path:
    """Where the dump of that version is."""
    if postgres.own is None:
        pytest.skip("the dump program has to be of the server's version")
    return Path(postgres.own.bin_path)
