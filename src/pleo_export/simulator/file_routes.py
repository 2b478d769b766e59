"""Where receipts are loaded from: no credential, the link itself is the right to read."""

from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response, StreamingResponse

from pleo_export.simulator.auth import TheWorld
from pleo_export.simulator.files import LinkRefusedError
from pleo_export.simulator.receipts import Receipt, draw
from pleo_export.simulator.vocabulary import ReceiptKind

router = APIRouter(tags=["Files"])

_CHUNK = bytes(64 * 1024)
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_HTML: dict[str, Any] = {"content": {"text/html": {}}}


def _error_page(status: int, title: str) -> Response:
    return HTMLResponse(f"<html><body><h1>{status} {title}</h1></body></html>", status)


async def _zeros(size: int) -> AsyncIterator[bytes]:
    for start in range(0, size, len(_CHUNK)):
        yield _CHUNK[: size - start]


def _oversize(receipt: Receipt) -> Response:
    headers = {"content-length": str(receipt.size)}
    return StreamingResponse(_zeros(receipt.size), media_type=receipt.media_type, headers=headers)


@router.get(
    "/files/{token}/{name}",
    response_class=Response,
    responses={
        200: {"content": dict.fromkeys(("application/pdf", "image/png", "image/jpeg", "text/html"), _BINARY)},
        403: {"description": "The link is forged or older than 24 hours.", **_HTML},
        404: {"description": "The file is gone.", **_HTML},
    },
)
async def load_file(world: TheWorld, token: str, name: str) -> Response:
    try:
        receipt = world.files.open(token, world.now())
    except LinkRefusedError:
        return _error_page(403, "Forbidden")
    match receipt.kind:
        case _ if name != receipt.name:
            return _error_page(403, "Forbidden")
        case ReceiptKind.GONE:
            return _error_page(404, "Not Found")
        case ReceiptKind.HTML:
            return _error_page(200, "Please sign in to see this receipt")
        case ReceiptKind.OVERSIZE:
            return _oversize(receipt)
        case _:
            return Response(draw(receipt), media_type=receipt.media_type)
