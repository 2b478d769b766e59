"""An HTTP server on loopback that does to each request what its script says: answers, resets, stalls, cuts."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from pleo_export.pleo.retrying import Surroundings
from pleo_export.pleo.transport import Timeouts

NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
Act = Callable[[asyncio.StreamWriter], Awaitable[bool]]


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Behaviour:
    """What happens to one request; `unread` acts on the connection before the request is read."""

    act: Act
    unread: bool = False


def answers(
    status: int = 200,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    *,
    raw: bytes | None = None,
) -> Behaviour:
    content = raw if raw is not None else json.dumps(body).encode() if body is not None else b""
    given = {"Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})}

    async def act(writer: asyncio.StreamWriter) -> bool:
        lines = [
            f"HTTP/1.1 {status} Whatever",
            *(f"{name}: {value}" for name, value in given.items()),
            "",
            "",
        ]
        writer.write("\r\n".join(lines).encode() + content)
        await writer.drain()
        return len(content) == int(given["Content-Length"])  # a cut answer ends the connection

    return Behaviour(act)


async def _reset(writer: asyncio.StreamWriter) -> bool:
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False


async def _hang_up(writer: asyncio.StreamWriter) -> bool:
    return False


async def _stall(writer: asyncio.StreamWriter) -> bool:
    await asyncio.Event().wait()
    return False


async def _babble(writer: asyncio.StreamWriter) -> bool:
    writer.write(b"this is no HTTP\r\n\r\n")
    await writer.drain()
    return False


RESETS = Behaviour(_reset)
RESETS_UNREAD = Behaviour(_reset, unread=True)
HANGS_UP = Behaviour(_hang_up)
STALLS = Behaviour(_stall)
BABBLES = Behaviour(_babble)
BABBLES_UNREAD = Behaviour(_babble, unread=True)

# Short only where something stalls, and still long enough that a busy machine is not taken for a stalled one.
IMPATIENT = Timeouts(connect=0.2, read=0.15, whole=5.0)


@dataclass
class Server:
    """`script` is used up request by request; its last behaviour stays."""

    script: list[Behaviour]
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    timeouts: Timeouts = field(default_factory=Timeouts)

    def __post_init__(self) -> None:
        if STALLS in self.script:
            self.timeouts = IMPATIENT

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def calls(self) -> list[str]:
        """Method and path of each request that was read."""
        return [f"{request.method} {request.target.partition('?')[0]}" for request in self.requests]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if self.script[0].unread:
            return await self._next().act(writer)
        self.requests.append(await _read(reader))
        return await self._next().act(writer)

    def _next(self) -> Behaviour:
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Request(method, target, headers, await reader.readexactly(int(headers.get("content-length", 0))))


@asynccontextmanager
async def serving(*script: Behaviour) -> AsyncIterator[Server]:
    server = Server(list(script) or [answers()])
    handlers: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(server.handle(reader, writer))
        handlers.add(task)

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
        await listener.wait_closed()


@dataclass
class Waits:
    """Takes the place of waiting: remembers for how long."""

    seconds: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)

    @property
    def around(self) -> Surroundings:
        return Surroundings(clock=lambda: NOW, sleep=self.sleep, random=Random(7))


def closed_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
