"""Trouble with any call on order: late, refused, cut off before or after its effect, or answered by half."""

import asyncio
from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pleo_export.simulator.vocabulary import Trouble

_MAY_BE_STRUCK = ("/v1/", "/v3/", "/files/", "/oauth/")
_BEFORE = {
    Trouble.TOO_MANY_CALLS: 429,
    Trouble.FAILED: 500,
    Trouble.UNAVAILABLE: 503,
    Trouble.CUT: 503,  # that nobody hears
}


@dataclass(slots=True)
class TroubleSettings:
    """`kind` strikes so many `next_calls`, which count down, and then by lot a `share` of all.

    `calls` is a pattern with `*` for method and path. `seed` decides the lots. `retry_after` goes with 429; empty: none.
    """

    kind: Trouble = Trouble.UNAVAILABLE
    calls: str = "* /v3/*"
    next_calls: int = 0
    share: float = 0.0
    seed: int = 0
    latency_seconds: float = 0.0
    retry_after: str = "1"


class Troubles:
    """Who is struck. The same seed strikes the same calls."""

    def __init__(self) -> None:
        self.settings = TroubleSettings()
        self._seed, self._lots = 0, Random(0)  # noqa: S311 chance, not secrecy

    def concerns(self, method: str, path: str) -> bool:
        return path.startswith(_MAY_BE_STRUCK) and fnmatchcase(f"{method} {path}", self.settings.calls)

    def strikes(self) -> bool:
        settings = self.settings
        if settings.next_calls:
            settings.next_calls -= 1
            return True
        if settings.seed != self._seed:
            self._seed, self._lots = settings.seed, Random(settings.seed)  # noqa: S311 chance, not secrecy
        return bool(settings.share) and self._lots.random() < settings.share


class TroubleMiddleware:
    """Stands outside of the log: what is struck before its effect is not in it, what is struck afterwards is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        troubles: Troubles | None = scope["app"].state.world.troubles if scope["type"] == "http" else None
        if troubles is None or not troubles.concerns(scope["method"], scope["path"]):
            await self._app(scope, receive, send)
            return
        if troubles.settings.latency_seconds:
            await asyncio.sleep(troubles.settings.latency_seconds)
        if troubles.strikes():
            await self._strike(troubles.settings, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _strike(self, settings: TroubleSettings, scope: Scope, receive: Receive, send: Send) -> None:
        if (status := _BEFORE.get(settings.kind)) is None:
            start, body = await self._effect(scope, receive)
            answer = _afterwards(settings.kind, start, body)
        else:
            asks = status == _BEFORE[Trouble.TOO_MANY_CALLS] and settings.retry_after
            answer = Response(
                status_code=status, headers={"retry-after": settings.retry_after} if asks else None
            )
        if settings.kind in (Trouble.CUT, Trouble.CUT_AFTER_EFFECT):
            scope["state"]["cut"]()
        await answer(scope, receive, send)

    async def _effect(self, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
        """Let the call take effect and keep its answer."""
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self._app(scope, receive, keep)
        return messages[0], b"".join(message.get("body", b"") for message in messages[1:])


def _afterwards(kind: Trouble, start: Message, body: bytes) -> Response:
    if kind is Trouble.FAILED_AFTER_EFFECT:
        return Response(status_code=502)
    answer = Response(body[: len(body) // 2], start["status"])
    answer.raw_headers += [one for one in start["headers"] if one[0].lower() != b"content-length"]
    return answer
