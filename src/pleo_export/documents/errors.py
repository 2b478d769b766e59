"""Why downloaded receipts cannot be attached.

Error tree; every message is for a bookkeeper and names a receipt by its position, which counts from 1:

    RejectedItemError
    └── UnfitReceiptError              `cause` says what Pleo is told
        ├── ReceiptKindError           not taken, and cannot be turned into anything that is
        ├── ReceiptUnreadableError     damaged, encrypted, or so large inside that it is not opened
        ├── ReceiptNotMergeableError   can be no part of a PDF, where one PDF is to be made
        ├── ReceiptsNotMergedError     the PDFs open, but their pages cannot be copied
        ├── ReceiptsNotCombinedError   one file is taken, and neither a PDF nor a ZIP
        ├── ReceiptOverLimitError      too large, and cannot be made small enough
        ├── ReceiptsOverLimitError     likewise, all together
        └── ReceiptsNotPreparedError   our own disk failed
"""

import math

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import RejectedItemError
from pleo_export.domain.file_kinds import ending_of

_TENTH = 1024**2 / 10


class UnfitReceiptError(RejectedItemError):
    """The accounting system cannot be given the receipts; as a rejection it is the outcome of their expense.

    `position` is that of the receipt that is to blame, None where it is all of them or nobody knows which.
    """

    cause: Cause

    def __init__(self, *, position: int | None = None, **values: object) -> None:
        self.position = position
        super().__init__(self.cause, position=position, **values)


class ReceiptKindError(UnfitReceiptError):
    """The accounting system does not take this kind of file, nor anything it could be turned into."""

    cause = Cause.RECEIPT_KIND

    def __init__(self, position: int, media_type: str) -> None:
        super().__init__(position=position, kind=_kind(media_type))


class ReceiptUnreadableError(UnfitReceiptError):
    """A picture or PDF had to be opened, and could not be or must not be."""

    cause = Cause.RECEIPT_UNREADABLE

    def __init__(self, position: int, problem: str) -> None:
        super().__init__(position=position, problem=problem)


class ReceiptNotMergeableError(UnfitReceiptError):
    """No picture and no PDF, or a PDF that holds more than pages: `beside` names what."""

    cause = Cause.RECEIPT_NOT_MERGEABLE

    def __init__(self, position: int, media_type: str, beside: str | None = None) -> None:
        kind = _kind(media_type)
        super().__init__(position=position, kind=f"{kind} with {beside}" if beside else kind)


class ReceiptsNotMergedError(UnfitReceiptError):
    """One of the PDFs is damaged inside; which one is not known."""

    cause = Cause.RECEIPTS_NOT_MERGED


class ReceiptsNotCombinedError(UnfitReceiptError):
    """There is no one file that could hold all of them."""

    cause = Cause.RECEIPTS_NOT_COMBINED

    def __init__(self, number: int) -> None:
        super().__init__(number=number)


class ReceiptOverLimitError(UnfitReceiptError):
    """The smallest that could be made of a receipt is too large. `size` and `limit` are in bytes."""

    cause = Cause.RECEIPT_OVER_LIMIT

    def __init__(self, position: int, size: int, limit: int) -> None:
        had, taken = _apart(size, limit)
        super().__init__(position=position, size=had, limit=taken)


class ReceiptsOverLimitError(UnfitReceiptError):
    """The smallest that could be made of all receipts together is too large. `size` and `limit` are in bytes."""

    cause = Cause.RECEIPTS_OVER_LIMIT

    def __init__(self, number: int, size: int, limit: int) -> None:
        had, taken = _apart(size, limit)
        super().__init__(number=number, size=had, limit=taken)


class ReceiptsNotPreparedError(UnfitReceiptError):
    """Our own disk failed."""

    cause = Cause.RECEIPTS_NOT_PREPARED

    def __init__(self, problem: str) -> None:
        super().__init__(problem=problem)


def _kind(media_type: str) -> str:
    ending = ending_of(media_type)
    return f"a .{ending} file" if ending else "a file of an unknown kind"


def _apart(size: int, limit: int) -> tuple[float, float]:
    # Rounded apart, so that a size just above the limit never reads the same as the limit.
    return math.ceil(size / _TENTH) / 10, math.floor(limit / _TENTH) / 10
