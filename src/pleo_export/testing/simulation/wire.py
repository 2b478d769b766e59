"""The network between the program and Pleo: what aiohttp's session looks like, with the simulator's application behind it."""

import asyncio
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
import msgspec
from multidict import CIMultiDict
from yarl import URL

from pleo_export.testing.simulation.process import current
from pleo_export.testing.simulation.weather import Http, Weather

_ENCODER = msgspec.json.Encoder(decimal_format="number")
READ_SECONDS = 30.0
PAGE = b"<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>"
_ANY = (
    Http.REFUSED,
    Http.LOST_BEFORE,
    Http.TIMED_OUT_BEFORE,
    Http.LIMITED,
    Http.FAILED_BEFORE,
    Http.LOST_AFTER,
    Http.TIMED_OUT_AFTER,
    Http.FAILED_AFTER,
    Http.NOT_JSON,
)
_OF_READING = (*_ANY, Http.TRUNCATED, Http.REPEATED, Http.STALE_CURSOR)
_OF_WRITING = (*_ANY, Http.TRUNCATED)


class Answer:
    """What the program sees of an answer."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, CIMultiDict(headers), body
        self.content = self
        self.content_length = int(headers.get("content-length", len(body)))

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Yield the body in pieces; what is announced and does not come is missed at the end."""
        for start in range(0, len(self.body), size):
            yield self.body[start : start + size]
        if len(self.body) < self.content_length:
            raise aiohttp.ClientPayloadError


class _Exchange:
    """A call that is sent once its answer is waited for."""

    def __init__(self, call: Coroutine[Any, Any, Answer]) -> None:
        self._call = call

    async def __aenter__(self) -> Answer:
        return await self._call

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Let go of the answer."""


class Pleo:
    """The simulated Pleo, reached without a network: one call at a time, the whole of it at once."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def call(
        self, method: str, path: str, *, query: str = "", body: bytes | None = None, key: str = ""
    ) -> Answer:
        """Call the application; `key` is an API key."""
        headers = {"authorization": "Basic " + b64encode(f"{key}:".encode()).decode()} if key else {}
        return await self.asgi(method, path, query, body, headers)

    async def control(self, method: str, path: str, body: object = None) -> Any:
        """Use the test's own hands; return the JSON."""
        sent = None if body is None else _ENCODER.encode(body)
        answer = await self.call(method, f"/control/{path}", body=sent)
        assert answer.status < 300, answer.body  # noqa: PLR2004
        return msgspec.json.decode(answer.body)

    async def asgi(
        self, method: str, path: str, query: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        """Hand one request to the application."""
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "server": ("127.0.0.1", 80),
            "headers": [(name.lower().encode(), text.encode()) for name, text in headers.items()]
            + [(b"content-type", b"application/json")],
            "state": {},
        }
        sent: list[Any] = []

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": body or b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        told = {name.decode(): text.decode() for name, text in sent[0]["headers"]}
        return Answer(sent[0]["status"], told, b"".join(message.get("body", b"") for message in sent[1:]))


