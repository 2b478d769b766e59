"""One call on its way through the proxy, as a fault sees it."""

import asyncio
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

# What belongs to one connection and not to the message, and what is said anew when the message is sent on.
_OF_THE_CONNECTION = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "content-length"}
)


@dataclass(frozen=True)
class Heard:
    """An answer as it came from behind the proxy."""

    status: int
    headers: CIMultiDict[str]
    body: bytes

    def answer(self, body: bytes | None = None, **headers: str) -> web.Response:
        """Return it, or another body in its place; underscores in names of headers stand for hyphens."""
        changed = self.headers.copy()
        for name, value in headers.items():
            changed[name.replace("_", "-")] = value
        return web.Response(status=self.status, headers=changed, body=self.body if body is None else body)


class Exchange:
    """A call that waits for its answer. Nothing has happened yet behind the proxy until it is passed on."""

    def __init__(self, request: web.BaseRequest, target: URL, session: aiohttp.ClientSession) -> None:
        self._request, self._target, self._session = request, target, session

    @property
    def query(self) -> Mapping[str, str]:
        """What the call asks for after the question mark."""
        return self._request.query

    async def pass_on(self) -> Heard:
        """Let the call have its effect, and return the answer. The caller's `Host` goes along."""
        request = self._request
        async with self._session.request(
            request.method,
            URL(str(self._target).rstrip("/") + request.raw_path, encoded=True),
            headers=_kept(request.headers),
            data=await request.content.read(),
            allow_redirects=False,
        ) as answer:
            return Heard(answer.status, _kept(answer.headers), await answer.read())

    async def keep_waiting(self) -> web.StreamResponse:
        """Say nothing until the caller has gone; the server then cancels this."""
        await asyncio.Event().wait()
        raise AssertionError("nothing sets it")

    def reset(self) -> web.StreamResponse:
        """Reset the connection without an answer."""
        transport = self._request.transport
        if transport is not None:
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        return web.Response()

    async def half(self, heard: Heard) -> web.StreamResponse:
        """Announce the whole answer, send half of it (of an empty one nothing), and close the connection."""
        answer = web.StreamResponse(status=heard.status, headers=heard.headers)
        answer.content_length = max(len(heard.body), 2)
        await answer.prepare(self._request)
        await answer.write(heard.body[: len(heard.body) // 2])
        if self._request.transport is not None:
            self._request.transport.close()
        return answer


def _kept(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict(
        (name, value) for name, value in headers.items() if name.lower() not in _OF_THE_CONNECTION
    )
