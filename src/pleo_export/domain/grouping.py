"""Failures with the same cause belong together: one thing to mend, however many expenses it keeps back."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import Rejection
from pleo_export.domain.item import known
from pleo_export.domain.progress import ItemProgress

Failure = tuple[str, Rejection]  # the reference of an expense, and why it failed


class SameCause(msgspec.Struct, frozen=True):
    """Failures of one cause: the references of the expenses by reason, the most frequent reason first."""

    cause: Cause
    reasons: Mapping[str, Sequence[str]]

    @property
    def number(self) -> int:
        """How many expenses failed for this cause."""
        return sum(map(len, self.reasons.values()))


def by_cause(failures: Iterable[Failure]) -> Sequence[SameCause]:
    """Group failures, the most frequent cause first; of equally frequent ones the one that came first."""
    groups: defaultdict[Cause, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for entry_id, rejection in failures:
        groups[rejection.cause][rejection.reason].append(entry_id)
    causes = [
        SameCause(cause, dict(sorted(reasons.items(), key=lambda pair: -len(pair[1]))))
        for cause, reasons in groups.items()
    ]
    return sorted(causes, key=lambda group: -group.number)


def failures_of(items: Iterable[ItemProgress]) -> Sequence[Failure]:
    """Return the items that were rejected, with why."""
    return [(one.accounting_entry_id, why) for one in items if (why := rejection_of(one)) is not None]


def rejection_of(item: ItemProgress) -> Rejection | None:
    """Return why an item was rejected, None where it was not.

    A code that is not in the catalogue, or none at all, was written by another version.
    """
    if item.failure_reason is None:
        return None
    return Rejection(known(Cause, item.failure_code or "") or Cause.UNCLASSIFIED, item.failure_reason)
