"""Downloading receipts, against a misbehaving file host."""

import asyncio
import errno
import hashlib
import os
import socket
import traceback
from pathlib import Path

import pytest

from pleo_export.domain.entry import Attachment
from pleo_export.domain.failure_types import ItemFailureType
from pleo_export.domain.failures import RejectedItemError
from pleo_export.pleo import limits, receipts
from pleo_export.pleo.files import Downloader
from pleo_export.pleo.transport import Timeouts
from tests.pleo.misbehaving_server import (
    BABBLES,
    HANGS_UP,
    RESETS,
    STALLS,
    Behaviour,
    Server,
    Waits,
    answers,
    closed_port,
    serving,
)

pytestmark = pytest.mark.scorecard("F")

pytestmark = pytest.mark.scorecard("F")

PDF = b"%PDF-1.4\n" + bytes(range(256)) * 1000
SIGNATURE = "X-Signature=c2VjcmV0"
FINE = answers(200, raw=PDF)


def attachment(
    link: str, size: int | None = None, media_type: str | None = "application/pdf", position: int = 2
) -> Attachment:
    return Attachment(key="entry-2", position=position, url=link, media_type=media_type, size=size)


def link_to(server: Server) -> str:
    return f"{server.url}/files/a%2Fb.pdf?{SIGNATURE}"


def downloader(
    folder: Path, waits: Waits | None = None, *, allow_private: bool = True, timeouts: Timeouts | None = None
) -> Downloader:
    return Downloader(
        folder, allow_private=allow_private, around=(waits or Waits()).around, timeouts=timeouts
    )


def stored_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def failure_of(
    file: Attachment, folder: Path, waits: Waits | None = None, timeouts: Timeouts | None = None
) -> receipts.ReceiptError:
    """Download in vain; whatever the failure, nothing may stay on disk and nothing may show the link."""
    async with downloader(folder, waits, timeouts=timeouts) as files:
        with pytest.raises(receipts.ReceiptError) as caught:
            await files.download(file)
    assert stored_in(folder) == []
    shown = "".join([str(caught.value), repr(caught.value), *traceback.format_exception(caught.value)])
    assert SIGNATURE not in shown
    assert "/files/" not in shown
    assert str(caught.value).startswith("Receipt 2 of this expense could not be downloaded: ")
    return caught.value


async def test_a_receipt_is_stored_with_its_real_type_size_and_hash(tmp_path: Path) -> None:
    headers = {"Content-Type": "image/png"}
    async with (
        serving(answers(200, raw=PDF, headers=headers)) as server,
        downloader(tmp_path / "new") as files,
    ):
        file = attachment(link_to(server), size=len(PDF), media_type="image/png")
        stored = await files.download(file)
    assert stored.path.parent == tmp_path / "new"
    assert stored.path.read_bytes() == PDF
    assert stored.media_type == "application/pdf"
    assert (stored.size, stored.sha256) == (len(PDF), hashlib.sha256(PDF).hexdigest())
    assert stored.attachment == file


async def test_the_link_is_sent_as_it_came_and_without_any_credential(tmp_path: Path) -> None:
    async with serving(FINE) as server, downloader(tmp_path) as files:
        await files.download(attachment(link_to(server)))
    [request] = server.requests
    assert request.target == f"/files/a%2Fb.pdf?{SIGNATURE}"
    assert request.headers.keys().isdisjoint({"authorization", "cookie", "referer"})


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_a_link_that_is_gone_is_told_to_the_bookkeeper_and_not_tried_again(
    status: int, tmp_path: Path
) -> None:
    async with serving(answers(status, raw=b"<html>AccessDenied</html>")) as server:
        error = await failure_of(attachment(link_to(server)), tmp_path)
    assert str(error) == (
        f"Receipt 2 of this expense could not be downloaded: its link is gone (HTTP {status}). "
        "Open the expense in Pleo, check the receipt and export it again."
    )
    assert isinstance(error, receipts.ReceiptGoneError)
    assert len(server.requests) == 1


async def test_a_failure_is_the_outcome_of_its_expense(tmp_path: Path) -> None:
    async with serving(answers(404)) as server:
        error = await failure_of(attachment(link_to(server)), tmp_path)
    assert isinstance(error, RejectedItemError)
    assert error.rejection.type is ItemFailureType.RECEIPT_DOWNLOAD_FAILURE
    assert error.rejection.reason == str(error)


