"""What a downloaded file really is, from its bytes; names and headers are not asked."""

import io
import mmap
import zipfile
from pathlib import Path

HTML = "text/html"
TEXT = "text/plain"
_DOC, _XLS = "application/msword", "application/vnd.ms-excel"
_OPEN_XML = "application/vnd.openxmlformats-officedocument."
_ZIP, _UNKNOWN = "application/zip", "application/octet-stream"

HEAD_BYTES = 4096
# How an HTML page may begin, after blanks. A comment or an XML declaration may come first, so `<html` is also looked for.
_HTML_STARTS = (
    b"<!doctype html",
    b"<html",
    b"<head",
    b"<body",
    b"<script",
    b"<title",
    b"<meta",
    b"<h1",
    b"<p>",
)
_ZIP_START = b"PK\x03\x04"
_OLE_START = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# The stream names inside an old Office file: the only thing that tells the two kinds apart.
_OLE_STREAMS = {"WordDocument": _DOC, "Workbook": _XLS, "Book": _XLS}
# A ZIP file's directory is unpacked in memory to some twelve times its size; that of an Office file has a few kilobytes.
_DIRECTORY_BYTES_MAX = 1024 * 1024
_TEXT_CONTROLS = frozenset(b"\t\n\r\f\x1b")


def media_type_of_head(head: bytes) -> str | None:
    """Return the media type that the first HEAD_BYTES of a file give away, or None where the whole must be looked at."""
    if head.startswith((_ZIP_START, _OLE_START)):
        return None
    return _by_start(head) or _by_text(head)


def media_type_of(path: Path) -> str:
    """Return the media type of a file that is not empty; application/octet-stream where its kind is unknown.

    Reads the disk, so it belongs in a thread. Raises OSError.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(_ZIP_START):
        return _zipped(path)
    if head.startswith(_OLE_START):
        return _old_office(path)
    return media_type_of_head(head) or _by_magic(path)


def _by_start(head: bytes) -> str | None:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    # HTML before PDF: readers take a PDF that begins a little later, and a page could quote one.
    if _looks_like_html(head):
        return HTML
    return "application/pdf" if b"%PDF-" in head[:1024] else None


def _looks_like_html(head: bytes) -> bool:
    # UTF-16 pages are read like the others once their zero bytes are gone.
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\xff\xfe").replace(b"\0", b"").lstrip().lower()
    return text.startswith(_HTML_STARTS) or (text.startswith(b"<") and b"<html" in text)


def _by_text(head: bytes) -> str | None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return TEXT
    return TEXT if all(byte >= 0x20 or byte in _TEXT_CONTROLS for byte in head) else None  # noqa: PLR2004


def _by_magic(path: Path) -> str:
    import puremagic  # noqa: PLC0415 rarely needed, and all of its signatures are loaded with it

    try:
        with path.open("rb") as file:  # not by path: then a name's ending would count
            return puremagic.from_stream(file, mime=True) or _UNKNOWN
    except (puremagic.PureError, ValueError):
        return _UNKNOWN


class _DirectoryTooLongError(Exception):
    pass


class _ZipFile(io.FileIO):
    """Gives out no directory that is too long: it is read in one go."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _DIRECTORY_BYTES_MAX:
            raise _DirectoryTooLongError
        return super().read(size)


def _zipped(path: Path) -> str:
    try:
        with _ZipFile(path) as file, zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except _DirectoryTooLongError:
        return _ZIP
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return _UNKNOWN
    if any(name.startswith("word/") for name in names):
        return f"{_OPEN_XML}wordprocessingml.document"
    if any(name.startswith("xl/") for name in names):
        return f"{_OPEN_XML}spreadsheetml.sheet"
    return _ZIP


def _old_office(path: Path) -> str:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for stream, kind in _OLE_STREAMS.items():
            if content.find(stream.encode("utf-16-le")) >= 0:
                return kind
    return "application/x-ole-storage"
