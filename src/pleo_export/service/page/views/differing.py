"""What differs between Pleo, our memory and the books, as it is shown: alike together, each kind with what helps."""

from collections.abc import Sequence

import msgspec

from pleo_export.domain.item import known
from pleo_export.domain.reconciling import Difference
from pleo_export.store.reconciling import Kept

SHOWN_MAX = 10


class Alike(msgspec.Struct, frozen=True, kw_only=True):
    """Differences of one kind: its name, what helps, the oldest ones, how many in all, and whether `--fix` settles them."""

    name: str
    remedy: str
    shown: Sequence[Kept]
    number: int
    fixable: bool


def alike(kept: Sequence[Kept]) -> Sequence[Alike]:
    """Return the differences by kind, the most frequent one first."""
    kinds: dict[str, list[Kept]] = {}
    for one in kept:
        kinds.setdefault(one.kind, []).append(one)
    groups = (
        Alike(
            name=kind.replace("-", " ").capitalize(),
            remedy=same[0].remedy,
            shown=same[:SHOWN_MAX],
            number=len(same),
            fixable=(found := known(Difference, kind)) is not None and found.fix is not None,
        )
        for kind, same in kinds.items()
    )
    return sorted(groups, key=lambda group: -group.number)