CUT = answers(200, raw=PDF, headers={"Content-Length": str(len(PDF) + 9)})
FAULTS = {
    "reset": RESETS,
    "hang-up": HANGS_UP,
    "stall": STALLS,
    "cut": CUT,
    "babble": BABBLES,
    "503": answers(503),
    "429": answers(429),
    "408": answers(408),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_a_passing_fault_is_survived_and_leaves_one_whole_file(
    fault: Behaviour, tmp_path: Path
) -> None:
    async with serving(fault, FINE) as server, downloader(tmp_path, timeouts=server.timeouts) as files:
        stored = await files.download(attachment(link_to(server), size=len(PDF)))
    assert stored.path.read_bytes() == PDF
    assert stored_in(tmp_path) == [stored.path]


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_a_lasting_fault_ends_after_all_tries(fault: Behaviour, tmp_path: Path) -> None:
    waits = Waits()
    async with serving(fault) as server:
        error = await failure_of(attachment(link_to(server)), tmp_path, waits, server.timeouts)
    assert isinstance(error, receipts.ReceiptUnavailableError)
    assert len(waits.seconds) == limits.tries_max - 1


async def test_a_refused_connection_is_tried_again_and_then_told(tmp_path: Path) -> None:
    file = attachment(f"http://127.0.0.1:{closed_port()}/files/x?{SIGNATURE}")
    assert isinstance(await failure_of(file, tmp_path), receipts.ReceiptUnavailableError)


async def test_another_refusal_is_not_tried_again(tmp_path: Path) -> None:
    async with serving(answers(400)) as server:
        error = await failure_of(attachment(link_to(server)), tmp_path)
    assert isinstance(error, receipts.ReceiptRefusedError)
    assert len(server.requests) == 1


async def test_a_file_announced_too_large_is_not_even_asked_for(tmp_path: Path) -> None:
    async with serving(FINE) as server:
        file = attachment(link_to(server), size=limits.file_bytes_max + 1)
        error = await failure_of(file, tmp_path)
    assert isinstance(error, receipts.ReceiptTooLargeError)
    assert error.rejection.type is ItemFailureType.RECEIPT_FILE_SIZE_LIMIT_EXCEEDED
    assert server.connections == 0


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "not declared"])
async def test_a_file_that_turns_out_too_large_is_not_received_to_the_end(
    *, declared: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "file_bytes_max", len(PDF) - 1)

    async def without_length(writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + PDF)
        await writer.drain()
        return False

    async with serving(FINE if declared else Behaviour(without_length)) as server:
        error = await failure_of(attachment(link_to(server)), tmp_path)
    assert isinstance(error, receipts.ReceiptTooLargeError)
    assert len(server.requests) == 1


@pytest.mark.parametrize("header", ["application/pdf", "text/html"])
async def test_a_web_page_is_never_a_receipt_whatever_its_header_says(header: str, tmp_path: Path) -> None:
    page = answers(200, raw=b"<!DOCTYPE html><html>Sign in</html>", headers={"Content-Type": header})
    async with serving(page) as server:
        error = await failure_of(attachment(link_to(server), media_type=None), tmp_path)
    assert isinstance(error, receipts.ReceiptNotAFileError)


@pytest.mark.parametrize("announced", ["application/pdf", "image/jpeg", "application/vnd.ms-excel"])
async def test_plain_text_in_place_of_an_announced_document_is_refused(
    announced: str, tmp_path: Path
) -> None:
    async with serving(answers(200, raw=b'{"error": "expired"}')) as server:
        error = await failure_of(attachment(link_to(server), media_type=announced), tmp_path)
    assert isinstance(error, receipts.ReceiptNotAFileError)


@pytest.mark.parametrize("announced", ["text/plain", None, "application/octet-stream"])
async def test_plain_text_that_nothing_speaks_against_is_a_receipt(
    announced: str | None, tmp_path: Path
) -> None:
    async with serving(answers(200, raw=b"Taxi 12,50")) as server, downloader(tmp_path) as files:
        stored = await files.download(attachment(link_to(server), media_type=announced))
    assert stored.media_type == "text/plain"


async def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    async with serving(answers(200)) as server:
        error = await failure_of(attachment(link_to(server)), tmp_path)
    assert isinstance(error, receipts.ReceiptEmptyError)


