"""Expenses lie on disk from the moment they are read until it is their turn: a job of any size takes the same memory."""

import os
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self

import msgspec

from pleo_export.domain.item import ExportItem, decode_as_sent
from pleo_export.store.errors import StoreError


class SpoolError(StoreError):
    """The disk does not take what is being worked on. Nothing is lost: Pleo has it still."""

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(
            f"The data of a job could not be kept in {folder} while it is worked on: {error.strerror or error}."
            " Make room there; the job goes on at the next run."
        )


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where an expense lies, and when it took place: all that its turn depends on. A large job has one for each."""

    date: datetime
    offset: int
    length: int


class Spool:
    """A file without a name in `folder`, gone with the process. Use as a context manager. Raises SpoolError."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._end = folder, 0
        try:
            self._file = TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 closed by __exit__
        except OSError as error:
            raise SpoolError(folder, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def keep(self, expense: ExportItem) -> Place:
        """Write an expense down, as Pleo sent it."""
        place = Place(expense.date, self._end, len(expense.as_sent))
        left = memoryview(expense.as_sent)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise SpoolError(self._folder, error) from error
        self._end += place.length
        return place

    def read(self, place: Place) -> ExportItem:
        """Return an expense that was kept."""
        try:
            raw = os.pread(self._file.fileno(), place.length, place.offset)
        except OSError as error:
            raise SpoolError(self._folder, error) from error
        return decode_as_sent(raw, ExportItem)
