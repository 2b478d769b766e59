"""Receipts that are large, slow or badly named: streamed, bounded in time, and never stored under a name from outside."""

import asyncio
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pleo_export.pleo import limits, receipts
from pleo_export.pleo.transport import Timeouts
from tests.pleo.misbehaving_server import Behaviour, answers, serving
from tests.pleo.test_pleo_files import PDF, attachment, downloader, failure_of, link_to, stored_in
from tests.scorecard.plugin import Score

pytestmark = pytest.mark.scorecard("F")

MIB = 1024 * 1024
PEAK_BYTES_MAX = 4 * MIB  # what a download may take in memory, whatever its size; the server's share included
CHUNK = bytes(64 * 1024)


class Large:
    """An answer of so many bytes, sent as they are taken; `sent` counts them."""

    def __init__(self, size: int, *, declared: bool) -> None:
        self.size, self.declared, self.sent = size, declared, 0

    async def act(self, writer: asyncio.StreamWriter) -> bool:
        length = f"Content-Length: {self.size}\r\n" if self.declared else ""
        writer.write(f"HTTP/1.1 200 OK\r\n{length}Connection: close\r\n\r\n%PDF-".encode())
        self.sent = len("%PDF-")
        while self.sent < self.size:
            chunk = CHUNK[: self.size - self.sent]
            writer.write(chunk)
            await writer.drain()
            self.sent += len(chunk)
        return False


@contextmanager
def peak(score: Score) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    score.note(peak_mib=round(most / MIB, 1))
    assert most <= PEAK_BYTES_MAX


async def test_the_largest_receipt_pleo_takes_is_streamed_to_disk(tmp_path: Path, score: Score) -> None:
    large = Large(limits.file_bytes_max, declared=True)
    async with serving(Behaviour(large.act)) as server, downloader(tmp_path) as files:
        with peak(score):
            stored = await files.download(attachment(link_to(server), size=limits.file_bytes_max))
    assert stored.path.stat().st_size == stored.size == limits.file_bytes_max


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "not declared"])
async def test_a_hundred_megabytes_are_refused_before_they_are_here(
    tmp_path: Path, score: Score, *, declared: bool
) -> None:
    large = Large(100 * MIB, declared=declared)
    async with serving(Behaviour(large.act)) as server:
        with peak(score):
            error = await failure_of(attachment(link_to(server)), tmp_path)
    assert isinstance(error, receipts.ReceiptTooLargeError)
    assert large.sent < (10 if declared else 40) * MIB


@pytest.mark.slow
async def test_a_host_that_drips_does_not_hold_a_download_for_ever(tmp_path: Path) -> None:
    async def drip(writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        while True:
            writer.write(b"%")
            await writer.drain()
            await asyncio.sleep(0.02)

    # Bytes come all the time, so only the limit for the whole can end it.
    timeouts = Timeouts(read=60, whole=0.15)
    async with serving(Behaviour(drip)) as server:
        error = await failure_of(attachment(link_to(server)), tmp_path, timeouts=timeouts)
    assert isinstance(error, receipts.ReceiptUnavailableError)
    assert error.timed_out
    assert len(server.requests) == limits.tries_max


@pytest.mark.parametrize(
    "name",
    [
        "..%2F..%2Fetc%2Fpasswd",
        "../../../tmp/x.pdf",
        "%00.pdf",
        "a%0D%0AX-Injected:%201.pdf",
        "kvittering%20%C3%A6%C3%B8%C3%A5.pdf",
        "x" * 4000 + ".pdf",
        ".",
        "-rf.pdf",
        "con.pdf:stream",
    ],
)
@pytest.mark.parametrize("header", ["", 'attachment; filename="../../../../tmp/evil.sh"'])
async def test_no_name_from_outside_decides_where_a_receipt_is_stored(
    name: str, header: str, tmp_path: Path
) -> None:
    folder = tmp_path / "receipts"
    headers = {"Content-Disposition": header} if header else {}
    async with serving(answers(200, raw=PDF, headers=headers)) as server, downloader(folder) as files:
        stored = await files.download(attachment(f"{server.url}/files/{name}"))
        assert len(server.requests) == 1
    assert stored.path.parent == folder
    assert stored.path.name.startswith("receipt-")
    assert stored.path.read_bytes() == PDF
    assert stored_in(tmp_path) == [folder]
    assert stored_in(folder) == [stored.path]
