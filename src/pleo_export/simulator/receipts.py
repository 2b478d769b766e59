"""Receipts: drawn with Pillow from an expense's data, the same bytes for the same expense.

A file's size is known without drawing it, because every receipt is filled up to a size that follows from
its name; an export of ten thousand expenses can so be listed at once and each receipt drawn when it is loaded.
"""

import io
import time
import zlib
from dataclasses import dataclass
from functools import cache, lru_cache

from PIL import Image, ImageDraw, ImageFont

from pleo_export.simulator.vocabulary import ReceiptKind

SIZE_MIN, SIZE_MAX = 42_000, 60_000
OVERSIZE = 32 * 1024 * 1024
"""Bytes of a receipt beyond the 30 MB that Pleo stores."""

MIME_TYPES = {
    ReceiptKind.PDF: "application/pdf",
    ReceiptKind.PNG: "image/png",
    ReceiptKind.JPG: "image/jpeg",
}
_PAGE = (420, 594)
_CREATED = time.gmtime(0)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is printed on a receipt; `name` is unique and settles its size and number of pages."""

    name: str
    kind: ReceiptKind
    supplier: str
    date: str
    amount: str

    @property
    def media_type(self) -> str:
        """The type that is declared; a receipt that goes wrong declares to be a PDF."""
        return MIME_TYPES.get(self.kind, MIME_TYPES[ReceiptKind.PDF])

    @property
    def size(self) -> int:
        if self.kind is ReceiptKind.OVERSIZE:
            return OVERSIZE
        return SIZE_MIN + zlib.crc32(self.name.encode()) % (SIZE_MAX - SIZE_MIN)


@cache
def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


@cache
def _form() -> Image.Image:
    form = Image.new("L", _PAGE, 255)
    draw = ImageDraw.Draw(form)
    draw.rectangle((24, 24, 396, 570), outline=0, width=2)
    draw.text((44, 44), "RECEIPT", font=_font(30), fill=0)
    for top, label in ((120, "Supplier"), (200, "Date"), (280, "Amount"), (360, "Number")):
        draw.text((44, top), label, font=_font(14), fill=110)
        draw.line((44, top + 56, 376, top + 56), fill=160)
    return form


def _page(receipt: Receipt, number: int) -> Image.Image:
    image = _form().copy()
    draw = ImageDraw.Draw(image)
    texts = (receipt.supplier[:28], receipt.date, receipt.amount, receipt.name[:36])
    for top, text in zip((142, 222, 302, 382), texts, strict=True):
        draw.text((44, top), text, font=_font(18), fill=0)
    draw.text((44, 540), f"Page {number}", font=_font(14), fill=110)
    return image


def _jpg(receipt: Receipt) -> bytes:
    buffer = io.BytesIO()
    _page(receipt, 1).save(buffer, "JPEG", quality=70)
    data = buffer.getvalue()
    # A comment segment right after the start marker: two bytes of marker, two of length, then the filling.
    filling = receipt.size - len(data) - 4
    return data[:2] + b"\xff\xfe" + (filling + 2).to_bytes(2) + bytes(filling) + data[2:]


def _png(receipt: Receipt) -> bytes:
    buffer = io.BytesIO()
    _page(receipt, 1).save(buffer, "PNG", compress_level=1)
    data = buffer.getvalue()
    # A text chunk before the closing one: length, name, content and checksum take 12 bytes more than the content.
    content = b"Comment\0".ljust(receipt.size - len(data) - 12, b" ")
    chunk = b"tEXt" + content
    chunk = len(content).to_bytes(4) + chunk + zlib.crc32(chunk).to_bytes(4)
    return data[:-12] + chunk + data[-12:]


def _pdf(receipt: Receipt) -> bytes:
    pages = [_page(receipt, number + 1) for number in range(1 + receipt.size % 2)]
    buffer = io.BytesIO()
    pages[0].save(
        buffer,
        "PDF",
        save_all=True,
        append_images=pages[1:],
        quality=60,
        creationDate=_CREATED,
        modDate=_CREATED,
    )
    data = buffer.getvalue()
    # A comment between the last object and the cross-reference table, whose place is told at the very end.
    start = int(data.rsplit(b"startxref", 1)[1].split()[0])
    table = data[start:].rsplit(b"startxref", 1)[0]
    ending = b"startxref\n%05d\n%%%%EOF\n"
    moved = receipt.size - len(table) - len(ending % 0)
    return data[:start] + b"%".ljust(moved - start - 1, b".") + b"\n" + table + ending % moved


_DRAWERS = {ReceiptKind.PDF: _pdf, ReceiptKind.PNG: _png, ReceiptKind.JPG: _jpg}


@lru_cache(maxsize=512)
def draw(receipt: Receipt) -> bytes:
    """Draw the bytes of a PDF, PNG or JPG receipt, exactly `receipt.size` of them."""
    data = _DRAWERS[receipt.kind](receipt)
    assert len(data) == receipt.size, f"{receipt.name}: {len(data)} bytes instead of {receipt.size}"
    return data
