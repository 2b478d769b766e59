"""Does one thing with receipts in a process of its own, then prints its peak memory in KiB.

`download URL SIZE FOLDER` downloads a receipt and attaches it to an entry of a ledger; `merge FOLDER FILE TYPE ...` makes
one PDF of files.
"""

import asyncio
import sys
from pathlib import Path

from pleo_export.accounting.ledger import LedgerConnector, LedgerSettings
from pleo_export.documents import fit
from pleo_export.documents.workbench import stored
from pleo_export.domain.attachments import AttachmentLimits
from pleo_export.domain.entry import Attachment
from pleo_export.pleo.files import Downloader
from pleo_export.testing.samples import sample_entry
from tests.accounting.conftest import CHART


def attachment(position: int, url: str = "", size: int | None = None) -> Attachment:
    return Attachment(key=f"k-{position}", position=position, url=url, media_type=None, size=size)


async def download(url: str, size: str, name: str) -> None:
    folder = Path(name)
    chart = folder / "chart.toml"
    chart.write_text(CHART, encoding="utf-8")
    ledger = LedgerConnector(LedgerSettings(folder=folder / "ledger", chart=chart))
    entry = sample_entry()
    recorded = await ledger.record(entry)
    async with Downloader(folder / "receipts", allow_private=True) as downloader:
        file = await downloader.download(attachment(1, url, int(size)))
    await ledger.attach(entry, recorded, file)
    await ledger.close()


async def merge(name: str, *given: str) -> None:
    pairs = zip(given[::2], given[1::2], strict=True)
    files = [
        stored(attachment(position), Path(path), media_type)
        for position, (path, media_type) in enumerate(pairs, start=1)
    ]
    [merged] = await fit("entry", files, AttachmentLimits(several=False), Path(name))
    assert merged.media_type == "application/pdf"


def peak_kibibytes() -> int:
    """The kernel's own figure; that of getrusage would begin with what the parent process had."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    if sys.argv[1] == "download":
        asyncio.run(download(*sys.argv[2:]))
    else:
        asyncio.run(merge(*sys.argv[2:]))
    sys.stdout.write(f"{peak_kibibytes()}\n")
