"""The ledger's folder on disk: files that are written whole or not at all, once, and stay.

    main.beancount, accounts.beancount    the roots
    2026/01/<name>.beancount              an entry; its name is its identity
    2026/01/<name>.1.pdf, <name>.1.beancount    a receipt and the directive that shows it
    .pending/<n>.lock, <n>.tmp            who writes, and what is being written

The tree itself says what is recorded: there is no index that could disagree with it. An entry is there as soon as its
file is linked into a month, wherever a person moves it among the months, until a person deletes it; then it may be
recorded again. Names share 64 locks, so one name has one writer at a time, in whichever process; the kernel lets go of
a dead process's lock. What that process was writing is removed by the next holder of the lock, and by nobody else.
"""

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from pleo_export.accounting.port import NoAnswerError, UnreachableError

LOCK_SECONDS = 10.0
_LOCK_POLL_SECONDS = 0.01
_LOCKS = 64


class LedgerFolderError(UnreachableError):
    """The disk refused before anything was recorded."""

    def __init__(self, folder: Path, cause: OSError) -> None:
        super().__init__(
            f"The ledger folder {folder} cannot be used ({cause.strerror or cause}); nothing was recorded. "
            "Make sure that the disk is mounted, has space and may be written by this service."
        )


class LedgerBusyError(UnreachableError):
    """Another writer held the lock for the whole wait."""

    def __init__(self, folder: Path, seconds: float) -> None:
        super().__init__(
            f"Another process has kept the ledger folder {folder} locked for {seconds:g} seconds."
        )


class UnsettledError(NoAnswerError):
    """The file is in its place, but the disk did not confirm that it will stay."""

    def __init__(self, path: Path, cause: OSError) -> None:
        super().__init__(
            f"The disk did not confirm {path} ({cause.strerror or cause}); it is looked up again."
        )


class LedgerFolder:
    """The folder at `root`. All methods block; OSError from them means that nothing was changed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._durable: set[Path] = set()
        self._locks: dict[int, FileLock] = {}  # kept, because making one costs more than taking it

    def locate(self, file_name: str) -> Path | None:
        """Return where in the months a file lies, or None where it lies in none of them.

        Costs a look into each month. An unreadable month is an OSError, never a "no".
        """
        for month in self._months():
            # Plain strings: with ten years of months this is most of what an entry costs.
            path = f"{month}/{file_name}"
            with suppress(FileNotFoundError, NotADirectoryError):
                os.stat(path)  # noqa: PTH116
                return Path(path)
        return None

    @contextmanager
    def writing(self, name: str) -> Iterator["Pen"]:
        """Be the only writer of `name`, in all processes. Raises LedgerBusyError after LOCK_SECONDS."""
        pending = self.root / ".pending"
        self.make(pending)
        stripe = int.from_bytes(hashlib.sha256(name.encode()).digest()[:2]) % _LOCKS
        if (lock := self._locks.get(stripe)) is None:
            # A mere marker file in place of the kernel's lock would outlive a killed process: rather an error.
            path = pending / f"{stripe}.lock"
            lock = FileLock(path, poll_interval=_LOCK_POLL_SECONDS, fallback_to_soft=False)
            self._locks[stripe] = lock
        try:
            lock.acquire(LOCK_SECONDS)
        except Timeout as error:
            raise LedgerBusyError(self.root, LOCK_SECONDS) from error
        try:
            yield Pen(self, pending / f"{stripe}.tmp")
        finally:
            lock.release()

    def make(self, directory: Path) -> None:
        """Make a folder and those above it, durably."""
        if directory in self._durable and directory.is_dir():
            return
        if not self.root.exists():
            self.root.mkdir(parents=True, exist_ok=True)
            sync(self.root.parent)
        directory.mkdir(parents=True, exist_ok=True)
        for one in (directory, *directory.parents):
            if one.is_relative_to(self.root):
                sync(one)
        self._durable.add(directory)

    def _months(self) -> Iterator[str]:
        for name, year in _folders(str(self.root)):
            if name[0].isdecimal():
                for _, month in _folders(year):
                    yield month


class Pen:
    """The right to write one name's files, through the temporary file `draft`."""

    def __init__(self, folder: LedgerFolder, draft: Path) -> None:
        self._folder, self._draft = folder, draft

    def create(self, path: Path, chunks: Iterable[bytes]) -> bool:
        """Put a new file in its place; False where there is one already. Raises UnsettledError."""
        try:
            self._write(path, chunks)
            created = _link(self._draft, path)
        finally:
            self._drop_draft()
        if created:
            _confirm(path)
        return created

    def replace(self, path: Path, chunks: Iterable[bytes]) -> None:
        """Put a file in its place, over the one that may be there. Raises UnsettledError."""
        try:
            self._write(path, chunks)
            self._draft.replace(path)
        finally:
            self._drop_draft()
        _confirm(path)

    def _write(self, path: Path, chunks: Iterable[bytes]) -> None:
        self._folder.make(path.parent)
        # A writer that was killed may have left a draft that already is an entry under its other name: it is
        # unlinked, never truncated.
        self._draft.unlink(missing_ok=True)
        with self._draft.open("xb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())

    def _drop_draft(self) -> None:
        # Where even that fails, the next writer does it.
        with suppress(OSError):
            self._draft.unlink(missing_ok=True)


def sync(directory: Path) -> None:
    """Make the names in a folder survive a power failure."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _link(draft: Path, path: Path) -> bool:
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    except OSError as error:
        # A file server may have done it and lost the answer.
        if error.errno in (errno.EIO, errno.ETIMEDOUT):
            raise UnsettledError(path, error) from error
        raise
    return True


def _confirm(path: Path) -> None:
    try:
        sync(path.parent)
    except OSError as error:
        raise UnsettledError(path, error) from error


def _folders(parent: str) -> list[tuple[str, str]]:
    """Names and paths of the visible folders, as Beancount's glob sees them."""
    try:
        with os.scandir(parent) as found:
            return sorted((one.name, one.path) for one in found if one.name[0] != "." and one.is_dir())
    except FileNotFoundError:
        return []
