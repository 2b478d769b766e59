"""The ledger's folder on disk: files that are written whole or not at all, once, and stay.

    main.beancount, accounts.beancount    the roots
    2026/01/<name>.beancount              an entry; its name is its identity
    2026/01/<name>.1.pdf, <name>.1.beancount    a receipt and the directive that shows it; see `receipts`
    vendors/<name>.toml                   a vendor that was created with an entry; see `vendors`
    .pending/<n>.lock, <n>.tmp            who writes, and what is being written

The tree itself says what is recorded: there is no index that could disagree with it. An entry is there as soon as its
file is linked into a month, wherever a person moves it among the months, until a person deletes it; then it may be
recorded again. Names share 64 locks, so one name has one writer at a time, in whichever process; the kernel lets go of
a dead process's lock. What that process was writing is removed by the next holder of the lock, and by nobody else.
"""

import errno
import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BufferedWriter
from pathlib import Path

from pleo_export.accounting.ledger.locks import locked
from pleo_export.accounting.port import NoAnswerError, UnreachableError
from pleo_export.crash_points import reach
from pleo_export.domain.catalogue import Cause

LOCK_SECONDS = 10.0
_LOCKS = 64
# What a system says that refuses a link; anything else may have come after it.
_NOT_LINKED = frozenset(
    {
        errno.EACCES,
        errno.EDQUOT,
        errno.EINVAL,
        errno.EMLINK,
        errno.ENAMETOOLONG,
        errno.ENOENT,
        errno.ENOSPC,
        errno.ENOSYS,
        errno.ENOTDIR,
        errno.EOPNOTSUPP,
        errno.EPERM,
        errno.EROFS,
        errno.EXDEV,
    }
)


class LedgerFolderError(UnreachableError):
    """The disk refused before anything was recorded."""

    cause = Cause.LEDGER_UNUSABLE

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(folder=folder, problem=error.strerror or error)


class UnsettledError(NoAnswerError):
    """The file is in its place, but the disk did not confirm that it will stay."""

    cause = Cause.LEDGER_UNSETTLED

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(path=path, problem=error.strerror or error)


class LedgerFolder:
    """The folder at `root`. All methods block; OSError from them means that nothing was changed.

    Paths are plain strings inside: with ten years of months they are most of what an entry costs.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._durable: set[str] = set()

    def months(self) -> Sequence[str]:
        """Return the folders that may hold entries, as they are now."""
        years = (path for name, path in _folders(str(self.root)) if name[0].isdecimal())
        return [month for year in years for _, month in _folders(year)]

    def locate(self, file_name: str, months: Sequence[str] | None = None) -> Path | None:
        """Return where in the months a file lies, or None where it lies in none of them.

        Costs a look into each month; `months` saves listing them again. An unreadable month is an OSError, never a "no".
        """
        for month in self.months() if months is None else months:
            path = f"{month}/{file_name}"
            with suppress(FileNotFoundError, NotADirectoryError):
                os.stat(path)  # noqa: PTH116
                return Path(path)
        return None

    @contextmanager
    def writing(self, name: str) -> Iterator["Pen"]:
        """Be the only writer of `name`, in all processes. Raises LedgerBusyError after LOCK_SECONDS."""
        pending = f"{self.root}/.pending"
        self.make(pending)
        stripe = int.from_bytes(hashlib.sha256(name.encode()).digest()[:2]) % _LOCKS
        with locked(f"{pending}/{stripe}.lock", LOCK_SECONDS):
            yield Pen(self, f"{pending}/{stripe}.tmp")

    def make(self, directory: str) -> None:
        """Make a folder and those above it, durably."""
        if directory in self._durable and os.path.isdir(directory):  # noqa: PTH112
            return
        if not self.root.exists():
            self.root.mkdir(parents=True, exist_ok=True)
            sync(self.root.parent)
        path = Path(directory)
        path.mkdir(parents=True, exist_ok=True)
        for one in (path, *path.parents):
            if one.is_relative_to(self.root):
                sync(one)
        self._durable.add(directory)


class Pen:
    """The right to write one name's files, through the temporary file `draft`."""

    def __init__(self, folder: LedgerFolder, draft: str) -> None:
        self._folder, self._draft = folder, draft
        self._months: Sequence[str] | None = None

    def locate(self, file_name: str) -> Path | None:
        """Return where a file lies, as LedgerFolder.locate does, in the months there were at the first look."""
        if self._months is None:
            self._months = self._folder.months()
        return self._folder.locate(file_name, self._months)

    def create(self, path: Path, chunks: Iterable[bytes]) -> bool:
        """Put a new file in its place; False where there is one already. Raises UnsettledError."""
        try:
            self._write(path, chunks)
            reach("ledger.written")
            created = _link(self._draft, path)
            reach("ledger.linked")
        finally:
            self._drop_draft()
        if created:
            _confirm(path)
        return created

    def adopt(self, source: Path, path: Path) -> bool:
        """Give a file outside the ledger a second name in it; False where the name is taken. Raises UnsettledError.

        Its content is durable before the name is there; the name is once something is created beside it.
        """
        sync(source)
        return _link(source, path)

    def replace(self, path: Path, chunks: Iterable[bytes]) -> None:
        """Put a file in its place, over the one that may be there. Raises UnsettledError."""
        try:
            self._write(path, chunks)
            os.replace(self._draft, path)  # noqa: PTH105
        finally:
            self._drop_draft()
        _confirm(path)

    def _write(self, path: Path, chunks: Iterable[bytes]) -> None:
        self._folder.make(os.path.dirname(path))  # noqa: PTH120
        with self._new_draft() as file:
            file.writelines(chunks)
            file.flush()
            # Times tell the order of entries; the file system's own clock ticks in milliseconds.
            os.utime(file.fileno(), ns=(now := time.time_ns(), now))
            os.fsync(file.fileno())

    def _new_draft(self) -> BufferedWriter:
        try:
            return open(self._draft, "xb")  # noqa: PTH123
        except FileExistsError:
            # A writer that was killed may have left a draft that already is an entry under its other name: it is
            # unlinked, never truncated.
            os.unlink(self._draft)  # noqa: PTH108
            return open(self._draft, "xb")  # noqa: PTH123

    def _drop_draft(self) -> None:
        # Where even that fails, the next writer does it.
        with suppress(OSError):
            os.unlink(self._draft)  # noqa: PTH108


def sync(path: str | Path) -> None:
    """Make a file's content, or the names in a folder, survive a power failure."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _link(source: str | Path, path: Path) -> bool:
    try:
        os.link(source, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno in _NOT_LINKED:
            raise
        # A file server may have done it and lost the answer.
        raise UnsettledError(path, error) from error
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
