"""Step 5.4: which files go with an entry. Pure: the files are fetched later."""

from pleo_export.domain.entry import Attachment
from pleo_export.domain.failures import ItemFailureType, RejectedItemError
from pleo_export.domain.item import ExportItem

FILES_PER_ITEM_MAX = 64


def plan_attachments(item: ExportItem) -> tuple[Attachment, ...]:
    """Return the files of an item in Pleo's order, each with a key that is the same at every attempt.

    The key is the reference and the position: the link is signed anew at each reading, so it can be none.
    Raises RejectedItemError where there are more files than anyone would read.
    """
    files = [file for file in item.files or () if file is not None]
    if len(files) > FILES_PER_ITEM_MAX:
        raise RejectedItemError(
            ItemFailureType.VALIDATION_FAILURE,
            f"This expense has {len(files)} files; at most {FILES_PER_ITEM_MAX} can be attached."
            " Remove some in Pleo and export the expense again.",
        )
    return tuple(
        Attachment(
            key=f"{item.accounting_entry_id}-{position}",
            position=position,
            url=file.url,
            media_type=file.type,
            size=file.size,
        )
        for position, file in enumerate(files, start=1)
    )
