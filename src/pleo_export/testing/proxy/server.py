"""The proxy itself: an HTTP server on this machine in front of a base URL."""

from contextlib import AsyncExitStack
from typing import Self

import aiohttp
from aiohttp import web
from yarl import URL

from pleo_export.testing.proxy.exchange import Exchange
from pleo_export.testing.proxy.plan import Plan


class FaultProxy:
    """Lets every call through to `target`, unless the plan strikes it. Use as an async context manager.

    `url` is where it listens then, on a free port of 127.0.0.1. Another plan may be put in the place of `plan` at any time.
    The target sees the caller's own `Host`, so that the links it makes lead through the proxy as well.
    """

    def __init__(self, target: str, plan: Plan) -> None:
        self._target, self.plan = URL(target), plan
        self._running = AsyncExitStack()
        self.url = ""

    async def __aenter__(self) -> Self:
        session = aiohttp.ClientSession(
            # A connection for each call: one that died would have some calls sent twice, or none.
            connector=aiohttp.TCPConnector(force_close=True),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept-Encoding", "Content-Type"),
        )
        await self._running.enter_async_context(session)

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            exchange = Exchange(request, self._target, session)
            fault = self.plan.strike(request.method, request.path)
            if fault is not None:
                return await fault.act(exchange)
            return (await exchange.pass_on()).answer()

        server = web.Server(handle, handler_cancellation=True)
        runner = web.ServerRunner(server, shutdown_timeout=0)
        await runner.setup()
        self._running.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._running.aclose()
