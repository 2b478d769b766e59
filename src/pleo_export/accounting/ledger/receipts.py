"""How a receipt is filed beside its entry: the file, and the directive that shows it.

    <name>.1.pdf, <name>.1.beancount                      what was first in that position
    <name>.1.5f2d90ab.png, <name>.1.5f2d90ab.beancount    what has another key or content: it comes beside the first

What is filed stays: a receipt that was replaced in Pleo is shown by the entry together with the one it replaced.
"""

import errno
import hashlib
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from pleo_export.accounting.ledger.folder import Pen, sync
from pleo_export.accounting.ledger.reader import metadata_text
from pleo_export.accounting.ledger.writer import document_text
from pleo_export.accounting.port import EntryRefusedError
from pleo_export.crash_points import reach
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Entry, StoredFile
from pleo_export.domain.file_kinds import ending_of

_CHUNK_BYTES = 1 << 20
# No second name for a file: it lies on another disk, has too many, or may not have one.
_UNLINKABLE = (errno.EXDEV, errno.EMLINK, errno.EPERM)


class ReceiptChangedError(EntryRefusedError):
    """The downloaded file is not what it was when it was downloaded."""

    cause = Cause.RECEIPT_CHANGED

    def __init__(self, file: StoredFile) -> None:
        super().__init__(position=file.attachment.position)


def file_receipt(pen: Pen, entry_file: Path, entry: Entry, file: StoredFile, account: str) -> None:
    """File a receipt, unless it has been: same key and same content. Nothing that is there is written over.

    Raises ReceiptChangedError before anything is in its place.
    """
    # Only endings of that list: a receipt never gets one that Beancount would include.
    ending = ending_of(file.media_type) or "bin"
    for stem in _stems(entry_file.stem, file):
        directive = pen.locate(f"{stem}.beancount")
        if directive is None:
            receipt = entry_file.with_name(f"{stem}.{ending}")
            if _put(pen, receipt, file, entry_file):
                reach("ledger.receipt_placed")
                text = document_text(entry, file.attachment, receipt.name, file.sha256, account)
                if pen.create(receipt.with_suffix(".beancount"), [text.encode()]):
                    return
        elif _is_of(directive, file):
            _settle(pen, directive.with_suffix(f".{ending}"), file, directive)
            return


def _stems(name: str, file: StoredFile) -> Iterator[str]:
    """Names for a receipt's two files, until one is free or its own."""
    plain = f"{name}.{file.attachment.position}"
    yield plain
    yield (own := f"{plain}.{file.sha256[:8]}")
    yield from (f"{own}.{number}" for number in count(2))


def _is_of(directive: Path, file: StoredFile) -> bool:
    text = directive.read_text(encoding="utf-8", errors="replace")
    said = metadata_text(text, "pleo-file"), metadata_text(text, "sha256")
    return said == (file.attachment.key, file.sha256)


def _settle(pen: Pen, receipt: Path, file: StoredFile, directive: Path) -> None:
    """Make sure of a receipt that is filed: a power failure may have kept its directive and lost the file."""
    if not receipt.exists() and f'"{receipt.name}"' in directive.read_text(
        encoding="utf-8", errors="replace"
    ):
        _put(pen, receipt, file, directive)
    sync(directive.parent)


def _put(pen: Pen, receipt: Path, file: StoredFile, beside: Path) -> bool:
    """Put a receipt in its place; False where another file has that name."""
    if file.path.stat().st_size != file.size:
        raise ReceiptChangedError(file)
    placed = _linked(pen, receipt, file, beside)
    if placed is None:
        placed = pen.create(receipt, _unchanged(file))
    # A file of that name without a directive is whole: the rest of an interrupted attempt, or somebody's own.
    return placed or _digest(receipt) == file.sha256


def _linked(pen: Pen, receipt: Path, file: StoredFile, beside: Path) -> bool | None:
    """Link the download into its place, which saves a copy and hashing it again; None where that cannot be done."""
    if _access(file.path) != _access(beside):
        return None  # people who may read the entry could not read the receipt
    try:
        return pen.adopt(file.path, receipt)
    except OSError as error:
        if error.errno in _UNLINKABLE:
            return None
        raise


def _access(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_mode, found.st_uid, found.st_gid


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unchanged(file: StoredFile) -> Iterator[bytes]:
    digest = hashlib.sha256()
    with file.path.open("rb") as source:
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
            yield chunk
    if digest.hexdigest() != file.sha256:
        raise ReceiptChangedError(file)
