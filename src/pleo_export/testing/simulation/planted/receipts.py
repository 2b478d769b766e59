"""Bugs of receipts."""

import hashlib
from typing import Any

from msgspec.structs import replace

from pleo_export.pleo import limits
from pleo_export.pleo.files import Downloader
from pleo_export.pleo.receipts import ReceiptGoneError
from pleo_export.pleo.retrying import Repeat
from pleo_export.testing.simulation.planted.bug import bug, instead
from pleo_export.workflow.record import _Recorder

_LAST: dict[str, Any] = {}


def _to_another(before: Any) -> Any:
    async def attach(self: Any, entry: Any, recorded: Any, found: Any) -> None:
        wrong = _LAST.get("recorded", recorded)
        _LAST["recorded"] = recorded
        await before(self, entry, replace(recorded, external_id=wrong.external_id), found)

    return attach


def _with_files(change: Any) -> Any:
    def made(before: Any) -> Any:
        async def attach(self: Any, entry: Any, recorded: Any, found: Any) -> None:
            await before(self, entry, recorded, replace(found, files=change(found.files)))

        return attach

    return made


def _twice(files: Any) -> Any:
    again = [replace(one, attachment=replace(one.attachment, key=f"{one.attachment.key}-2")) for one in files]
    return [*files, *again]


def _half(before: Any) -> Any:
    async def download(self: Any, attachment: Any) -> Any:
        file = await before(self, attachment)
        content = file.path.read_bytes()[: file.size // 2]
        file.path.write_bytes(content)
        return replace(file, size=len(content), sha256=hashlib.sha256(content).hexdigest())

    return download


BUGS = (
    bug(
        "receipt-to-another",
        "A receipt is attached to the entry before.",
        (_Recorder, "_attach", _to_another),
    ),
    bug("receipt-twice", "A receipt is attached twice.", (_Recorder, "_attach", _with_files(_twice))),
    bug(
        "receipt-left-out",
        "The first receipt is left out.",
        (_Recorder, "_attach", _with_files(lambda files: files[1:])),
    ),
    bug("receipt-cut", "Half of a receipt is attached.", (Downloader, "download", _half)),
    bug(
        "endless-retry",
        "A receipt that is gone is asked for again and again.",
        (limits, "tries_max", instead(10**9)),
        (limits, "retry_tokens_per_retry", instead(0)),
        (ReceiptGoneError, "repeat", instead(Repeat.UNCLEAR)),
    ),
)
