"""A database that is an older copy of itself: the run notices, asks the accounting system first, and says so."""

import shutil
from pathlib import Path

import pytest

from pleo_export.accounting.port import Uniqueness
from pleo_export.crash_points import struck_by
from pleo_export.domain.progress import JobProgress, Phase
from pleo_export.store import Store
from pleo_export.testing.oracle import Evidence, check, expected_of, memory_entries
from pleo_export.workflow.memory import RESTORED
from tests.workflow.workflow_scene import Crash, Scene, at, eid, expense


def copy_of(scene: Scene, place: Path) -> Path:
    """Copy the database as a person does, with what SQLite keeps beside it."""
    place.mkdir()
    for file in scene.folder.glob("store.db*"):
        if file.is_file():
            shutil.copy2(file, place)
    return place


def restore(scene: Scene, copy: Path) -> None:
    scene.forget_files()
    for file in copy.iterdir():
        shutil.copy2(file, scene.folder)


async def job_of(scene: Scene, job_id: str) -> JobProgress:
    async with scene.parts() as parts:
        return await parts.store.job(job_id)


async def copied_when(scene: Scene, point: str, tmp_path: Path) -> Path:
    """Run the job until the named point, copy the database, and let the process die there."""
    copies: list[Path] = []

    def strike(name: str) -> None:
        if name == point and not copies:
            copies.append(copy_of(scene, tmp_path / "copy"))

    with struck_by(strike):
        await scene.run()
    return copies[0]
