"""The kernel's locks on files: they end with the process that holds them, however it ends."""

import fcntl
import os
from pathlib import Path


def attempt(path: Path, flags: int = 0) -> int | None:
    """Return the descriptor that holds the lock, or None where another process does. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            return None
        raise
    return descriptor
