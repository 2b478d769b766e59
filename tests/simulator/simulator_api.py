"""Calls to a simulator inside the process, without a socket."""

import asyncio
import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from pleo_export.simulator.companies import Company
from pleo_export.simulator.server import create_app
from pleo_export.simulator.world import NewCompany, World

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_time(self, **duration: int) -> None:
        self.now += timedelta(**duration)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def refusal(self) -> tuple[int, str]:
        return self.status, self.json["type"]


class Api:
    """A simulator with one company, and a caller that shows the company's access token."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.world = World(clock=self.clock, seed=1)
        self._app = create_app(self.world)
        self.company = self.world.add_company(NewCompany(name="Acme"))
        self.authorization: str | None = bearer(self.company)
        self.cuts = 0

    async def call(self, method: str, path: str, body: object = None, **query: object) -> Answer:
        """Send `body` as JSON, or as it is if it is bytes."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return await self._send(method, path, content, "application/json;charset=UTF-8", query)

    async def form(self, path: str, **fields: str) -> Answer:
        return await self._send(
            "POST", path, urlencode(fields).encode(), "application/x-www-form-urlencoded", {}
        )

    def _cut(self) -> None:
        self.cuts += 1

    async def _send(
        self, method: str, path: str, content: bytes, content_type: str, query: dict[str, object]
    ) -> Answer:
        parts = urlsplit(path)
        headers = [(b"host", b"pleo.test"), (b"content-type", content_type.encode())]
        if self.authorization is not None:
            headers.append((b"authorization", self.authorization.encode()))
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "root_path": "",
            "query_string": (parts.query or urlencode(query, doseq=True)).encode(),
            "headers": headers,
            "state": {"cut": self._cut},
        }
        sent: list[dict[str, Any]] = []

        incoming = [{"type": "http.request", "body": content, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if not incoming:
                await asyncio.Event().wait()  # a client that stays connected
            return incoming.pop()

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], answered, b"".join(message.get("body", b"") for message in sent[1:]))

    async def get(self, path: str, **query: object) -> Answer:
        return await self.call("GET", path, **query)

    async def post(self, path: str, body: object = None, **query: object) -> Answer:
        return await self.call("POST", path, body, **query)

    async def put(self, path: str, body: object) -> Answer:
        return await self.call("PUT", path, body)

    async def expenses(self, count: int = 3, *, seed: int = 1, scenario: str = "plain") -> list[str]:
        order = {"seed": seed, "count": count, "scenario": scenario}
        answer = await self.post(f"/control/companies/{self.company.id}/expenses:generate", order)
        assert answer.status == 201, answer.content
        ids: list[str] = answer.json["ids"]
        return ids

    async def press_export(self, *entry_ids: str) -> str:
        """The id of the new job; without ids, everything that is not exported."""
        order = {"accountingEntryIds": entry_ids} if entry_ids else {}
        answer = await self.post(f"/control/companies/{self.company.id}/export", order)
        assert answer.status == 201, answer.content
        job_id: str = answer.json["data"]["id"]
        return job_id

    async def job_in_progress(self, count: int = 3) -> str:
        await self.expenses(count)
        job_id = await self.press_export()
        assert (await self.event(job_id, "started")).status == 202
        return job_id

    async def event(self, job_id: str, event: str, **reason: str) -> Answer:
        return await self.post("/v3/export-job-events", {"jobId": job_id, "event": event, **reason})

    async def job(self, job_id: str) -> Any:
        return (await self.get(f"/v3/export-jobs/{job_id}")).json["data"]

    async def job_items(self, job_id: str) -> list[Any]:
        data: list[Any] = (await self.get(f"/v3/export-jobs/{job_id}/items", limit=100)).json["data"]
        return data

    async def update(self, job_id: str, *changes: object) -> Answer:
        return await self.put(f"/v3/export-jobs/{job_id}/items", list(changes))

    async def export_items(self, job_id: str) -> list[Any]:
        data: list[Any] = (await self.get("/v3/export-items", job_id=job_id, limit=100)).json["data"]
        return data

    async def seen(self) -> Any:
        return (await self.get(f"/control/companies/{self.company.id}")).json


def bearer(company: Company) -> str:
    return f"Bearer {company.access_token}"


def basic(user: str, password: str = "") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
