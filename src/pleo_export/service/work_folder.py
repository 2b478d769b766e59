"""Where a worker keeps receipts while it records them: a folder of its own in the work folder."""

import os
import shutil
import socket
from pathlib import Path


def own_folder(work_folder: Path) -> Path:
    """Return this process's own folder, which need not exist, and remove those that dead processes of this machine left."""
    prefix = f"{socket.gethostname()}-"
    for left in work_folder.glob(f"{prefix}*"):
        process = left.name.removeprefix(prefix)
        if process.isdecimal() and not _lives(int(process)):
            shutil.rmtree(left, ignore_errors=True)
    return work_folder / f"{prefix}{os.getpid()}"


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
