"""The type of a file from its bytes."""

import io
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from pleo_export.pleo.content import media_type_of

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
OPEN_XML = "application/vnd.openxmlformats-officedocument."


def zipped(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return content.getvalue()


def picture(kind: str) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (20, 20), "white").save(content, kind)
    return content.getvalue()


FILES = {
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", "application/pdf"),
    "pdf after some bytes": (b"\n\n%PDF-1.4\n", "application/pdf"),
    "png": (picture("PNG"), "image/png"),
    "jpeg": (picture("JPEG"), "image/jpeg"),
    "gif": (picture("GIF"), "image/gif"),
    "webp": (picture("WEBP"), "image/webp"),
    "docx": (zipped("[Content_Types].xml", "word/document.xml"), f"{OPEN_XML}wordprocessingml.document"),
    "xlsx": (zipped("[Content_Types].xml", "xl/workbook.xml"), f"{OPEN_XML}spreadsheetml.sheet"),
    "zip": (zipped("a.txt"), "application/zip"),
    "broken zip": (b"PK\x03\x04" + bytes(50), "application/octet-stream"),
    "doc": (OLE + "WordDocument".encode("utf-16-le"), "application/msword"),
    "xls": (OLE + "Workbook".encode("utf-16-le"), "application/vnd.ms-excel"),
    "other ole": (OLE, "application/x-ole-storage"),
    "text": ("Beleg: 12,50 € für Café\n".encode(), "text/plain"),
    "latin text": ("Café\n".encode("latin-1"), "text/plain"),
    "utf-16 text": ("Café".encode("utf-16"), "text/plain"),
    "unknown": (b"\x00\x01\x02\x03" * 20, "application/octet-stream"),
    "html": (b"<!DOCTYPE html><title>x</title>", "text/html"),
    "html in capitals": (b"\n  <HTML><BODY>Sign in", "text/html"),
    "html with a mark": (b"\xef\xbb\xbf<html>", "text/html"),
    "html in utf-16": ("<html><body>Sign in".encode("utf-16"), "text/html"),
    "html after a comment": (b"<!-- proxy -->\n<html>", "text/html"),
    "xhtml": (b'<?xml version="1.0"?>\n<html xmlns="x">', "text/html"),
    "html that quotes a pdf": (b"<html>%PDF-1.4", "text/html"),
}


@pytest.mark.parametrize(("content", "expected"), FILES.values(), ids=FILES.keys())
def test_the_type_of_a_file_is_found_in_its_bytes(content: bytes, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "misleading.pdf"
    path.write_bytes(content)
    assert media_type_of(path) == expected


def with_names(number: int) -> bytes:
    """A ZIP file, of Word by its last name, whose directory has about 300 bytes a name."""
    return zipped(*(f"{name:0253}" for name in range(number)), "word/document.xml")


def test_the_directory_of_a_zip_file_is_not_read_where_it_is_longer_than_any_of_office(
    tmp_path: Path,
) -> None:
    usual, long = tmp_path / "usual", tmp_path / "long"
    usual.write_bytes(with_names(300))
    long.write_bytes(with_names(4000))
    assert media_type_of(usual) == f"{OPEN_XML}wordprocessingml.document"
    tracemalloc.start()
    try:
        assert media_type_of(long) == "application/zip"
        assert tracemalloc.get_traced_memory()[1] < 512 * 1024
    finally:
        tracemalloc.stop()
