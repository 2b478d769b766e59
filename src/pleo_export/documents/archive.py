"""One ZIP file of all receipts, for what cannot be put into one PDF."""

import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

from pleo_export.documents.workbench import Workbench
from pleo_export.domain.entry import StoredFile
from pleo_export.domain.file_kinds import ending_of


def zipped(files: Sequence[StoredFile], bench: Workbench) -> Path:
    """Put the files into a ZIP, named by their positions, the same byte for byte at every attempt. Raises OSError."""
    path = bench.new()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            name = f"{file.attachment.position}.{ending_of(file.media_type) or 'bin'}"
            member = zipfile.ZipInfo(name)  # dated 1980, as everything that has no date
            member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            member.file_size = file.size
            with file.path.open("rb") as source, archive.open(member, "w") as target:
                shutil.copyfileobj(source, target)
    return path
