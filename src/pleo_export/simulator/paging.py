"""Cursor pages over a list.

A cursor names a record, not a position: records that stop matching a filter between two pages neither
shift the next page nor make a cursor invalid.
"""

import base64
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pleo_export.simulator.errors import InvalidParameterError
from pleo_export.simulator.vocabulary import JsonObject, PageOrder

T = TypeVar("T")

_CURSOR_PREFIX = "at:"


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Paging parameters of one call; `parameters` are all its query parameters as they were sent."""

    before: str | None = None
    after: str | None = None
    offset: int | None = None
    limit: int | None = None
    sorting_keys: Sequence[str] = ()
    sorting_order: Sequence[PageOrder] = ()
    parameters: Mapping[str, Sequence[str]] | None = None

    def check(self) -> None:
        """Raise InvalidParameterError where parameters contradict each other."""
        if sum(value is not None for value in (self.before, self.after, self.offset)) > 1:
            raise InvalidParameterError("before, after and offset exclude each other.")
        if len(self.sorting_keys) != len(self.sorting_order):
            raise InvalidParameterError("sorting_keys and sorting_order must have the same length.")

    def echo(self, size: int) -> JsonObject:
        optional = {
            "after": self.after,
            "before": self.before,
            "offset": self.offset,
            "sortingKeys": list(self.sorting_keys) or None,
            "sortingOrder": list(self.sorting_order) or None,
        }
        given = {name: value for name, value in optional.items() if value is not None}
        return {"parameters": self.parameters or {}, "limit": size, **given}


@dataclass(frozen=True, slots=True)
class Collection(Generic[T]):
    """Records in their default order, what identifies one and what they can be sorted by."""

    records: Sequence[T]
    identity: Callable[[T], str]
    sorting_keys: Mapping[str, Callable[[T], Any]]

    def sorted_by(self, request: PageRequest) -> Sequence[T]:
        if not request.sorting_keys:
            return self.records
        records = list(self.records)
        pairs = list(zip(request.sorting_keys, request.sorting_order, strict=True))
        for name, order in reversed(pairs):  # stable: the least significant key first
            if name not in self.sorting_keys:
                raise InvalidParameterError(f"{name!r} is not one of {', '.join(sorted(self.sorting_keys))}.")
            records = _sorted(records, self.sorting_keys[name], order)
        return records


def _sorted(records: Sequence[T], key: Callable[[T], Any], order: PageOrder) -> list[T]:
    known = [record for record in records if key(record) is not None]
    unknown = [record for record in records if key(record) is None]
    descending = order.startswith("DESC")
    known.sort(key=key, reverse=descending)
    # A plain order treats a missing value as the largest, as PostgreSQL does.
    nulls_first = order.endswith("NULLS_FIRST") or order is PageOrder.DESC
    return unknown + known if nulls_first else known + unknown


def cursor_of(identity: str) -> str:
    return base64.b32encode((_CURSOR_PREFIX + identity).encode()).decode()


def _position(cursor: str, records: Sequence[T], identity: Callable[[T], str]) -> int:
    try:
        wanted = base64.b32decode(cursor).decode().removeprefix(_CURSOR_PREFIX)
    except ValueError:  # not Base32, or not text underneath
        wanted = None
    for position, record in enumerate(records):
        if identity(record) == wanted:
            return position
    raise InvalidParameterError("The cursor does not belong to this list.")


def page(
    collection: Collection[T],
    request: PageRequest,
    *,
    default_limit: int,
    max_limit: int,
    keep: Callable[[T], bool] | None = None,
) -> tuple[list[T], JsonObject]:
    """One page of the records that `keep` accepts, and its `pagination` object.

    Raises InvalidParameterError for contradicting parameters, unknown sorting keys and foreign cursors.
    """
    request.check()
    records = collection.sorted_by(request)
    matches = [place for place, record in enumerate(records) if keep is None or keep(record)]
    size = min(request.limit or default_limit, max_limit)
    if request.after is not None:
        start = bisect_right(matches, _position(request.after, records, collection.identity))
        stop = min(start + size, len(matches))
    elif request.before is not None:
        stop = bisect_left(matches, _position(request.before, records, collection.identity))
        start = max(0, stop - size)
    else:
        start = min(request.offset or 0, len(matches))
        stop = min(start + size, len(matches))
    found = [records[place] for place in matches[start:stop]]
    info: JsonObject = {
        "currentRequestPagination": request.echo(size),
        "hasNextPage": stop < len(matches),
        "hasPreviousPage": start > 0,
        "total": len(matches),
    }
    if found:
        info["startCursor"] = cursor_of(collection.identity(found[0]))
        info["endCursor"] = cursor_of(collection.identity(found[-1]))
    return found, info
