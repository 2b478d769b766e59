"""The way in: decides at once where there is nothing to do, else lets a thread of its own do it."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pleo_export.domain.attachments import AttachmentLimits
from pleo_export.domain.entry import StoredFile

# One expense after the other, because a decoded picture is large.
_WORKER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="documents")


async def fit(
    reference: str, files: Sequence[StoredFile], limits: AttachmentLimits, folder: Path
) -> Sequence[StoredFile]:
    """Return the files of one expense as the accounting system can take them, in order.

    A file that can be taken as it is comes back as it came. Another is replaced by a new one in `folder` with the
    same attachment; several that must be one, by a PDF or ZIP with the key `<reference>-all` and position 1. The same
    files give the same bytes at every attempt.

    Given files and new ones are the caller's to delete. Raises an UnfitReceiptError, whose sentence is for the
    bookkeeper; after any failure no new file stays.
    """
    if _fit_already(files, limits):
        return files
    # Loaded only where there is something to do: a job whose files are all fit never needs the libraries.
    from pleo_export.documents.rules import fit_now  # noqa: PLC0415

    work = asyncio.get_running_loop().run_in_executor(_WORKER, fit_now, reference, files, limits, folder)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        # A thread cannot be stopped: it is awaited, so that what it makes can be removed.
        await asyncio.wait([work])
        if not work.cancelled() and work.exception() is None:
            _remove_new(files, work.result())
        raise


def _fit_already(files: Sequence[StoredFile], limits: AttachmentLimits) -> bool:
    return (limits.several or len(files) <= 1) and all(
        limits.take(file.media_type) and file.size <= limits.largest for file in files
    )


def _remove_new(files: Sequence[StoredFile], fitting: Sequence[StoredFile]) -> None:
    for path in {file.path for file in fitting} - {file.path for file in files}:
        path.unlink(missing_ok=True)
