"""What the files of a folder say, kept until they change. A bookkeeper may edit, move or delete them at any time."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

# A folder that changed this lately may change again without a newer time: file systems tick in milliseconds.
_FRESH_NS = 2_000_000_000


class Kept(NamedTuple, Generic[T]):
    """What a file says: its path, when it was written (nanoseconds since 1970), its size and number, its content."""

    path: str
    written: int
    size: int
    number: int
    said: T


class Shelf(Generic[T]):
    """One folder. A file is read again only where its time, size or number changed; names are, where the folder's did."""

    def __init__(self, folder: str, takes: Callable[[str], bool], parse: Callable[[str], T]) -> None:
        self._folder, self._takes, self._parse = folder, takes, parse
        self._listed_at: int | None = None
        self._paths: list[str] = []
        self._kept: tuple[Kept[T], ...] = ()

    def read(self) -> tuple[Kept[T], ...]:
        """Return what is there, by name of file; the same tuple again where nothing changed. Blocks.

        Raises OSError, and whatever `parse`, which is given a path, raises.
        """
        paths = self._list()
        before = {one.path: one for one in self._kept}
        kept: list[Kept[T]] = []
        for path in paths:
            with suppress(FileNotFoundError):
                kept.append(self._current(path, before.get(path)))
        if len(kept) != len(self._kept) or any(
            new is not old for new, old in zip(kept, self._kept, strict=True)
        ):
            self._kept = tuple(kept)
        return self._kept

    def _list(self) -> list[str]:
        try:
            changed = os.stat(self._folder).st_mtime_ns  # noqa: PTH116
        except (FileNotFoundError, NotADirectoryError):
            self._listed_at = None
            return []
        if changed != self._listed_at:
            with os.scandir(self._folder) as found:
                self._paths = sorted(one.path for one in found if self._takes(one.name))
            self._listed_at = changed if changed < time.time_ns() - _FRESH_NS else None
        return self._paths

    def _current(self, path: str, known: Kept[T] | None) -> Kept[T]:
        stat = os.stat(path)  # noqa: PTH116
        version = stat.st_mtime_ns, stat.st_size, stat.st_ino
        if known is not None and known[1:4] == version:
            return known
        return Kept(path, *version, self._parse(path))
