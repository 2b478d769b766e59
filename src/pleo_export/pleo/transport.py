"""The one place that sends calls to Pleo: limits the rate, maps what aiohttp raises, and has calls repeated."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Self, TypeVar

import aiohttp
import msgspec
from aiolimiter import AsyncLimiter
from yarl import URL

from pleo_export.pleo import limits
from pleo_export.pleo.auth import Credential
from pleo_export.pleo.errors import (
    Facts,
    PleoNoAnswerError,
    PleoUnauthorisedError,
    PleoUnreachableError,
    PleoUnreadableAnswerError,
    error_for_status,
)
from pleo_export.pleo.models import ErrorBody
from pleo_export.pleo.retrying import Before, Retrier, Surroundings, at_any_time

Read = TypeVar("Read")

# What aiohttp raises before the first byte of a request is written: refused, no such name, TLS, connect time-out.
NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
# What it raises later, or without saying when. (Its time-outs and the built-in TimeoutError are one.)
MAYBE_SENT = (aiohttp.ClientError, TimeoutError, OSError)
# msgspec's own, and what a text that is no UTF-8 or an absurdly nested one makes it raise.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_REQUEST_ID_HEADERS = ("x-request-id", "request-id", "x-correlation-id", "traceparent")
_SUCCESS = range(200, 300)
_JSON, _FORM = "application/json;charset=UTF-8", "application/x-www-form-urlencoded"


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds: to connect, without a byte, and for a call as a whole."""

    connect: float = limits.connect_seconds_max
    read: float = limits.read_seconds_max
    whole: float = limits.call_seconds_max

    def for_aiohttp(self) -> aiohttp.ClientTimeout:
        """Return the same as aiohttp wants it."""
        return aiohttp.ClientTimeout(total=self.whole, sock_connect=self.connect, sock_read=self.read)


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call. `path` is already escaped; `repeatable` says that running twice is the same as running once.

    `form` says that the body is a form instead of JSON. `success` is the only status that proves the effect, where an
    answer has no body that would; None: any 2xx. `before` is awaited before every try.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    form: bool = False
    repeatable: bool = True
    success: int | None = None
    before: Before = at_any_time


class Transport:
    """Sends calls with one credential. Use as an async context manager.

    The rate is limited per instance, and Pleo counts per credential: keep one instance for each credential, or give
    those of one credential the same `limiter`.
    """

    def __init__(
        self,
        base: URL,
        credential: Credential,
        around: Surroundings,
        timeouts: Timeouts,
        limiter: AsyncLimiter | None = None,
    ) -> None:
        self._base, self._credential = base, credential
        self._clock, self._called, self._timeouts = around.clock, around.called, timeouts
        self._open_session = around.session
        self.retrier = Retrier(around)
        self._limiter = limiter or rate_limiter()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = self._open_session(
            timeout=self._timeouts.for_aiohttp(), cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, call: Call, read: Callable[[bytes], Read]) -> Read:
        """Send a call, repeating it as far as that is harmless, and return what `read` makes of the answer.

        Raises a PleoError. After a PleoNoAnswerError or PleoUnreadableAnswerError of a call that is not repeatable the
        caller must look whether it had an effect.
        """
        return await self.retrier.run(
            lambda: self._authorised(call, read),
            worth=lambda error: error.may_repeat(repeatable=call.repeatable),
        )

    async def _authorised(self, call: Call, read: Callable[[bytes], Read]) -> Read:
        """Send a call, and once more with another header where Pleo does not accept the first: a 401 has no effect."""
        await self._credential.refreshed_if_needed()
        header = self._credential.header
        try:
            return await self._once(call, read, header)
        except PleoUnauthorisedError:
            await self._credential.refreshed_if_needed(refused=header)
            if self._credential.header == header:
                raise
        return await self._once(call, read, self._credential.header)

    async def _once(self, call: Call, read: Callable[[bytes], Read], authorization: str) -> Read:
        await self._limiter.acquire()
        await call.before()
        assert self._session is not None, "use it as a context manager"
        facts = Facts(method=call.method, path=call.path)
        # The causes are dropped: aiohttp's hold the request with its headers, and so the credential.
        try:
            async with self._session.request(
                call.method,
                URL(str(self._base).rstrip("/") + call.path, encoded=True),
                params=call.query,
                data=call.body,
                headers=_headers(call, authorization),
                allow_redirects=False,
            ) as response:
                facts = _heard(facts, response, self._clock())
                body = await _body(response, facts)
        except NOT_SENT as error:
            self._called(call.method, call.path, None)
            raise PleoUnreachableError(_caused(facts, error)) from None
        except MAYBE_SENT as error:
            self._called(call.method, call.path, None)
            raise PleoNoAnswerError(_caused(facts, error)) from None
        self._called(call.method, call.path, response.status)
        if response.status not in _SUCCESS:
            raise error_for_status(_with_type(facts, body), response.status, repeatable=call.repeatable)
        if call.success is not None and response.status != call.success:
            raise PleoNoAnswerError(msgspec.structs.replace(facts, detail="a proxy may have answered"))
        try:
            return read(body)
        except UNREADABLE:
            detail = f"{_media_type(response)}, {len(body)} bytes, {glimpse(body)}"
            raise PleoUnreadableAnswerError(msgspec.structs.replace(facts, detail=detail)) from None


