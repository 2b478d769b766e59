"""Everything the proxy can do to a call, by name, each with what is to happen then.

"Repeated" means: a call that may run twice is sent again, one that must not is looked for first.
"""

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from http import HTTPStatus

from aiohttp import web

from pleo_export.testing.proxy import mutations
from pleo_export.testing.proxy.exchange import Exchange, Heard

LATE_SECONDS = 0.05
BOMB_BYTES = 96 * 1024 * 1024
_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"

_ONE_FAILS = "the expense fails, and no other"

Act = Callable[[Exchange], Awaitable[web.StreamResponse]]


class Strikes(StrEnum):
    """What a fault can be done to."""

    ANY = "any call"
    JSON = "an answer of JSON"
    LIST = "a page of a list"
    EXPENSES = "a page of expenses"


@dataclass(frozen=True)
class Fault:
    """A fault; `happens` says what is specified to happen where it strikes, `effect` whether the call had its effect."""

    name: str
    happens: str
    act: Act
    effect: bool
    strikes: Strikes = Strikes.ANY


def _refused(status: int, retry_after: str | None = None) -> Act:
    async def act(_: Exchange) -> web.StreamResponse:
        return web.Response(status=status, headers={"Retry-After": retry_after} if retry_after else None)

    return act


async def _reset(exchange: Exchange) -> web.StreamResponse:
    return exchange.reset()


async def _stall(exchange: Exchange) -> web.StreamResponse:
    return await exchange.keep_waiting()


async def _sign_in(_: Exchange) -> web.StreamResponse:
    return web.Response(body=_PAGE, content_type="text/html")


async def _redirect(_: Exchange) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": "http://169.254.169.254/latest/meta-data/"})


async def _late(exchange: Exchange) -> web.StreamResponse:
    heard = await exchange.pass_on()
    await asyncio.sleep(LATE_SECONDS)
    return heard.answer()


async def _reset_after(exchange: Exchange) -> web.StreamResponse:
    await exchange.pass_on()
    return exchange.reset()


async def _half(exchange: Exchange) -> web.StreamResponse:
    return await exchange.half(await exchange.pass_on())


def _failed_after(status: int) -> Act:
    async def act(exchange: Exchange) -> web.StreamResponse:
        await exchange.pass_on()
        return web.Response(status=status)

    return act


def _changed(change: Callable[[Heard], web.StreamResponse]) -> Act:
    async def act(exchange: Exchange) -> web.StreamResponse:
        return change(await exchange.pass_on())

    return act


def _rewritten(rewrite: Callable[[bytes], bytes]) -> Act:
    """Rewrite what was answered; a refusal and an answer without a body pass."""
    return _changed(
        lambda heard: heard.answer(
            rewrite(heard.body) if heard.status == HTTPStatus.OK and heard.body else None
        )
    )


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * BOMB_BYTES, mtime=0)


def _refusals() -> Iterator[Fault]:
    """Yield calls that are refused, or fail on their way."""
    for name, value in {
        "no Retry-After": None,
        "Retry-After 1": "1",
        "Retry-After 0": "0",
        "a negative Retry-After": "-30",
        "a huge Retry-After": "99999999999",
        "a date in Retry-After": "Wed, 21 Oct 2065 07:28:00 GMT",
        "words in Retry-After": "soon, please",
    }.items():
        yield Fault(
            f"429, {name}",
            "repeated after the wait that was asked for, at most five minutes",
            _refused(429, value),
            effect=False,
        )
    for status in (500, 503):
        yield Fault(f"{status} before the effect", "repeated", _refused(status), effect=False)
    for status in (502, 504):
        yield Fault(f"{status} after the effect", "repeated", _failed_after(status), effect=True)
    yield Fault("reset before the effect", "repeated", _reset, effect=False)
    yield Fault("reset after the effect", "repeated", _reset_after, effect=True)
    yield Fault("no answer", "repeated after the time-out", _stall, effect=False)


