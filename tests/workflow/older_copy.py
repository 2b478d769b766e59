"""Copies of a scene's database, taken while it is worked on and put back later, and what is thought of them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pleo_export.crash_points import struck_by
from tests.workflow.workflow_scene import Scene


def copy_store(scene: Scene, copy: Path) -> None:
    """Copy the database as SQLite's own backup does; what is committed is in it."""
    with (
        closing(sqlite3.connect(scene.folder / "store.db")) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)


def put_back(scene: Scene, copy: Path) -> None:
    """Exchange the database, which nobody has open, for a copy."""
    scene.forget()
    (scene.folder / "store.db").write_bytes(copy.read_bytes())


@contextmanager
def copied_at(scene: Scene, point: str, copy: Path) -> Iterator[None]:
    """Copy the database the first time the named point is reached."""

    def strike(name: str) -> None:
        if name == point and not copy.exists():
            copy_store(scene, copy)

    with struck_by(strike):
        yield


async def doubt_of(scene: Scene, job_id: str) -> str | None:
    """Why our memory of the job is doubted."""
    async with scene.parts() as parts:
        return (await parts.store.job(job_id)).doubt
