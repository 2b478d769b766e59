"""Small pictures of receipts for lists."""

import io
from dataclasses import replace
from functools import lru_cache

from PIL import Image

from pleo_export.simulator.receipts import Receipt, draw
from pleo_export.simulator.vocabulary import ReceiptKind

_SIZE = (84, 119)


@lru_cache(maxsize=2_048)
def thumbnail(receipt: Receipt) -> bytes:
    """Return the first page of a receipt as a small JPG."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(draw(replace(receipt, kind=ReceiptKind.JPG)))) as page:
        page.resize(_SIZE).save(buffer, "JPEG", quality=75, comment=b"")
    return buffer.getvalue()
