"""The log of every call to the public API and to receipts, for tests to judge a client by."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pleo_export.simulator.vocabulary import JsonObject

_WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One answered call; `body` is the parsed body of a write, None where it could not be parsed."""

    sequence: int
    time: datetime
    method: str
    path: str
    query: str
    company_id: str | None
    status: int
    body: Any

    def as_json(self) -> JsonObject:
        return {
            "sequence": self.sequence,
            "time": self.time,
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "companyId": self.company_id,
            "status": self.status,
            "body": self.body,
        }


class Audit:
    """Entries in the order the calls took effect, numbered from 1."""

    def __init__(self) -> None:
        self._entries: list[AuditEntry] = []

    def since(self, sequence: int) -> list[AuditEntry]:
        """All entries with a higher number."""
        return self._entries[sequence:]

    def record(self, scope: Scope, *, time: datetime, status: int, body: bytes) -> None:
        entry = AuditEntry(
            sequence=len(self._entries) + 1,
            time=time,
            method=scope["method"],
            path=_without_token(scope["path"]),
            query=scope["query_string"].decode("latin-1"),
            company_id=scope["state"].get("company_id"),
            status=status,
            body=_parsed(body) if scope["method"] in _WRITING else None,
        )
        self._entries.append(entry)


def _without_token(path: str) -> str:
    """Return a receipt's path with `-` for the signed part, which is a credential."""
    parts = path.split("/")
    if path.startswith("/files/"):
        parts[2] = "-"
    return "/".join(parts)


def _parsed(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


class AuditMiddleware:
    """Writes an entry as an answer begins: by then the call has had its effect, whether it arrives or not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(("/v3/", "/files/")):
            await self._app(scope, receive, send)
            return
        world = scope["app"].state.world
        # A dictionary of this call's own: the server hands the same one to every call.
        scope["state"] = dict(scope.get("state", {}))
        body: list[bytes] = []

        async def listening_receive() -> Message:
            message = await receive()
            if scope["method"] in _WRITING and message["type"] == "http.request":
                body.append(message.get("body", b""))
            return message

        async def recording_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                world.audit.record(scope, time=world.now(), status=message["status"], body=b"".join(body))
            await send(message)

        await self._app(scope, listening_receive, recording_send)
