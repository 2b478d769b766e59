"""What the files of a folder say, kept until they change. A bookkeeper may edit, move or delete them at any time."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from operator import attrgetter
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Kept(NamedTuple, Generic[T]):
    """What a file says: its path, when it was written (nanoseconds since 1970), its size and number, its content."""

    path: str
    written: int
    size: int
    number: int
    said: T


class Shelf(Generic[T]):
    """One folder. A file is read again only where its time, size or number changed."""

    def __init__(self, folder: str, takes: Callable[[str], bool], parse: Callable[[str], T | None]) -> None:
        self._folder, self._takes, self._parse = folder, takes, parse
        self._kept: tuple[Kept[T], ...] = ()
        # Of files that say nothing, which may be nearly all of a hundred thousand, no more than a number each.
        self._silent: set[int] = set()

    def read(self) -> tuple[Kept[T], ...]:
        """Return what says something, by name of file; the same tuple again where nothing changed. Blocks.

        Raises OSError, and whatever `parse` raises, which is given a path and returns None where a file says nothing.
        """
        before = {one.path: one for one in self._kept}
        kept = sorted(self._current(before), key=attrgetter("path"))
        if len(kept) != len(self._kept) or any(
            new is not old for new, old in zip(kept, self._kept, strict=True)
        ):
            self._kept = tuple(kept)
        return self._kept

    def _current(self, before: Mapping[str, Kept[T]]) -> Iterator[Kept[T]]:
        for file in self._files():
            with suppress(FileNotFoundError):
                stat = file.stat()
                version = stat.st_mtime_ns, stat.st_size, stat.st_ino
                silent = hash((file.name, version))
                if silent in self._silent:
                    continue
                known = before.get(file.path)
                if known is not None and known[1:4] == version:
                    yield known
                elif (said := self._parse(file.path)) is None:
                    self._silent.add(silent)
                else:
                    yield Kept(file.path, *version, said)

    def _files(self) -> Iterator[os.DirEntry[str]]:
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(self._folder) as found:
            yield from (file for file in found if self._takes(file.name))
