"""Downloads receipts: streamed to disk, checked by content, without credentials, and never from inside our network."""

import asyncio
import hashlib
import os
import re
import secrets
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

import aiohttp
from yarl import URL

from pleo_export.domain.entry import Attachment, StoredFile
from pleo_export.pleo import limits
from pleo_export.pleo.addresses import PrivateAddressError, PublicResolver, is_public
from pleo_export.pleo.content import HEAD_BYTES, HTML, TEXT, media_type_of, media_type_of_head
from pleo_export.pleo.receipts import (
    ReceiptEmptyError,
    ReceiptError,
    ReceiptGoneError,
    ReceiptIncompleteError,
    ReceiptLinkError,
    ReceiptNotAFileError,
    ReceiptNotStoredError,
    ReceiptRefusedError,
    ReceiptTooLargeError,
    ReceiptUnavailableError,
)
from pleo_export.pleo.retrying import Retrier, Surroundings
from pleo_export.pleo.transport import MAYBE_SENT, Timeouts, asked_wait

_PLAIN = re.compile(r"[!-~]*")  # what a link may consist of as it is
# A signed link leads to the file itself, so a redirect can only lead astray.
_REDIRECTS = (301, 302, 303, 307, 308)
# Announced like this, a file of plain text is an error message in place of the receipt.
_NO_TEXT = ("image/", "application/pdf", "application/msword", "application/vnd.")


