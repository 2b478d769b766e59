"""A small server for the proxy to stand in front of: one list of two pages, and a log of what took effect."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from pleo_export.testing.proxy import FaultProxy, Order, Plan, Rate, Route

LIST = Route("read the list", "GET", "/things")
MAKE = Route("make a thing", "POST", "/things")
FIRST, SECOND = (
    {"id": str(number), "status": "new", "price": {"currency": "EUR", "value": number * 100}}
    for number in (1, 2)
)


@dataclass
class Target:
    calls: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.calls.append(f"{request.method} {request.raw_path} {(await request.read()).decode()}".strip())
        self.hosts.add(request.headers["Host"])
        if request.method == "POST":
            return web.json_response({"data": FIRST})
        if "after" in request.query:
            return web.json_response(_page(SECOND, cursor="end", more=False))
        return web.json_response(_page(FIRST, SECOND, cursor="one", more=True))


def _page(*things: Any, cursor: str, more: bool) -> Any:
    return {"data": things, "pagination": {"endCursor": cursor, "hasNextPage": more}}


@dataclass
class Caller:
    """A caller of the target through the proxy; each call has a connection of its own."""

    target: Target
    proxy: FaultProxy
    http: aiohttp.ClientSession

    async def read(self, query: str = "") -> tuple[int, bytes]:
        async with self.http.get(
            URL(f"{self.proxy.url}/things{query}", encoded=True), allow_redirects=False
        ) as answer:
            return answer.status, await answer.read()

    async def make(self) -> int:
        async with self.http.post(f"{self.proxy.url}/things", data=b"one") as answer:
            return answer.status


@asynccontextmanager
async def calling(*orders: Order, seed: int = 0) -> AsyncIterator[Caller]:
    target, server = Target(), None
    runner = web.ServerRunner(server := web.Server(target.handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        async with (
            FaultProxy(f"http://{host}:{port}", Plan(orders, seed)) as proxy,
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True), timeout=aiohttp.ClientTimeout(total=2)
            ) as http,
        ):
            yield Caller(target, proxy, http)
    finally:
        await server.shutdown()
        await runner.cleanup()


def rate_of(**values: Any) -> Rate:
    return Rate("made up", **values)
