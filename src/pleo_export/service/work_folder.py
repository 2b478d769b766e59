"""Where a worker keeps receipts while it records them: a folder of its own in the work folder.

The lock file beside it says whether its process lives, in whichever container or on whichever machine that is:

    worker-<random>/        the receipts
    worker-<random>.lock    locked by their process as long as it lives
"""

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from pleo_export import file_locks
from pleo_export.service.errors import WorkFolderError


def own_folder(work_folder: Path) -> Path:
    """Make a folder for this process as long as it lives, and remove those of dead ones. Raises WorkFolderError."""
    made(work_folder)
    for lock in work_folder.glob("worker-*.lock"):
        _remove_dead(lock)
    folder = work_folder / f"worker-{secrets.token_hex(8)}"
    try:
        # Others find the lock file by its last name only, and so never before it is locked.
        unnamed = folder.with_suffix(".new")
        file_locks.attempt(unnamed, os.O_CREAT | os.O_EXCL)
        unnamed.rename(folder.with_suffix(".lock"))
    except OSError as error:
        raise WorkFolderError(folder, error) from error
    return made(folder)


def made(folder: Path) -> Path:
    """Make a folder in the work folder where there is none, and return it. Raises WorkFolderError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # receipts are personal data
    except OSError as error:
        raise WorkFolderError(folder, error) from error
    return folder


def _remove_dead(lock: Path) -> None:
    with suppress(OSError):  # another user's, or removed by another process meanwhile
        descriptor = file_locks.attempt(lock)
        if descriptor is None:
            return
        with os.fdopen(descriptor):
            folder = lock.with_suffix("")
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.exists():
                lock.unlink()
