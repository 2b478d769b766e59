"""Copies of a scene's database, taken while it is worked on, and put back later."""

import sqlite3
from contextlib import closing
from pathlib import Path

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
