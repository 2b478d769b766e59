"""One writer at a time, in whichever process: the kernel's locks, which end with the process that holds them."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pleo_export.accounting.port import UnreachableError
from pleo_export.domain.catalogue import Cause

_POLL_SECONDS = 0.01  # the kernel wakes a waiter, but cannot be told for how long to wait


class LedgerBusyError(UnreachableError):
    """Another writer held the lock for the whole wait."""

    cause = Cause.LEDGER_BUSY

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__(path=path, seconds=seconds)


@contextmanager
def locked(path: str, seconds: float) -> Iterator[None]:
    """Hold the lock file at `path`, which is made where it is missing. Raises LedgerBusyError, OSError."""
    deadline = time.monotonic() + seconds
    while (descriptor := _attempt(path)) is None:
        if time.monotonic() >= deadline:
            raise LedgerBusyError(path, seconds)
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        _release(descriptor)


def _attempt(path: str) -> int | None:
    """Return the descriptor that holds the lock, or None where somebody else does."""
    descriptor, held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A lock file that was deleted since it was opened guards nothing: another may be there by now.
        held = os.fstat(descriptor).st_nlink > 0
    except BlockingIOError:
        return None
    finally:
        if not held:
            os.close(descriptor)
    return descriptor if held else None


def _release(descriptor: int) -> None:
    # Said to the kernel, because a child process that was forked meanwhile may have kept a copy of the descriptor.
    try:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)
