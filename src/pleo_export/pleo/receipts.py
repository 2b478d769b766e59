"""How the download of a receipt fails.

Error tree; every message is for a bookkeeper, names the receipt by its position and never shows its link:

    CallError, RejectedItemError
    └── ReceiptError                 `cause` says what Pleo is told, `position` counts from 1
        ├── ReceiptGoneError         401, 403, 404, 410: the link is too old or the file deleted; a fresh link may help
        ├── ReceiptRefusedError      another 4xx
        ├── ReceiptUnavailableError  5xx, 408, 429, no connection, cut off: tried again, in vain
        ├── ReceiptLinkError         the link leads nowhere we may go, or is redirected
        ├── ReceiptTooLargeError
        ├── ReceiptEmptyError
        ├── ReceiptIncompleteError   another size than Pleo announced
        ├── ReceiptNotAFileError     a web page or message in place of the file
        └── ReceiptNotStoredError    our own disk failed
"""

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import RejectedItemError
from pleo_export.pleo import limits
from pleo_export.pleo.retrying import CallError, Repeat


class ReceiptError(RejectedItemError, CallError):
    """A receipt could not be had; as a rejection it is the outcome of its expense."""

    cause: Cause

    def __init__(self, position: int, **values: object) -> None:
        self.position = position
        super().__init__(self.cause, position=position, **values)


class ReceiptGoneError(ReceiptError):
    """The link no longer works. Links live 24 hours, so reading the item again may give one that does."""

    cause = Cause.RECEIPT_GONE

    def __init__(self, position: int, status: int) -> None:
        super().__init__(position, status=status)


class ReceiptRefusedError(ReceiptError):
    """The file host refused for another reason."""

    cause = Cause.RECEIPT_REFUSED

    def __init__(self, position: int, status: int) -> None:
        super().__init__(position, status=status)


class ReceiptUnavailableError(ReceiptError):
    """The file host did not answer, not completely, or not now."""

    repeat = Repeat.UNCLEAR
    cause = Cause.RECEIPT_UNAVAILABLE

    def __init__(
        self, position: int, detail: str, *, timed_out: bool = False, asked: float | None = None
    ) -> None:
        self.timed_out, self.asked_seconds = timed_out, asked
        super().__init__(position, detail=detail)


class ReceiptLinkError(ReceiptError):
    """The link leads to a place that is never called, or onward. `problem` never holds the link."""

    cause = Cause.RECEIPT_LINK

    def __init__(self, position: int, problem: str) -> None:
        super().__init__(position, problem=problem)


class ReceiptTooLargeError(ReceiptError):
    """The file is larger than Pleo allows receipts to be."""

    cause = Cause.RECEIPT_TOO_LARGE

    def __init__(self, position: int) -> None:
        super().__init__(position, most=limits.file_bytes_max // 1024**2)


class ReceiptEmptyError(ReceiptError):
    """The file has no content."""

    cause = Cause.RECEIPT_EMPTY


class ReceiptIncompleteError(ReceiptError):
    """What came is not as long as Pleo announced."""

    cause = Cause.RECEIPT_INCOMPLETE

    def __init__(self, position: int, announced: int, received: int) -> None:
        super().__init__(position, announced=announced, received=received)


class ReceiptNotAFileError(ReceiptError):
    """A web page, or a message where a picture or document was announced."""

    cause = Cause.RECEIPT_NOT_A_FILE

    def __init__(self, position: int, found: str) -> None:
        super().__init__(position, found=found)


class ReceiptNotStoredError(ReceiptError):
    """Our own disk did not take the file."""

    cause = Cause.RECEIPT_NOT_STORED

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(position, problem=reason)
