"""The rows of the scorecard: what each one tests, how much of it, and what it has to come to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """`counts` is the name under which its tests note how much they did; a row without one is done as a whole."""

    title: str
    target: str
    counts: str | None = None
    suite: int = 0
    soak: int = 0

    def asked(self, share: float) -> int | None:
        """How much is to be done: in the suite (a share of 0), or in that share of the full size."""
        if self.counts is None:
            return None
        return max(self.suite, round(self.soak * share))


NEVER = frozenset(
    {
        "violations",
        "uncaught",
        "accepted",
        "effects_of_stale_workers",
        "wrong_attachments",
        "forbidden_connections",
        "planted_bugs_not_found",
        "unproven",
    }
)
"""What may not have happened once, by the names under which tests note it."""

ROWS = {
    "A": Row(
        "Real processes killed with `kill -9` at every named place and blindly, then started again",
        "no violation",
        "kills",
        60,
        10_000,
    ),
    "B": Row(
        "The whole way in one process on a clock of its own, with faults drawn for every call; one seed is one run",
        "no violation; 25 of 25 planted bugs found",
        "seeds",
        500,
        200_000,
    ),
    "C": Row(
        "Every fault at every call to Pleo: once, at 2 %, at 10 % and always",
        "all end as specified",
        "cells",
        200,
        1_400,
    ),
    "D": Row(
        "Webhooks: the published vectors; forged, replayed, late, out of order, missing",
        "none accepted that should not be; the missing made good by polling",
    ),
    "E": Row(
        "Tokens: two workers that refresh at once, a kill between answer and commit, a connection revoked",
        "one refresh; 'reconnect' is shown, nothing goes round in circles",
    ),
    "F": Row(
        "Receipts: links too old, wrong sizes, HTML for a PDF, 30 and 100 MB, slow ones, redirects inwards, odd names",
        "no wrong attachment, no forbidden connection, never a whole file in memory",
    ),
    "G": Row(
        "Two and eight workers; one is frozen past its lease and then released",
        "the released one has no effect any more",
        "freezes",
        10,
        500,
    ),
    "H": Row(
        "The disk full, the database deleted or replaced by an older copy, the clock an hour off",
        "no violation; the cause is named",
    ),
    "I": Row(
        "Made-up replies of Pleo to their entries, the store's states, our HTTP addresses",
        "nothing uncaught",
        "examples",
        2_000,
        200_000,
    ),
    "J": Row(
        "Ten thousand expenses in one job, two hundred companies at once",
        "memory flat, every company gets its turn",
        "items",
        1_000,
        10_000,
    ),
    "K": Row("The requirements of OWASP ASVS 5.0, levels 1 and 2, that apply here", "every one has its test"),
    "L": Row(
        "What it is made of: locked with hashes, audited, listed, few and explained",
        "clean",
    ),
}
