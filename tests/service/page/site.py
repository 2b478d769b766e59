"""The page on a real store, with browsers that are signed in. The fixture `site` stands in conftest.py."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST
from fastapi import FastAPI

from pleo_export.cli.init import example_chart, settings_text
from pleo_export.engine import Engine
from pleo_export.service.companies import Companies
from pleo_export.service.connecting import Connecting, authorisation_server
from pleo_export.service.opening import Opened, engine_url
from pleo_export.service.page.access import passwords, sessions
from pleo_export.service.page.access.roles import Role
from pleo_export.service.page.access.tokens import csrf_of, hashed, new_token
from pleo_export.service.page.app import add_page
from pleo_export.service.page.parts import PageParts
from pleo_export.service.run import page_parts, web_parts
from pleo_export.service.settings import ServiceSettings
from pleo_export.service.web import web_app
from pleo_export.store import Store, sqlite_url
from pleo_export.store.people import Identified
from pleo_export.store.tables import EVERY_COMPANY
from pleo_export.vault import Vault

ADDRESS = "https://page.test"
COMPANY = "5f0c7f4e-1d54-4a6e-9a6b-0d8c1f3a2b10"
OTHER = "9a4be0d6-8f7e-4f2e-bd47-2b9f7e6a1c55"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time

    def forward(self, **by: float) -> datetime:
        self.time += timedelta(**by)
        return self.time


class Browser(httpx.AsyncClient):
    """A browser that says where its forms come from; `csrf` is put into each of them once it is signed in.

    It follows no redirect by itself, and nothing of it is streamed.
    """

    csrf: str = ""

    async def press(self, path: str, **fields: str) -> httpx.Response:
        """Send a form as a page of ours does."""
        return await self.post(path, data={"csrf": self.csrf, **fields})


class Site:
    """The application and what stands behind it. Companies COMPANY and OTHER are in service."""

    def __init__(self, app: FastAPI, parts: PageParts, clock: Clock, stack: AsyncExitStack) -> None:
        self.app, self.parts, self.clock = app, parts, clock
        self.store = parts.store
        self._stack, self._numbers = stack, count(1)

    async def browser(self, address: str = ADDRESS, **more: Any) -> Browser:
        """Return a browser in which nobody is signed in; `more` are httpx.AsyncClient's."""
        headers = {"Origin": address, "Sec-Fetch-Site": "same-origin"} | more.pop("headers", {})
        transport = httpx.ASGITransport(self.app, client=more.pop("client", ("127.0.0.1", 123)))
        # Nothing of the environment: reading its certificates takes longer than a test.
        browser = Browser(transport=transport, base_url=address, headers=headers, trust_env=False, **more)
        return await self._stack.enter_async_context(browser)

    async def signed_in(
        self, roles: Role | Mapping[str, Role], name: str | None = None, company_id: str = COMPANY
    ) -> Browser:
        """Return the browser of a new user: with a role in `company_id`, or with several roles by company."""
        roles = {company_id: roles} if isinstance(roles, Role) else roles
        name = name or f"user-{next(self._numbers)}"
        user_id = await self.store.people.add(name, roles, self.clock())
        token, browser = new_token(), await self.browser()
        assert await self.store.people.begin_session(
            user_id, hashed(token), self.clock(), Identified(strong=True)
        )
        browser.cookies.set(sessions.COOKIE, token, domain="page.test")
        browser.csrf = csrf_of(token)
        return browser

    async def owner(self) -> Browser:
        """Return the browser of an administrator of every company."""
        return await self.signed_in({EVERY_COMPANY: Role.ADMINISTRATOR})


@asynccontextmanager
async def a_site(folder: Path, **settings: Any) -> AsyncIterator[Site]:
    """Open the page; `settings` are the service's. Passwords are hashed with little work, as no service should."""
    values = {"database_url": sqlite_url(folder / "store.db"), "public_url": ADDRESS} | settings
    service, clock = ServiceSettings(**values), Clock()
    async with AsyncExitStack() as stack:
        patched = stack.enter_context(pytest.MonkeyPatch.context())
        patched.setattr(passwords, "_hasher", PasswordHasher.from_parameters(CHEAPEST))
        store = await Store.open(service.database_url, clock)
        stack.push_async_callback(store.close)
        engine = Engine(engine_url(service.database_url), clock, capacity=1)
        stack.callback(engine.close)
        server = authorisation_server(service)
        if server is not None:
            await stack.enter_async_context(server)
        companies = Companies(store, Vault([b"k" * 32]), server)
        (folder / "chart.toml").write_text(example_chart(), encoding="utf-8")
        for company_id in (COMPANY, OTHER):
            text = settings_text({"pleo.company_id": company_id})
            await store.add_company(company_id, f"Company {company_id[:4]}", text, str(folder))
        opened = Opened(store, companies, Connecting(store, companies, server))
        parts = replace(page_parts(service, engine, opened), now=clock)
        app = web_app(replace(web_parts(service, engine, opened), now=clock), triggers=True)
        add_page(app, parts)
        yield Site(app, parts, clock, stack)
