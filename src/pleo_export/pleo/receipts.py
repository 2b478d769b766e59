"""How the download of a receipt fails.

Error tree; every message is for a bookkeeper, names the receipt by its position and never shows its link:

    CallError, RejectedItemError
    └── ReceiptError                 `type` is what Pleo is told, `position` counts from 1
        ├── ReceiptGoneError         401, 403, 404, 410: the link is too old or the file deleted; a fresh link may help
        ├── ReceiptRefusedError      another 4xx
        ├── ReceiptUnavailableError  5xx, 408, 429, no connection, cut off: tried again, in vain
        ├── ReceiptLinkError         the link leads nowhere we may go
        ├── ReceiptTooLargeError
        ├── ReceiptEmptyError
        ├── ReceiptIncompleteError   another size than Pleo announced
        ├── ReceiptNotAFileError     a web page or message in place of the file
        └── ReceiptNotStoredError    our own disk failed
"""

from typing import ClassVar

from pleo_export.domain.failures import ItemFailureType, RejectedItemError
from pleo_export.pleo import limits
from pleo_export.pleo.retrying import CallError, Repeat

_AGAIN = "Open the expense in Pleo, check the receipt and export it again."


class ReceiptError(RejectedItemError, CallError):
    """A receipt could not be had; as a rejection it is the outcome of its expense."""

    type: ClassVar[ItemFailureType] = ItemFailureType.RECEIPT_DOWNLOAD_FAILURE
    remedy: ClassVar[str] = _AGAIN

    def __init__(self, position: int, problem: str) -> None:
        self.position = position
        sentence = f"Receipt {position} of this expense could not be downloaded: {problem}. {self.remedy}"
        super().__init__(self.type, sentence)


class ReceiptGoneError(ReceiptError):
    """The link no longer works. Links live 24 hours, so reading the item again may give one that does."""

    def __init__(self, position: int, status: int) -> None:
        super().__init__(position, f"its link is gone (HTTP {status})")


class ReceiptRefusedError(ReceiptError):
    """The file host refused for another reason."""

    def __init__(self, position: int, status: int) -> None:
        super().__init__(position, f"Pleo's file host refused it (HTTP {status})")


class ReceiptUnavailableError(ReceiptError):
    """The file host did not answer, not completely, or not now."""

    repeat = Repeat.UNCLEAR
    remedy = "Export the expense again later."

    def __init__(
        self, position: int, detail: str, *, timed_out: bool = False, asked: float | None = None
    ) -> None:
        self.timed_out, self.asked_seconds = timed_out, asked
        super().__init__(position, f"Pleo's file host did not deliver it ({detail})")


class ReceiptLinkError(ReceiptError):
    """The link, or a redirect on its way, leads to a place that is never called. `problem` never holds the link."""

    def __init__(self, position: int, problem: str) -> None:
        super().__init__(position, f"its link {problem}")


class ReceiptTooLargeError(ReceiptError):
    """The file is larger than Pleo allows receipts to be."""

    type = ItemFailureType.RECEIPT_FILE_SIZE_LIMIT_EXCEEDED
    remedy = "Replace it in Pleo by a smaller file and export the expense again."

    def __init__(self, position: int) -> None:
        super().__init__(position, f"it is larger than {limits.file_bytes_max // 1024**2} MiB")


class ReceiptEmptyError(ReceiptError):
    """The file has no content."""

    def __init__(self, position: int) -> None:
        super().__init__(position, "the file is empty")


class ReceiptIncompleteError(ReceiptError):
    """What came is not as long as Pleo announced."""

    def __init__(self, position: int, announced: int, received: int) -> None:
        super().__init__(position, f"{received} bytes came where Pleo announced {announced}")


class ReceiptNotAFileError(ReceiptError):
    """A web page, or a message where a picture or document was announced."""

    def __init__(self, position: int, found: str) -> None:
        super().__init__(position, f"in its place came {found}")


class ReceiptNotStoredError(ReceiptError):
    """Our own disk did not take the file."""

    remedy = (
        "Make room on the disk of this program, check its folder for downloads, and export the expense again."
    )

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(position, f"it could not be stored here ({reason})")
