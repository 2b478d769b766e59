"""The log of every call to the public API, to receipts and for tokens, for tests to judge a client by."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pleo_export.simulator.vocabulary import JsonObject

_WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_AUDITED = ("/v1/", "/v3/", "/files/", "/oauth/")
# Members of bodies that hold credentials; of a form, all but what kind of call it is.
_SECRET_MEMBERS = frozenset({"endpointAuth", "customHeaders"})


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One answered call; `body` is the parsed body of a write without its secrets, None where it could not be parsed."""

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
            body=_recorded(scope["path"], body) if scope["method"] in _WRITING else None,
        )
        self._entries.append(entry)


def _without_token(path: str) -> str:
    """Return a receipt's path with `-` for the signed part, which is a credential."""
    parts = path.split("/")
    if path.startswith("/files/"):
        parts[2] = "-"
    return "/".join(parts)


def _recorded(path: str, body: bytes) -> Any:
    if path.startswith("/oauth/"):
        form = dict(parse_qsl(body.decode("latin-1")))
        return {"grant_type": form["grant_type"]} if "grant_type" in form else None
    try:
        parsed = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if isinstance(parsed, dict):
        parsed |= dict.fromkeys(_SECRET_MEMBERS & parsed.keys(), "-")
    return parsed


class AuditMiddleware:
    """Writes an entry as an answer begins: by then the call has had its effect, whether it arrives or not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(_AUDITED):
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
