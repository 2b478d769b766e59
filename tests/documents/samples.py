"""Real files to make documents of, and ways to look into what was made."""

import io
import itertools
import random
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pikepdf
from PIL import Image

from pleo_export.documents.workbench import stored
from pleo_export.domain.attachments import AttachmentLimits
from pleo_export.domain.entry import Attachment, StoredFile

PDF = "application/pdf"
ZIP = "application/zip"
JPEG = "image/jpeg"
PNG = "image/png"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

A4_WIDTH = 595

ONE_FILE = AttachmentLimits(several=False)
NUMBERS = itertools.count()


def image(mode: str = "RGB", size: tuple[int, int] = (60, 80), seed: int = 0) -> Image.Image:
    """A picture of noise, which no compression makes small."""
    noise = random.Random(seed).randbytes(size[0] * size[1] * 3)
    return Image.frombytes("RGB", size, noise).convert(mode)


def picture(kind: str, drawn: Image.Image | None = None, **options: Any) -> bytes:
    content = io.BytesIO()
    (drawn or image()).save(content, kind, **options)
    return content.getvalue()


def turned(orientation: int, drawn: Image.Image) -> bytes:
    """A JPEG that says how it must be turned to stand upright."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return picture("JPEG", drawn, exif=exif, quality=95)


def half_black(size: tuple[int, int] = (80, 40)) -> Image.Image:
    """White, with its left half black."""
    drawn = Image.new("RGB", size, "white")
    drawn.paste("black", (0, 0, size[0] // 2, size[1]))
    return drawn


def document(*widths: int, root: Mapping[str, Any] | None = None, **options: Any) -> bytes:
    """A PDF whose pages are told apart by their width in points."""
    content = io.BytesIO()
    with pikepdf.new() as made:
        for width in widths:
            made.add_blank_page(page_size=(width, 100))
            made.pages[-1].Contents = made.make_stream(b"0 0 m 10 10 l S\n" * 20)
        for key, value in (root or {}).items():
            made.Root[key] = value
        made.save(content, **options)
    return content.getvalue()


def office(part: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(part, "<text/>")
    return content.getvalue()


def receipt(folder: Path, position: int, media_type: str, content: bytes) -> StoredFile:
    """Put a file into `folder` as if it had been downloaded."""
    path = folder / f"download-{next(NUMBERS)}"
    path.write_bytes(content)
    attachment = Attachment(
        key=f"entry-{position}",
        position=position,
        url="https://files.example/x",
        media_type=media_type,
        size=len(content),
    )
    return stored(attachment, path, media_type)


def receipts(folder: Path, *files: tuple[str, bytes]) -> list[StoredFile]:
    return [receipt(folder, position, *file) for position, file in enumerate(files, start=1)]


def page_widths(file: StoredFile) -> list[int]:
    with pikepdf.open(file.path) as made:
        return [int(page.mediabox[2]) for page in made.pages]


def new_files(folder: Path, given: Iterable[StoredFile]) -> Sequence[Path]:
    return sorted(set(folder.iterdir()) - {file.path for file in given})


def taking(*types: str, several: bool = True, bytes_max: int | None = None) -> AttachmentLimits:
    return AttachmentLimits(several=several, bytes_max=bytes_max, types=frozenset(types))