def _other_answers() -> Iterator[Fault]:
    """Yield answers that are something else than what was answered."""
    yield Fault("half an answer", "repeated", _half, effect=True)
    yield Fault("late", "nothing", _late, effect=True)
    yield Fault("a page to sign in", "repeated; in place of a file it is refused", _sign_in, effect=False)
    yield Fault("a redirect", "never followed: the credential would go along", _redirect, effect=False)
    yield Fault(
        "HTML in place of the answer",
        "repeated; in place of a file it is refused",
        _changed(lambda heard: heard.answer(_PAGE, Content_Type="text/html")),
        effect=True,
    )
    yield Fault(
        "an empty answer",
        "repeated; in place of a file it is refused",
        _changed(lambda heard: heard.answer(b"")),
        effect=True,
    )
    yield Fault(
        "gzip bomb",
        "given up at the largest size an answer may have, then repeated; in place of a file it is refused",
        _changed(lambda heard: heard.answer(_bomb(), Content_Encoding="gzip")),
        effect=True,
    )
    yield Fault(
        "wrong content type",
        "nothing: what it says decides",
        _changed(lambda heard: heard.answer(Content_Type="text/plain")),
        effect=True,
    )


def _other_content() -> Iterator[Fault]:
    """Yield answers whose JSON, or whose list, is not as it was."""
    json = {
        "truncated JSON": ("repeated", mutations.truncated),
        "no UTF-8": ("repeated", mutations.no_utf8),
        "nested beyond reason": ("repeated", mutations.nested),
        "unknown members": ("nothing: Pleo may add some at any time", mutations.unknown_members),
    }
    for name, (happens, rewrite) in json.items():
        yield Fault(name, happens, _rewritten(rewrite), effect=True, strikes=Strikes.JSON)
    lists = {
        "duplicated elements": ("nothing", mutations.duplicated),
        "reordered elements": ("nothing", mutations.reordered),
        "unknown enum values": (
            "what has an unknown status is left alone, an expense of an unknown type fails",
            mutations.unknown_enums,
        ),
        "a cursor that was never given": (
            "the list is given up, the next run reads it again",
            mutations.stale_cursor,
        ),
        "no cursor though there is more": ("repeated", mutations.no_cursor),
    }
    for name, (happens, rewrite) in lists.items():
        yield Fault(name, happens, _rewritten(rewrite), effect=True, strikes=Strikes.LIST)
    yield Fault(
        "pages in a circle",
        "the list is given up, the next run reads it again",
        _in_a_circle,
        effect=True,
        strikes=Strikes.LIST,
    )


def _impossible_money() -> Iterator[Fault]:
    """Yield expenses whose money cannot be."""
    amounts = {
        "a broken amount": b"10.5",
        "an exponent beyond reason": b"1e400",
        "an amount of thirty digits": b"9" * 30,
        "no amount": b"null",
    }
    for name, amount in amounts.items():
        rewrite = mutations.amounts_of_the_first(amount)
        yield Fault(name, _ONE_FAILS, _rewritten(rewrite), effect=True, strikes=Strikes.EXPENSES)
    yield Fault(
        "an amount as text",
        "nothing: text is exact",
        _rewritten(mutations.amounts_of_the_first(rb'"\1"')),
        effect=True,
        strikes=Strikes.EXPENSES,
    )
    yield Fault(
        "an unknown currency",
        _ONE_FAILS,
        _rewritten(mutations.currency_of_the_first),
        effect=True,
        strikes=Strikes.EXPENSES,
    )


async def _in_a_circle(exchange: Exchange) -> web.StreamResponse:
    """Hand out a cursor that leads to the page it stands on."""
    heard = await exchange.pass_on()
    return heard.answer(mutations.circle(heard.body, exchange.query.get("after")))


FAULTS = {
    fault.name: fault for fault in (*_refusals(), *_other_answers(), *_other_content(), *_impossible_money())
}