class Downloader:
    """Downloads into `folder`, which is made where it is missing. Use as an async context manager.

    At most `at_once_max` files are on their way, each by a connection of its own. `allow_private` lets links lead to
    this machine or its network: only for a Pleo that itself runs there.
    """

    def __init__(
        self,
        folder: Path,
        *,
        at_once_max: int = limits.files_at_once_max,
        allow_private: bool = False,
        around: Surroundings | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # receipts are personal data
        self._folder, self._allow_private = folder, allow_private
        self._around = around or Surroundings()
        self._timeouts = timeouts or Timeouts(whole=limits.file_seconds_max)
        self._retrier = Retrier(self._around)
        self._slots = asyncio.Semaphore(at_once_max)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        resolver = None if self._allow_private else PublicResolver()
        self._session = self._around.session(
            connector=aiohttp.TCPConnector(resolver=resolver),
            timeout=self._timeouts.for_aiohttp(),
            cookie_jar=aiohttp.DummyCookieJar(),
            # As it lies there: the announced size is that of the file, and nothing can unpack itself on our disk.
            headers={"Accept-Encoding": "identity"},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def download(self, attachment: Attachment) -> StoredFile:
        """Return the file, which from then on is the caller's to delete. After any failure nothing stays on disk.

        At most 30 MiB (31,457,280 bytes). Raises a ReceiptError, whose sentence is for the bookkeeper.
        """
        if attachment.size is not None and attachment.size > limits.file_bytes_max:
            raise ReceiptTooLargeError(attachment.position)
        return await self._retrier.run(
            lambda: self._in_turn(attachment), worth=lambda error: error.may_repeat(repeatable=True)
        )

    async def _in_turn(self, attachment: Attachment) -> StoredFile:
        async with self._slots:
            return await self._once(attachment)

    async def _once(self, attachment: Attachment) -> StoredFile:
        with ExitStack() as undo:
            try:
                spool = _Spool(self._folder)
                undo.callback(spool.discard)
                await self._fetch(attachment, spool)
                stored = await _checked(attachment, spool)
            except _DiskError as error:
                raise ReceiptNotStoredError(attachment.position, error.reason) from None
            undo.pop_all()
            return stored

    async def _fetch(self, attachment: Attachment, spool: "_Spool") -> None:
        """Receive the file. Causes are dropped, because aiohttp's tell the link, which is a key to the file."""
        position = attachment.position
        try:
            await self._receive(self._allowed(attachment.url, position), position, spool)
        except aiohttp.ClientConnectorDNSError as error:
            if isinstance(error.os_error, PrivateAddressError):
                raise ReceiptLinkError(position, "leads into a private network") from None
            raise ReceiptUnavailableError(position, type(error).__name__) from None
        except aiohttp.InvalidURL:
            raise ReceiptLinkError(position, "is not a web address") from None
        except MAYBE_SENT as error:
            raise ReceiptUnavailableError(
                position, type(error).__name__, timed_out=isinstance(error, TimeoutError)
            ) from None

    async def _receive(self, url: URL, position: int, spool: "_Spool") -> None:
        assert self._session is not None, "use it as a context manager"
        async with self._session.get(url, allow_redirects=False) as response:
            if response.status in _REDIRECTS:
                raise ReceiptLinkError(position, "is redirected")
            if response.status != 200:  # noqa: PLR2004
                asked = asked_wait(response.headers.get("Retry-After"), self._around.clock())
                raise _refusal(position, response.status, asked)
            if (response.content_length or 0) > limits.file_bytes_max:
                raise ReceiptTooLargeError(position)
            async for chunk in response.content.iter_chunked(limits.chunk_bytes):
                if spool.size + len(chunk) > limits.file_bytes_max:
                    raise ReceiptTooLargeError(position)
                spool.write(chunk)

    def _allowed(self, link: str, position: int) -> URL:
        # A signature covers the link as it was written, so one that can be sent unchanged is sent unchanged.
        try:
            url = URL(link, encoded=_PLAIN.fullmatch(link) is not None)
        except ValueError:
            raise ReceiptLinkError(position, "is not a web address") from None
        if url.scheme not in ("http", "https") or not url.host:
            raise ReceiptLinkError(position, "is not a web address")
        if not self._allow_private and not is_public(url.host):
            raise ReceiptLinkError(position, "leads into a private network")
        return url


def _refusal(position: int, status: int, asked: float | None) -> ReceiptError:
    if status in (401, 403, 404, 410):
        return ReceiptGoneError(position, status)
    if status >= 500 or status in (408, 429):  # noqa: PLR2004
        return ReceiptUnavailableError(position, f"HTTP {status}", asked=asked)
    return ReceiptRefusedError(position, status)


async def _checked(attachment: Attachment, spool: "_Spool") -> StoredFile:
    position = attachment.position
    spool.finish()
    if spool.size == 0:
        raise ReceiptEmptyError(position)
    known = media_type_of_head(spool.head)
    kind: str = known if known is not None else await asyncio.to_thread(spool.media_type)
    if kind == HTML:
        raise ReceiptNotAFileError(position, "a web page")
    if kind == TEXT and (attachment.media_type or "").lower().startswith(_NO_TEXT):
        raise ReceiptNotAFileError(position, "a text message")
    if attachment.size is not None and attachment.size != spool.size:
        raise ReceiptIncompleteError(position, attachment.size, spool.size)
    return StoredFile(
        attachment=attachment, path=spool.path, media_type=kind, size=spool.size, sha256=spool.sha256
    )


class _DiskError(Exception):
    """Our disk failed. A class of its own because aiohttp's errors are OSErrors too."""

    def __init__(self, error: OSError) -> None:
        self.reason = os.strerror(error.errno) if error.errno else type(error).__name__
        super().__init__(self.reason)


class _Spool:
    """A file that grows chunk by chunk. Writing 64 KiB into the page cache takes less time than handing it to a thread.

    The folder keeps others out, so the file has the rights of any other: the ledger may link it among its own.
    """

    def __init__(self, folder: Path) -> None:
        name = f"{folder}/receipt-{secrets.token_hex(8)}"
        try:
            self._descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise _DiskError(error) from None
        self.path, self.size, self._hash = Path(name), 0, hashlib.sha256()
        self.head = b""

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, chunk: bytes) -> None:
        left = memoryview(chunk)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            raise _DiskError(error) from None
        if len(self.head) < HEAD_BYTES:
            self.head += chunk[: HEAD_BYTES - len(self.head)]
        self._hash.update(chunk)
        self.size += len(chunk)

    def finish(self) -> None:
        try:
            self._close()
        except OSError as error:
            raise _DiskError(error) from None

    def media_type(self) -> str:
        try:
            return media_type_of(self.path)
        except OSError as error:
            raise _DiskError(error) from None

    def discard(self) -> None:
        with suppress(OSError):  # what could not be stored is thrown away anyhow
            self._close()
        self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
