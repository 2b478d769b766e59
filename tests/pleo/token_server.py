"""A small authorisation server on loopback that replaces tokens as Pleo does, counts, and misbehaves when told to.

It also answers the calls about the installation and the company, to whoever shows the current access token.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from pleo_export.pleo.oauth import ClientAuthentication, OAuthApp
from tests.pleo.pleo_samples import COMPANY

CLIENT_SECRET = "client-secret-0001"
REDIRECT_URI = "https://connector.example/connect/pleo"


def app(authentication: ClientAuthentication = ClientAuthentication.BASIC) -> OAuthApp:
    return OAuthApp(
        client_id="client-1",
        client_secret=CLIENT_SECRET,
        redirect_uri=REDIRECT_URI,
        scopes=("export-jobs:read", "export-jobs:write"),
        authentication=authentication,
    )


Misbehaviour = Callable[["TokenServer", web.Request, dict[str, str]], Awaitable[web.StreamResponse]]


@dataclass
class TokenServer:
    """`number` is that of the current pair. `script`: what happens to the next token calls instead of the usual.

    `company` is what is told of the company, None: that may not be read.
    """

    number: int = 0
    expires_in: object = 900
    sends_refresh_token: bool = True
    script: list[Misbehaviour] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    api_calls: list[str] = field(default_factory=list)
    api_paths: list[str] = field(default_factory=list)
    status: str = "AUTHORIZED"  # of the installation
    activates: bool = True
    company: object = None
    accepts: bool = True
    revoked: bool = False
    url: str = ""

    @property
    def refreshes(self) -> int:
        return sum(form["grant_type"] == "refresh_token" for form in self.forms)

    async def token(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.forms.append(form)
        self.authorizations.append(request.headers.get("Authorization"))
        if self.script:
            return await self.script.pop(0)(self, request, form)
        return self.answer(form)

    def answer(self, form: dict[str, str]) -> web.Response:
        expected = (
            form.get("refresh_token") == f"refresh-{self.number}"
            if form["grant_type"] == "refresh_token"
            else form.get("code") == "code-1" and len(form.get("code_verifier", "")) >= 43
        )
        if self.revoked or not expected:
            return web.json_response({"error": "invalid_grant", "error_description": "no"}, status=400)
        self.number += 1
        answer = {"access_token": f"access-{self.number}", "expires_in": self.expires_in}
        if self.sends_refresh_token:
            answer["refresh_token"] = f"refresh-{self.number}"
        return web.json_response(answer)

    async def api(self, request: web.Request) -> web.Response:
        self.api_calls.append(request.headers["Authorization"])
        self.api_paths.append(f"{request.method} {request.path}")
        if not self.accepts or request.headers["Authorization"] != f"Bearer access-{self.number}":
            return web.json_response({"type": "UNAUTHORIZED"}, status=401)
        if request.method == "DELETE":
            return web.Response(status=204)
        if request.path.startswith("/v1/companies/"):
            told = web.json_response({"data": self.company})
            return web.Response(status=403) if self.company is None else told
        resource = f"urn:pleo:company:{COMPANY}"
        if request.path.endswith(":activate") and not self.activates:
            return web.Response(status=400)
        return web.json_response({"id": "installation-1", "resource": resource, "status": self.status})


async def loses_the_answer(
    server: TokenServer, request: web.Request, form: dict[str, str]
) -> web.StreamResponse:
    """The refresh happens, and the connection dies before the answer."""
    answer = server.answer(form)
    assert request.transport is not None
    request.transport.abort()
    return answer


def fails(status: int, error: str | None = None) -> Misbehaviour:
    async def fail(_: TokenServer, __: web.Request, ___: dict[str, str]) -> web.StreamResponse:
        return (
            web.Response(status=status)
            if error is None
            else web.json_response({"error": error}, status=status)
        )

    return fail


def answers_oddly(body: object) -> Misbehaviour:
    async def answer(_: TokenServer, __: web.Request, ___: dict[str, str]) -> web.StreamResponse:
        return web.json_response(body)

    return answer


@dataclass
class Held:
    """Lets a token call wait, so that something can happen meanwhile."""

    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, server: TokenServer, _: web.Request, form: dict[str, str]) -> web.StreamResponse:
        self.arrived.set()
        await self.released.wait()
        return server.answer(form)


@asynccontextmanager
async def token_server() -> AsyncIterator[TokenServer]:
    server = TokenServer()
    application = web.Application()
    application.router.add_post("/oauth/token", server.token)
    application.router.add_route("*", "/v1/{rest:.*}", server.api)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()
