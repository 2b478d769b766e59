"""Bugs to be planted in the program on purpose: a harness that does not find them proves nothing."""

from pleo_export.testing.simulation.planted import comparing, receipts, recording, telling
from pleo_export.testing.simulation.planted.bug import Bug

BUGS = {one.name: one for one in (*recording.BUGS, *receipts.BUGS, *telling.BUGS, *comparing.BUGS)}

__all__ = ["BUGS", "Bug"]
