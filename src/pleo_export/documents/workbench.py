"""Where new files are made, and what becomes of them."""

import hashlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from pleo_export.domain.entry import Attachment, StoredFile


class Workbench:
    """Gives names for new files in `folder`. At the end all of them are removed but the kept ones.

    They lie beside the downloads and in no folder of their own, so that whatever clears up after a killed process
    finds files only.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: set[Path] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for path in self._made:
            path.unlink(missing_ok=True)

    def new(self) -> Path:
        """Return the path of a file that is yet to be written."""
        path = self._folder / f"receipt-{secrets.token_hex(8)}"
        self._made.add(path)
        return path

    def keep(self, files: Iterable[StoredFile]) -> None:
        """Leave these to the caller."""
        self._made -= {file.path for file in files}


def stored(attachment: Attachment, path: Path, media_type: str) -> StoredFile:
    """Describe a file as it lies there. Raises OSError."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = os.fstat(file.fileno()).st_size
    return StoredFile(attachment=attachment, path=path, media_type=media_type, size=size, sha256=digest)
