"""The rules, in their order: what is not taken is converted, several become one, what is too large is made smaller."""

import os
from collections.abc import Sequence
from pathlib import Path

from pleo_export.documents.archive import zipped
from pleo_export.documents.errors import (
    ReceiptKindError,
    ReceiptNotMergeableError,
    ReceiptOverLimitError,
    ReceiptsNotCombinedError,
    ReceiptsNotMergedError,
    ReceiptsNotPreparedError,
    ReceiptsOverLimitError,
    ReceiptUnreadableError,
)
from pleo_export.documents.pdf import join, pages_of
from pleo_export.documents.pictures import FULL, PICTURES, SMALLER, Form, Step, draw
from pleo_export.documents.workbench import Workbench, stored
from pleo_export.domain.attachments import AttachmentLimits
from pleo_export.domain.entry import Attachment, StoredFile
from pleo_export.domain.file_kinds import JPEG, PDF, PNG, ZIP

_FORMS: tuple[tuple[Form, str], ...] = (("JPEG", JPEG), ("PNG", PNG))


def fit_now(
    reference: str, files: Sequence[StoredFile], limits: AttachmentLimits, folder: Path
) -> Sequence[StoredFile]:
    """Do what `fit` promises, in this thread."""
    try:
        with Workbench(folder) as bench:
            if limits.several or len(files) == 1:
                fitting = [_alone(file, limits, bench) for file in files]
            else:
                fitting = [_combined(reference, files, limits, bench)]
            bench.keep(fitting)
            return fitting
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        raise ReceiptsNotPreparedError(reason) from error


def _alone(file: StoredFile, limits: AttachmentLimits, bench: Workbench) -> StoredFile:
    taken = limits.take(file.media_type)
    if taken and file.size <= limits.largest:
        return file
    sizes = [file.size] if taken else []
    for step in _steps(file, as_it_is=not taken):
        drawn = _drawn(file, step, limits, bench)
        if drawn is None:
            break
        if drawn.size <= limits.largest:
            return drawn
        sizes.append(drawn.size)
    if not sizes:
        raise ReceiptKindError(file.attachment.position, file.media_type)
    raise ReceiptOverLimitError(file.attachment.position, min(sizes), limits.largest)


def _steps(*files: StoredFile, as_it_is: bool = True) -> Sequence[Step]:
    first = (FULL,) if as_it_is else ()
    pictures = any(file.media_type in PICTURES for file in files)
    return (*first, *SMALLER) if pictures else ()


def _drawn(file: StoredFile, step: Step, limits: AttachmentLimits, bench: Workbench) -> StoredFile | None:
    """Draw a picture as something that is taken; None where nothing that could hold all of it is."""
    form = next((form for form in _FORMS if limits.take(form[1])), None)
    if form is not None:
        frames = draw(file, form[0], step, bench)
        if len(frames) == 1:
            return stored(file.attachment, frames[0], form[1])
    if not limits.take(PDF):
        return None
    return stored(file.attachment, join(pages_of(file, step, bench), bench), PDF)


def _combined(
    reference: str, files: Sequence[StoredFile], limits: AttachmentLimits, bench: Workbench
) -> StoredFile:
    attachment = Attachment(key=f"{reference}-all", position=1, url="", media_type=None, size=None)
    if limits.take(PDF):
        try:
            return _one_pdf(attachment, files, limits, bench)
        except (ReceiptNotMergeableError, ReceiptUnreadableError, ReceiptsNotMergedError):
            if not limits.take(ZIP):
                raise
    if not limits.take(ZIP):
        raise ReceiptsNotCombinedError(len(files))
    archive = stored(attachment, zipped(files, bench), ZIP)
    if archive.size > limits.largest:
        raise ReceiptsOverLimitError(len(files), archive.size, limits.largest)
    return archive


def _one_pdf(
    attachment: Attachment, files: Sequence[StoredFile], limits: AttachmentLimits, bench: Workbench
) -> StoredFile:
    for file in files:
        if file.media_type != PDF and file.media_type not in PICTURES:
            raise ReceiptNotMergeableError(file.attachment.position, file.media_type)
    sizes: list[int] = []
    for step in _steps(*files) or (FULL,):
        pages = [page for file in files for page in pages_of(file, step, bench)]
        merged = stored(attachment, join(pages, bench), PDF)
        if merged.size <= limits.largest:
            return merged
        sizes.append(merged.size)
    raise ReceiptsOverLimitError(len(files), min(sizes), limits.largest)
