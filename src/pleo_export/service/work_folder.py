"""Where a worker keeps receipts while it records them: a folder of its own in the work folder."""

import os
import shutil
import socket
from pathlib import Path

from pleo_export.service.errors import WorkFolderError


def own_folder(work_folder: Path) -> Path:
    """Make this process's own folder, and remove those that dead processes of this machine left. Raises WorkFolderError."""
    prefix = f"{socket.gethostname()}-"
    for left in work_folder.glob(f"{prefix}*"):
        process = left.name.removeprefix(prefix)
        if process.isdecimal() and not _lives(int(process)):
            shutil.rmtree(left, ignore_errors=True)
    return made(work_folder / f"{prefix}{os.getpid()}")


def made(folder: Path) -> Path:
    """Make a folder in the work folder where there is none, and return it. Raises WorkFolderError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # receipts are personal data
    except OSError as error:
        raise WorkFolderError(folder, error) from error
    return folder


def _lives(process: int) -> bool:
    if process == os.getpid():  # an earlier one's that had the same number: in a container all have
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
