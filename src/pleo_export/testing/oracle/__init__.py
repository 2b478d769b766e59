"""The oracle: did a run keep its promises? It judges by what an outsider sees, and never asks the program itself.

`check(Evidence(...))` returns the broken invariants, one Violation each; an empty list is a clean run. The evidence is
what stands in the books (`ledger_entries`, `memory_entries`, or a reader of your own), what Pleo holds and heard
(`pleo_side`), and whatever else is known: what the books should say, the calls to the accounting system, logs.
"""

from pleo_export.testing.oracle.check import check
from pleo_export.testing.oracle.evidence import (
    Answer,
    BookEntry,
    Evidence,
    Expected,
    PleoSide,
    Sent,
    Settled,
    Violation,
)
from pleo_export.testing.oracle.readers import (
    expected_of,
    ledger_entries,
    memory_entries,
    pleo_side,
    settled_by_entry,
)

__all__ = [
    "Answer",
    "BookEntry",
    "Evidence",
    "Expected",
    "PleoSide",
    "Sent",
    "Settled",
    "Violation",
    "check",
    "expected_of",
    "ledger_entries",
    "memory_entries",
    "pleo_side",
    "settled_by_entry",
]