@pytest.mark.parametrize("announced", [len(PDF) - 1, len(PDF) + 1])
async def test_another_size_than_announced_is_refused(announced: int, tmp_path: Path) -> None:
    async with serving(FINE) as server:
        error = await failure_of(attachment(link_to(server), size=announced), tmp_path)
    assert isinstance(error, receipts.ReceiptIncompleteError)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_refused_and_leads_nowhere(status: int, tmp_path: Path) -> None:
    async with (
        serving(FINE) as target,
        serving(answers(status, headers={"Location": link_to(target)})) as server,
    ):
        error = await failure_of(attachment(link_to(server)), tmp_path)
    assert isinstance(error, receipts.ReceiptLinkError)
    assert "its link is redirected." in str(error)
    assert len(server.requests) == 1
    assert target.connections == 0


@pytest.mark.parametrize("target", ["/elsewhere", "", "file:///etc/passwd", "http://[::1"])
async def test_a_redirect_is_refused_wherever_it_leads(target: str, tmp_path: Path) -> None:
    async with serving(answers(302, headers={"Location": target}), FINE) as server:
        error = await failure_of(attachment(link_to(server)), tmp_path)
    assert isinstance(error, receipts.ReceiptLinkError)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "link", ["", "receipt.pdf", "file:///etc/passwd", "http://[::1", "http://256.1.1.1:1/x"]
)
async def test_a_link_that_is_no_web_address_is_refused(link: str, tmp_path: Path) -> None:
    assert isinstance(await failure_of(attachment(link), tmp_path), receipts.ReceiptLinkError)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "inside.example"])
async def test_a_link_into_a_private_network_is_refused_and_nothing_connects(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(FINE) as server:

        def resolve(_host: object, port: int, *_: object, **__: object) -> list[object]:
            return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        async with downloader(tmp_path, allow_private=False) as files:
            with pytest.raises(receipts.ReceiptLinkError, match="private network"):
                await files.download(attachment(f"http://{host}:{server.port}/x"))
    assert server.connections == 0


async def test_a_full_disk_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    async with serving(FINE) as server:
        error = await failure_of(attachment(link_to(server)), tmp_path)
    assert isinstance(error, receipts.ReceiptNotStoredError)
    assert "No space left on device" in str(error)


async def test_a_disk_that_takes_a_part_at_a_time_gets_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:1000]))
    async with serving(FINE) as server, downloader(tmp_path) as files:
        stored = await files.download(attachment(link_to(server)))
    assert stored.path.read_bytes() == PDF


async def test_a_receipt_has_the_rights_of_any_other_file_in_a_folder_that_keeps_others_out(
    tmp_path: Path,
) -> None:
    (tmp_path / "any").touch()
    async with serving(FINE) as server, downloader(tmp_path / "new") as files:
        stored = await files.download(attachment(link_to(server)))
    assert stored.path.stat().st_mode == (tmp_path / "any").stat().st_mode
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


async def test_a_cancelled_download_leaves_nothing(tmp_path: Path) -> None:
    arrived = asyncio.Event()

    async def begin(writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n%PDF-")
        await writer.drain()
        arrived.set()
        await asyncio.Event().wait()
        return False

    async with serving(Behaviour(begin)) as server, Downloader(tmp_path, allow_private=True) as files:
        task = asyncio.create_task(files.download(attachment(link_to(server))))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert stored_in(tmp_path) == []


async def test_no_more_files_are_on_their_way_than_allowed_and_all_arrive(tmp_path: Path) -> None:
    under_way, most, both = 0, 0, asyncio.Barrier(2)

    async def begin(writer: asyncio.StreamWriter) -> bool:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await both.wait()
        under_way -= 1
        return await FINE.act(writer)

    async with (
        serving(*[Behaviour(begin)] * 6) as server,
        Downloader(tmp_path, at_once_max=2, allow_private=True) as files,
    ):
        await asyncio.gather(*(files.download(attachment(link_to(server))) for _ in range(6)))
    assert most == 2
    assert len(stored_in(tmp_path)) == 6


async def test_a_wait_that_the_file_host_asks_for_is_kept(tmp_path: Path) -> None:
    waits = Waits()
    busy = answers(429, headers={"Retry-After": "11"})
    async with serving(busy, FINE) as server, downloader(tmp_path, waits) as files:
        await files.download(attachment(link_to(server)))
    assert waits.seconds == [11.0]
