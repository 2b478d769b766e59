"""How a receipt is filed beside its entry: the file first, then the directive that shows it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from pleo_export.accounting.ledger.folder import LedgerFolder, Pen
from pleo_export.accounting.ledger.reader import metadata_text
from pleo_export.accounting.ledger.writer import document_text
from pleo_export.accounting.port import EntryRefusedError
from pleo_export.domain.entry import Entry, StoredFile
from pleo_export.domain.failures import ItemFailureType

_CHUNK_BYTES = 1 << 20
# Only these endings: a receipt never gets one that Beancount would include.
_ENDINGS = {
    "application/pdf": "pdf",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/heic": "heic",
    "image/heif": "heif",
    "image/tiff": "tiff",
}


class ReceiptChangedError(EntryRefusedError):
    """The downloaded file is not what it was when it was downloaded."""

    def __init__(self, file: StoredFile) -> None:
        super().__init__(
            f"Receipt {file.attachment.position} changed on disk before it was filed; export the expense again.",
            ItemFailureType.RECEIPT_UPLOAD_FAILURE,
        )


def free_stem(folder: LedgerFolder, name: str, file: StoredFile) -> str | None:
    """Return the name for a receipt's two files, or None where it has been filed.

    The plain name may be taken by a receipt of an earlier export whose entry was deleted.
    """
    key = file.attachment.key
    plain = f"{name}.{file.attachment.position}"
    for stem in (plain, f"{plain}.{hashlib.sha256(key.encode()).hexdigest()[:8]}"):
        path = folder.locate(f"{stem}.beancount")
        if path is None:
            return stem
        if metadata_text(path.read_text(encoding="utf-8", errors="replace"), "pleo-file") == key:
            return None
    return None


def file_receipt(pen: Pen, stem: Path, entry: Entry, file: StoredFile, account: str) -> None:
    """Write a receipt, then its directive. Raises ReceiptChangedError before anything is in its place."""
    receipt = stem.with_name(f"{stem.name}.{_ENDINGS.get(file.media_type, 'bin')}")
    # Without its directive a file of that name is the rest of an interrupted attempt.
    pen.replace(receipt, _unchanged(file))
    text = document_text(entry, file.attachment, receipt.name, file.sha256, account)
    pen.create(stem.with_name(f"{stem.name}.beancount"), [text.encode()])


def _unchanged(file: StoredFile) -> Iterator[bytes]:
    digest = hashlib.sha256()
    with file.path.open("rb") as source:
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
            yield chunk
    if digest.hexdigest() != file.sha256:
        raise ReceiptChangedError(file)
