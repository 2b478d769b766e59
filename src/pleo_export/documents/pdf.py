"""PDFs: pictures become pages, and pages become one file.

What is in the files stays as it is: no stream is decoded or compressed anew, and nothing depends on the time. qpdf
holds one stream at a time, twice; a picture is held thrice while it becomes a page.
"""

import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import img2pdf  # type: ignore[import-untyped]
import pikepdf
from pikepdf.settings import set_qpdf_limits

from pleo_export.documents.errors import (
    ReceiptNotMergeableError,
    ReceiptsNotMergedError,
    ReceiptUnreadableError,
)
from pleo_export.documents.pictures import FULL, Step, draw, is_plain_jpeg
from pleo_export.documents.workbench import Workbench
from pleo_export.domain.entry import StoredFile
from pleo_export.domain.file_kinds import JPEG, PDF

# The lists of objects that a PDF keeps compressed are unpacked in memory; real ones have some hundred kilobytes.
_UNPACKED_BYTES_MAX = 32 * 1024 * 1024
set_qpdf_limits(flate_max_memory=_UNPACKED_BYTES_MAX)

_A4 = (img2pdf.mm_to_pt(210), img2pdf.mm_to_pt(297))
_LAYOUT = img2pdf.get_layout_fun(pagesize=_A4, fit=img2pdf.FitMode.into, auto_orient=True)
# Their pages only say that another program is needed to see what is in them.
_NO_PAGES = ("/Collection", "/NeedsRendering")
_DAMAGED = (pikepdf.PikepdfError, ValueError, TypeError, LookupError, AttributeError, RuntimeError)
_NO_PAGE = (
    img2pdf.ImageOpenError,
    img2pdf.JpegColorspaceError,
    img2pdf.UnsupportedColorspaceError,
    img2pdf.NegativeDimensionError,
    img2pdf.AlphaChannelError,
    OSError,
    ValueError,
    LookupError,
    AttributeError,
    AssertionError,
    SyntaxError,
    TypeError,
    ArithmeticError,
    struct.error,
)


def pages_of(file: StoredFile, step: Step, bench: Workbench) -> list[Path]:
    """Return a PDF or a picture as PDFs that can be joined.

    Raises ReceiptUnreadableError, ReceiptNotMergeableError, and OSError where our disk fails.
    """
    if file.media_type == PDF:
        _check(file)
        return [file.path]
    if step == FULL and is_plain_jpeg(file):
        with suppress(ReceiptUnreadableError):  # its colour profile may be damaged, which is no loss
            return [_page(file.path, file, bench)]
    lossless = step == FULL and file.media_type != JPEG
    return [_page(path, file, bench) for path in draw(file, "PNG" if lossless else "JPEG", step, bench)]


def join(parts: Sequence[Path], bench: Workbench) -> Path:
    """Copy the pages of all parts, in order, into one PDF that is the same byte for byte at every attempt.

    Raises ReceiptsNotMergedError, and OSError where our disk fails.
    """
    path = bench.new()
    work = pikepdf.JobBuilder().empty().deterministic_id().compress(stream_data="preserve")
    # What has to be repaired may lack something afterwards that nobody would miss until it is needed.
    work.set(suppress_recovery=True, no_warn=True)
    for part in parts:
        work.add_pages(part)
    try:
        damaged = work.output(path).run().has_warnings
    except _DAMAGED as error:
        raise ReceiptsNotMergedError from error
    if damaged:
        raise ReceiptsNotMergedError
    return path


def _check(file: StoredFile) -> None:
    position = file.attachment.position
    try:
        with pikepdf.open(
            file.path, access_mode=pikepdf.AccessMode.stream, attempt_recovery=False
        ) as document:
            encrypted, pages = document.is_encrypted, len(document.pages)
            shell = any(key in document.Root for key in _NO_PAGES)
            beside = _beside_the_pages(document)
    except pikepdf.PasswordError as error:
        raise ReceiptUnreadableError(position, "is encrypted") from error
    except _DAMAGED as error:
        raise ReceiptUnreadableError(position, "is damaged") from error
    if encrypted:
        raise ReceiptUnreadableError(position, "is encrypted")
    if shell or not pages:
        raise ReceiptUnreadableError(position, "has no pages of its own")
    if beside is not None:
        raise ReceiptNotMergeableError(position, PDF, beside)


def _beside_the_pages(document: pikepdf.Pdf) -> str | None:
    """Name what would be lost where only the pages are copied: an invoice's XML, or which layers are shown."""
    if document.attachments or document.Root.get("/AF"):
        return "embedded files"
    if document.Root.get("/OCProperties", pikepdf.Dictionary()).get("/OCGs"):
        return "layers"
    return None


def _page(picture: Path, file: StoredFile, bench: Workbench) -> Path:
    path = bench.new()
    with path.open("wb") as page:
        try:
            img2pdf.convert(
                str(picture),
                outputstream=page,
                engine=img2pdf.Engine.internal,
                layout_fun=_LAYOUT,
                rotation=img2pdf.Rotation.ifvalid,
                first_frame_only=True,
                nodate=True,
            )
        except _NO_PAGE as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise ReceiptUnreadableError(file.attachment.position, "is damaged") from error
    return path
