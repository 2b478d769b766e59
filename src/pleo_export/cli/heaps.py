"""How the C library keeps memory for threads: few heaps, because each keeps for itself what its threads freed."""

import ctypes
from contextlib import suppress

HEAPS_MAX = 2
_M_ARENA_MAX = -8  # of glibc's malloc.h


def keep_few_heaps() -> None:
    """Let the threads that are started from now on share heaps. A C library without this knob is left as it is."""
    # Of twenty threads one runs Python at a time, so none of them waits for another's heap.
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, HEAPS_MAX)
