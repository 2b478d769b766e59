"""PDFs that are damaged, or made to do damage."""

import random
import zlib
from pathlib import Path

import pikepdf
import pytest

from pleo_export.documents import fit, rules
from pleo_export.documents.errors import ReceiptsNotMergedError, ReceiptUnreadableError, UnfitReceiptError
from tests.documents.samples import (
    A4_WIDTH,
    JPEG,
    PDF,
    document,
    new_files,
    page_widths,
    picture,
    receipts,
    taking,
)

pytestmark = pytest.mark.slow

ONE_PDF = taking(PDF, several=False)


def unpacking_to(mebibytes: int) -> bytes:
    """A small PDF whose list of objects grows enormous when it is unpacked."""
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >> ",
        b"<< /Type /Pages /Count 1 /Kids [ 3 0 R ] >> ",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [ 0 0 100 100 ] /Resources << >> >> ",
    )
    starts = b"1 0 2 %d 3 %d " % (len(objects[0]), len(objects[0]) + len(objects[1]))
    packer = zlib.compressobj(9)
    packed = packer.compress(starts + b"".join(objects))
    packed += b"".join(packer.compress(b" " * 1024**2) for _ in range(mebibytes)) + packer.flush()
    content = b"%PDF-1.5\n"
    list_at = len(content)
    content += (
        b"4 0 obj\n<< /Type /ObjStm /N 3 /First %d /Filter /FlateDecode /Length %d >>\nstream\n"
        % (len(starts), len(packed))
        + packed
        + b"\nendstream\nendobj\n"
    )
    table_at = len(content)
    rows = [(0, 0, 255), (2, 4, 0), (2, 4, 1), (2, 4, 2), (1, list_at, 0), (1, table_at, 0)]
    table = b"".join(bytes([kind, *place.to_bytes(4, "big"), index]) for kind, place, index in rows)
    return (
        content
        + b"5 0 obj\n<< /Type /XRef /Size 6 /W [1 4 1] /Root 1 0 R /Length %d >>\nstream\n" % len(table)
        + table
        + b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % table_at
    )


WHOLE = document(100)
HOSTILE = {
    "nothing but a head": b"%PDF-1.7\n",
    "cut": WHOLE[:-60],
    "an index that lies": WHOLE.replace(b"0000000123", b"0000000064"),
    "pages that contain themselves": WHOLE.replace(b"[ 3 0 R ]", b"[ 2 0 R ]"),
    "a page that is none": WHOLE.replace(b"/Type /Page >>", b"/Type /Font >>").replace(
        b"[ 3 0 R ]", b"[ 4 0 R ]"
    ),
    "a stream longer than the file": WHOLE.replace(b"/Length 26", b"/Length 99"),
    "far too deep": WHOLE.replace(b"/Resources << >>", b"/X " + b"[" * 100_000),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_damaged_pdf_is_refused_and_not_repaired(content: bytes, tmp_path: Path) -> None:
    files = receipts(tmp_path, (JPEG, picture("JPEG")), (PDF, content))
    assert content != WHOLE
    with pytest.raises((ReceiptUnreadableError, ReceiptsNotMergedError)):
        await fit("entry", files, ONE_PDF, tmp_path)
    assert new_files(tmp_path, files) == []


async def test_a_pdf_that_unpacks_itself_to_a_usual_size_is_merged(tmp_path: Path) -> None:
    files = receipts(tmp_path, (JPEG, picture("JPEG")), (PDF, unpacking_to(1)))
    [merged] = await fit("entry", files, ONE_PDF, tmp_path)
    assert page_widths(merged) == [A4_WIDTH, 100]


@pytest.mark.parametrize("mebibytes", [40, 400])
async def test_a_pdf_that_unpacks_itself_in_memory_is_refused(mebibytes: int, tmp_path: Path) -> None:
    files = receipts(tmp_path, (JPEG, picture("JPEG")), (PDF, unpacking_to(mebibytes)))
    with pytest.raises(ReceiptUnreadableError, match=r"Receipt 2 of this expense .* it is damaged"):
        await fit("entry", files, ONE_PDF, tmp_path)
    assert new_files(tmp_path, files) == []


def test_no_damage_makes_a_pdf_end_in_anything_but_a_page_or_a_refusal(tmp_path: Path) -> None:
    draw = random.Random(20260105)
    whole = [WHOLE, document(100, 101, object_stream_mode=pikepdf.ObjectStreamMode.generate)]
    refused = 0
    for _ in range(300):
        content = bytearray(draw.choice(whole))
        for _ in range(draw.choice((1, 3, 20))):
            content[draw.randrange(len(content))] = draw.randrange(256)
        files = receipts(tmp_path, (PDF, bytes(content)), (PDF, WHOLE))
        try:
            [merged] = rules.fit_now("entry", files, ONE_PDF, tmp_path)
            merged.path.unlink()
        except UnfitReceiptError:
            refused += 1
        assert new_files(tmp_path, files) == []
        for file in files:
            file.path.unlink()
    assert 0 < refused < 300
