"""What stands between a visitor and the page: the proxy's word for where somebody comes from, where a request ends, whose parameter counts.

The requests that no client would send go to a real server on this machine, the one that the service runs.
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from pleo_export.service.page.access import passwords
from pleo_export.service.page.access.roles import Role
from pleo_export.service.run import _Server
from tests.service.page.site import ADDRESS, COMPANY, OTHER, Site
from tests.service.page.test_page_access_doors import OLD, PASSWORD, add

PROXY, PERSON, ANOTHER = "127.0.0.1", "198.51.100.7", "198.51.100.8"


async def from_address(site: Site, peer: str, name: str, password: str, **headers: str) -> int:
    """Sign in over the server's own handling of what a proxy says; `peer` is who connects."""
    server = _Server(site.app)
    server.config.load()
    transport = httpx.ASGITransport(server.config.loaded_app, client=(peer, 1))
    headers = {"Origin": ADDRESS, "Sec-Fetch-Site": "same-origin"} | headers
    async with httpx.AsyncClient(
        transport=transport, base_url=ADDRESS, headers=headers, trust_env=False
    ) as browser:
        answer = await browser.post("/sign-in", data={"name": name, "password": password})
    return answer.status_code


async def addresses(site: Site) -> list[str]:
    """Where the sessions of Anna were begun."""
    user = await site.store.people.named("anna@example.com")
    noon = site.clock.forward(seconds=1)
    found = await site.store.people.sessions_of(
        user.user_id, begun=noon.replace(year=2000), seen=noon.replace(year=2000)
    )
    return sorted({one.address for one in found})


async def test_the_address_of_a_visitor_is_what_the_proxy_says_and_never_what_the_visitor_says(
    site: Site,
) -> None:
    await add(site)
    signed_in = [
        await from_address(site, peer, "anna@example.com", PASSWORD, **headers)
        for peer, headers in (
            (PERSON, {"X-Forwarded-For": "203.0.113.1"}),  # nobody's proxy
            (PERSON, {"X-Real-IP": "203.0.113.1", "Forwarded": "for=203.0.113.1"}),
            (PROXY, {"X-Forwarded-For": ANOTHER}),
            (PROXY, {"X-Forwarded-For": f"203.0.113.1, {ANOTHER}"}),  # a proxy that adds to what was sent
        )
    ]
    assert signed_in == [303] * 4
    assert await addresses(site) == [PERSON, ANOTHER]


async def test_failures_are_counted_for_the_address_that_the_proxy_names(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(site)
    monkeypatch.setattr(passwords, "_nobodys", lambda: OLD)  # quick to look at
    for number in range(20):
        said = {"X-Forwarded-For": f"203.0.113.{number}, {PERSON}"}
        assert await from_address(site, PROXY, f"user-{number}", "wrong", **said) == 401
    assert await from_address(site, PROXY, "anna@example.com", PASSWORD, **{"X-Forwarded-For": PERSON}) == 429
    assert (
        await from_address(site, PROXY, "anna@example.com", PASSWORD, **{"X-Forwarded-For": ANOTHER}) == 303
    )


@asynccontextmanager
async def served(site: Site) -> AsyncIterator[int]:
    """The server of the service on a port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = _Server(site.app)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await serving


async def answers(port: int, sent: bytes) -> list[int]:
    """The status of each answer to what was sent, until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    async with asyncio.timeout(10):
        got = await reader.read()
    writer.close()
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", got)]


HEAD = b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: %s\r\n"
INNER = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"Content-Length: 5, 6\r\n\r\n",
        b"Content-Length: +5\r\n\r\n",
        b"Content-Length: 0x5\r\n\r\n",
        b"Content-Length: -1\r\n\r\n",
        b"Transfer-Encoding: xchunked\r\n\r\n",
        b"Transfer-Encoding: chunked, identity\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"Transfer-Encoding : chunked\r\n\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
    ],
)
async def test_a_request_whose_end_is_not_clear_is_refused_and_nothing_after_it_is_read(
    site: Site, framing: bytes
) -> None:
    async with served(site) as port:
        (status,) = await answers(port, HEAD % b"keep-alive" + framing + INNER)
    assert status in {400, 403, 501}


@pytest.mark.slow
async def test_chunks_count_where_a_length_stands_beside_them(site: Site) -> None:
    """The length would hide the second request in the body of the first, or a part of it; chunks end where they end."""
    chunked = b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    async with served(site) as port:
        for length in (5, 6, 5 + len(INNER)):
            assert await answers(port, HEAD % b"keep-alive" + chunked % length + INNER) == [403, 200]


async def test_what_is_sent_twice_counts_once_and_only_where_it_belongs(site: Site) -> None:
    """What is checked is what is used: of two fields the same one, and never an address's or a cookie's for a form's."""
    await site.store.people.add("bo", {}, site.clock())
    owner = await site.owner()
    grant = {"csrf": owner.csrf, "name": "bo", "role": "viewer", "company": COMPANY}
    await owner.post(
        "/users/grant", data=grant | {"company": [OTHER, COMPANY], "role": ["administrator", "viewer"]}
    )
    assert (await site.store.people.named("bo")).roles == {COMPANY: Role.VIEWER}
    (action, *_) = await site.store.actions(None, 1)
    assert (action.company_id, action.detail) == (COMPANY, f"bo: viewer of {COMPANY}")

    for name, value in grant.items():
        owner.cookies.set(name, value, domain="page.test")
    for field in grant:
        left = {name: value for name, value in grant.items() if name != field}
        answer = await owner.post("/users/grant", data=left, params=grant)
        assert answer.status_code == (403 if field == "csrf" else 422), field

    administers = await site.signed_in({COMPANY: Role.ADMINISTRATOR})
    for path in (
        f"/companies/{OTHER}/pause?company_id={COMPANY}",
        f"/companies/{OTHER}/audit?company_id={COMPANY}",
    ):
        answer = await administers.press(path, company_id=COMPANY)
        assert answer.status_code in {404, 405}, path
    assert (await site.store.company(OTHER)).paused_at is None
