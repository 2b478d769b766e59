"""A server that costs next to nothing a call: enough of HTTP/1.1 for well-behaved clients, on one event loop."""

import asyncio
import math
import selectors
from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec


class Request(NamedTuple):
    """A call as it came. `path` and `query` are decoded; `headers` have lower-case names."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes

    def asked(self, name: str) -> str | None:
        return next((value for key, value in self.query if key == name), None)


class Answer(NamedTuple):
    """What is answered, after so many seconds; `done` is called just before that."""

    status: int
    body: bytes = b""
    delay: float = 0.0
    done: Callable[[], None] | None = None
    headers: str = ""
    kind: str = "application/json"


Handler = Callable[[Request], Answer]


def answer(status: int, value: object = None, *, delay: float = 0.0, headers: str = "") -> Answer:
    return Answer(status, msgspec.json.encode(value), delay, headers=headers)


class ServerProtocol(asyncio.Protocol):
    """One connection: requests one after the other."""

    def __init__(self, handler: Handler) -> None:
        self._handler, self._loop = handler, asyncio.get_running_loop()
        self._received = bytearray()
        self._transport: asyncio.WriteTransport
        self._busy, self._continued = False, False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._busy:
            self._serve()

    def _serve(self) -> None:
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        first, *lines = self._received[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
        end += 4
        if "chunked" in headers.get("transfer-encoding", ""):
            found = _unchunked(self._received, end)
            body, after = found or (b"", 0)
        else:
            after = end + int(headers.get("content-length", 0))
            body = bytes(self._received[end:after])
            after = after if len(self._received) >= after else 0
        if not after:
            self._please_go_on(headers)
            return
        del self._received[:after]
        self._busy, self._continued = True, False
        method, target, _ = first.split(" ")
        parts = urlsplit(target)
        given = self._handler(Request(method, unquote(parts.path), parse_qsl(parts.query), headers, body))
        if given.delay:
            self._loop.call_later(given.delay, self._send, given, method)
        else:
            self._send(given, method)

    def _please_go_on(self, headers: dict[str, str]) -> None:
        """Tell a client that asks first that its body is welcome."""
        if headers.get("expect", "").lower() == "100-continue" and not self._continued:
            self._continued = True
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _send(self, given: Answer, method: str) -> None:
        if given.done is not None:
            given.done()
        head = (
            f"HTTP/1.1 {given.status} {HTTPStatus(given.status).phrase}\r\nContent-Type: {given.kind}\r\n"
            f"Content-Length: {len(given.body)}\r\n{given.headers}\r\n"
        ).encode()
        self._transport.write(head if method == "HEAD" else head + given.body)
        self._busy = False
        if self._received:
            self._serve()


def _unchunked(received: bytearray, place: int) -> tuple[bytes, int] | None:
    """Return a body that came in chunks and where it ends, or None while it is not complete."""
    body = bytearray()
    while True:
        line = received.find(b"\r\n", place)
        if line < 0:
            return None
        size = int(bytes(received[place:line]).partition(b";")[0], 16)
        start, place = line + 2, line + 4 + size
        if len(received) < place:
            return None
        if size == 0:
            return bytes(body), place
        body += received[start : start + size]


class PunctualSelector(selectors.EpollSelector):
    """Wakes in time: epoll counts in milliseconds, rounded up, so that 20 ms would become 21. Spins for the rest."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout > 0:
            timeout = math.floor(timeout * 1e3) / 1e3
        return super().select(timeout)


def run_server(handler: Handler, port: int, began: Callable[[int], None]) -> None:
    """Serve until the process is ended; `began` is told the port."""

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: ServerProtocol(handler), "127.0.0.1", port, backlog=4096)
        began(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(PunctualSelector())) as runner:
        runner.run(serve())