class Wire:
    """The way to Pleo and back, in any weather. `tell` is told of every call and of what became of it."""

    def __init__(self, pleo: Pleo, weather: Weather, tell: Callable[[str], None]) -> None:
        self._pleo, self._weather, self._tell = pleo, weather, tell
        self.strangers: Mapping[str, str] = {}  # by expense, the other company that Pleo says it is of
        self.lost_files: set[str] = set()  # names of receipts whose download had a fault

    def session(self, **_settings: object) -> Any:
        """Return what stands for aiohttp's session."""
        return _Session(self)

    async def send(self, method: str, url: URL, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        """Send a call through the weather."""
        path, name = url.raw_path, f"{method} {_short(url)}"
        process = current()
        process.reached(f"{name} (before)")
        file = path.startswith("/files/")
        fault = self._weather.http(_now(), _OF_READING if method == "GET" and not file else _OF_WRITING)
        if fault and file:
            self.lost_files.add(path.rsplit("/", 1)[1])
        await asyncio.sleep(self._weather.latency())
        process.must_live()
        early = await self._instead(name, fault)
        if early is None:
            answer = await self._pleo.asgi(method, path, url.raw_query_string, body, headers)
            self._tell(f"{name} → {answer.status}" + (f", {fault.value}" if fault else ""))
            process.reached(f"{name} (after)")
            early = await self._spoilt(answer, fault)
        await asyncio.sleep(self._weather.latency())
        await process.awake()
        return early

    async def _instead(self, name: str, fault: Http | None) -> Answer | None:
        """Return or raise what comes in place of the call, where it never arrives."""
        if fault in (Http.REFUSED, Http.LOST_BEFORE, Http.TIMED_OUT_BEFORE, Http.LIMITED, Http.FAILED_BEFORE):
            assert fault is not None
            self._tell(f"{name}: {fault.value}")
        match fault:
            case Http.REFUSED:
                raise aiohttp.ConnectionTimeoutError
            case Http.LOST_BEFORE:
                raise aiohttp.ServerDisconnectedError
            case Http.TIMED_OUT_BEFORE:
                await asyncio.sleep(READ_SECONDS)
                raise aiohttp.SocketTimeoutError
            case Http.LIMITED:
                return Answer(429, {"Retry-After": self._weather.http_wait()}, b"")
            case Http.FAILED_BEFORE:
                return Answer(503, {"Content-Type": "text/html"}, PAGE)
            case _:
                return None

    async def _spoilt(self, answer: Answer, fault: Http | None) -> Answer:
        """Return or raise what arrives of an answer."""
        if self.strangers:
            answer = _with_strangers(answer, self.strangers)
        match fault:
            case Http.LOST_AFTER:
                raise aiohttp.ServerDisconnectedError
            case Http.TIMED_OUT_AFTER:
                await asyncio.sleep(READ_SECONDS)
                raise aiohttp.SocketTimeoutError
            case Http.FAILED_AFTER:
                return Answer(502, {"Content-Type": "text/html"}, PAGE)
            case Http.TRUNCATED:
                return Answer(answer.status, dict(answer.headers), answer.body[: len(answer.body) // 2])
            case Http.NOT_JSON:
                return Answer(200, {"Content-Type": "text/html"}, PAGE)
            case Http.REPEATED | Http.STALE_CURSOR:
                return _worse_page(answer, fault)
            case _:
                return answer


class _Session:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def request(self, method: str, url: URL, **call: Any) -> _Exchange:
        query = urlencode(call.get("params") or ())
        full = URL(f"{url}?{query}" if query else str(url), encoded=True)
        return _Exchange(self._wire.send(method, full, call.get("data"), call.get("headers") or {}))

    def get(self, url: URL, **call: Any) -> _Exchange:
        return self.request("GET", url, **call)

    async def close(self) -> None:
        """Close nothing."""

    async def __aenter__(self) -> Self:
        return self


class _Page(msgspec.Struct):
    """A page of a list, its elements left as they were written."""

    data: list[msgspec.Raw]
    pagination: dict[str, Any] = {}


def _worse_page(answer: Answer, fault: Http) -> Answer:
    if b'"pagination"' not in answer.body:
        return answer
    page = msgspec.json.decode(answer.body, type=_Page)
    if not page.data:
        return answer
    if fault is Http.REPEATED:
        page.data.append(page.data[0])
    else:
        page.pagination |= {"hasNextPage": True, "endCursor": page.pagination["startCursor"]}
    return Answer(answer.status, {}, msgspec.json.encode(page))


def _with_strangers(answer: Answer, strangers: Mapping[str, str]) -> Answer:
    """Let expenses be another company's, as a Pleo that errs would send them."""
    if b'"accountingEntryLines"' not in answer.body:
        return answer
    page = msgspec.json.decode(answer.body, type=_Page)
    for place, raw in enumerate(page.data):
        for reference, company_id in strangers.items():
            if f'"accountingEntryId":"{reference}"'.encode() in bytes(raw):
                other = re.sub(rb'"companyId":"[^"]*"', f'"companyId":"{company_id}"'.encode(), bytes(raw))
                page.data[place] = msgspec.Raw(other)
    return Answer(answer.status, {}, msgspec.json.encode(page))


def _short(url: URL) -> str:
    """Tell a call without what is secret in it."""
    parts = url.raw_path.split("/")
    if parts[1] == "files":
        return f"/files/…/{parts[3]}"
    return "/".join(part[:8] if len(part) == 36 else part for part in parts)  # noqa: PLR2004 an id


def _now() -> float:
    return asyncio.get_running_loop().time()
