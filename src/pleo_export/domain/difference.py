"""How two entries for one expense differ, in words a bookkeeper reads. Pure.

The words go into logs, into the store and to Pleo, so what may name a person is only said to have changed.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from pleo_export.domain.entry import Dimension, Entry, EntryVendor, Reason
from pleo_export.domain.money import Money

TOLD_MAX = 3
# What one element of a list is called.
_ONE_OF = {
    "postings": "posting",
    "settlement": "settlement posting",
    "clearing": "clearing posting",
    "matches": "match",
    "attachments": "receipt",
}
_WHOLE = (Money, Reason, Dimension)  # told in one word
# Fields that may name a person; a dimension may stand for one.
_PERSONAL = frozenset({"description", "payee", "user", "attendees", "dimensions", "name"})


def tell_differences(planned: Entry, now: Entry) -> str | None:
    """Tell the first few differences, with both values where they name nobody; None where there is none.

    Why something was chosen is told only where everything that was chosen is the same, and by its rule.
    """
    differences = [*_differences("", planned, now)]
    content = [one for one in differences if not isinstance(one.planned, Reason)] or differences
    told = [str(one) for one in content[:TOLD_MAX]]
    more = [f"and {len(content) - TOLD_MAX} more"] if len(content) > TOLD_MAX else []
    return "; ".join([*told, *more]) or None


class _Difference(msgspec.Struct, frozen=True):
    what: str
    planned: Any
    now: Any

    def __str__(self) -> str:
        planned, now = _shown(self.planned), _shown(self.now)
        if self.what.partition(" of ")[0] in _PERSONAL or planned == now:
            return f"{self.what}: changed"
        return f"{self.what}: {planned} planned, {now} now"


def _differences(what: str, planned: Any, now: Any) -> Iterator[_Difference]:
    """Walk through two values to the smallest parts that differ."""
    if planned == now:
        return
    if isinstance(planned, msgspec.Struct) and type(planned) is type(now) and not isinstance(planned, _WHOLE):
        for field in msgspec.structs.fields(planned):
            part = field.name.replace("_", " ") + (f" of {what}" if what else "")
            yield from _differences(part, getattr(planned, field.name), getattr(now, field.name))
    elif what in _ONE_OF and len(planned) == len(now):
        for position, pair in enumerate(zip(planned, now, strict=True), start=1):
            yield from _differences(f"{_ONE_OF[what]} {position}", *pair)
    elif what in _ONE_OF:
        yield _Difference(what, len(planned), len(now))
    else:
        yield _Difference(what, planned, now)


def _shown(value: Any) -> str:
    if value is None or value == ():
        return "none"
    if isinstance(value, tuple):
        return ", ".join(map(_shown, value))
    if isinstance(value, Reason):
        return value.rule
    if isinstance(value, EntryVendor):
        return value.id
    if isinstance(value, msgspec.Struct) and not isinstance(value, Money):
        return " ".join(_shown(part) for part in msgspec.structs.astuple(value) if part)
    return str(value)