def _headers(call: Call, authorization: str) -> dict[str, str]:
    headers = {"Accept": "application/json"}
    if authorization:
        headers["Authorization"] = authorization
    if call.body is not None:
        headers["Content-Type"] = _FORM if call.form else _JSON
    return headers


def rate_limiter() -> AsyncLimiter:
    """Let through at most `calls_per_minute_max` calls in any minute.

    A bucket lets through its capacity at once and then its leak; so the leak is what the capacity leaves of the limit.
    """
    leak_per_second = (limits.calls_per_minute_max - limits.calls_burst_max) / 60
    return AsyncLimiter(limits.calls_burst_max, limits.calls_burst_max / leak_per_second)


def _caused(facts: Facts, error: BaseException) -> Facts:
    """Note the kind of a cause, never its text: that may hold addresses and headers."""
    return msgspec.structs.replace(
        facts, detail=type(error).__name__, timed_out=isinstance(error, TimeoutError)
    )


def asked_wait(header: str | None, now: datetime) -> float | None:
    """Return the seconds a Retry-After header asks for (a number, or a date), at most five minutes, else None."""
    text = (header or "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return min(float(text), limits.asked_wait_seconds_max)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return min(max((until - now).total_seconds(), 0.0), limits.asked_wait_seconds_max)


def glimpse(body: bytes) -> str:
    """Tell how an answer begins without telling what it says: a tag's name, else the shape of some characters."""
    start = body[:200].decode("utf-8", "replace").strip()
    if tag := re.match(r"<!?[A-Za-z]{1,20}", start):
        return f"begins with {tag[0]}"
    shape = re.sub(r"[^\W\d_]", "x", re.sub(r"\d", "0", start[:24]))
    return f"begins like {shape!r}" if shape else "empty"


def _heard(facts: Facts, response: aiohttp.ClientResponse, now: datetime) -> Facts:
    ids = [response.headers[name] for name in _REQUEST_ID_HEADERS if name in response.headers]
    return msgspec.structs.replace(
        facts,
        status=response.status,
        request_id=re.sub(r"[^\w.:-]", "?", ids[0])[:128] if ids else None,
        asked_seconds=asked_wait(response.headers.get("Retry-After"), now),
    )


async def _body(response: aiohttp.ClientResponse, facts: Facts) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(limits.chunk_bytes):
        body += chunk
        if len(body) > limits.answer_bytes_max:
            detail = f"more than {limits.answer_bytes_max} bytes"
            raise PleoUnreadableAnswerError(msgspec.structs.replace(facts, detail=detail))
    return bytes(body)


def _with_type(facts: Facts, body: bytes) -> Facts:
    try:
        error = msgspec.json.decode(body, type=ErrorBody)
    except UNREADABLE:
        return facts  # gateways answer without a body, or with HTML
    return msgspec.structs.replace(
        facts, type=error.type or error.error, message=error.message and error.message[:1000]
    )


def _media_type(response: aiohttp.ClientResponse) -> str:
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip()
    return kind if re.fullmatch(r"[\w.+-]{1,60}/[\w.+-]{1,60}", kind) else "no content type"
