"""Who looks at the page is told when something changes; nobody asks the database while nobody looks."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import aclosing

import httpx
import pytest

from pleo_export.service import run
from pleo_export.service.page import live
from pleo_export.service.page.access.roles import Role
from pleo_export.service.page.access.sessions import IDLE_MAX
from pleo_export.service.page.live import BEGIN, CHANGED, QUIET, Hub, Topic, told
from pleo_export.store.errors import StoreError
from tests.service.page.site import COMPANY, OTHER, Site

OURS, THEIRS = frozenset({COMPANY}), frozenset({OTHER})
SOON = 0.01


class Looks:
    """What the looks show, and how many there were."""

    def __init__(self) -> None:
        self.pulses: Counter[Topic] = Counter()
        self.number = 0
        self.broken = False
        self._looked = asyncio.Condition()

    async def look(self, topics: Iterable[Topic]) -> Mapping[Topic, object]:
        self.number += 1
        async with self._looked:
            self._looked.notify_all()
        if self.broken:
            raise StoreError("the database is away")
        return {topic: self.pulses[topic] for topic in topics}

    async def wait(self, times: int = 2) -> None:
        """Wait until it was looked so often."""
        until = self.number + times
        async with self._looked:
            await self._looked.wait_for(lambda: self.number >= until)


@pytest.fixture
def looks() -> Looks:
    return Looks()


async def welcome() -> bool:
    return True


async def a_stream(hub: Hub, topic: Topic = OURS) -> AsyncGenerator[bytes, None]:
    """Return a stream that has begun."""
    stream = told(hub, topic, welcome)
    assert await anext(stream) == BEGIN + CHANGED, "what was drawn before may be old"
    return stream


async def test_a_change_is_told_to_those_who_look_at_its_company_and_to_no_others(looks: Looks) -> None:
    hub = Hub(looks.look, SOON)
    ours, theirs = await a_stream(hub), await a_stream(hub, THEIRS)
    async with aclosing(ours), aclosing(theirs):
        hears = asyncio.ensure_future(anext(theirs))
        await looks.wait()
        looks.pulses[OURS] += 1
        assert await anext(ours) == CHANGED
        await looks.wait()
        assert not hears.done()
        hears.cancel()
        await asyncio.wait([hears])


async def test_one_look_serves_all_listeners_and_there_is_none_without_one(looks: Looks) -> None:
    hub = Hub(looks.look, SOON)
    streams = [await a_stream(hub) for _ in range(5)]
    await looks.wait()
    looks.pulses[OURS] += 1
    assert await asyncio.gather(*(anext(stream) for stream in streams)) == [CHANGED] * 5
    for stream in streams:
        await stream.aclose()
    number = looks.number
    await asyncio.sleep(5 * SOON)
    assert looks.number == number
    again = await a_stream(hub)
    await looks.wait()
    await again.aclose()


async def test_a_database_that_is_away_is_waited_for(looks: Looks) -> None:
    hub = Hub(looks.look, SOON)
    stream = await a_stream(hub)
    async with aclosing(stream):
        await looks.wait()
        looks.broken = True
        await looks.wait()
        looks.pulses[OURS] += 1
        looks.broken = False
        assert await anext(stream) == CHANGED


async def test_a_quiet_stream_says_that_it_is_quiet_and_ends_with_the_session(
    looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "QUIET_SECONDS", SOON)
    monkeypatch.setattr(live, "WELCOME_SECONDS", 3 * SOON)
    answers = [True, False]

    async def is_welcome() -> bool:
        return answers.pop(0)

    sent = [event async for event in told(Hub(looks.look, SOON), OURS, is_welcome)]
    assert sent[:2] == [BEGIN + CHANGED, QUIET]
    assert set(sent[1:-1]) == {QUIET}
    assert sent[-1] == CHANGED, "the page learns that it has to sign in"
    assert not answers


async def test_a_hub_that_is_closed_ends_every_stream_and_begins_none(looks: Looks) -> None:
    hub = Hub(looks.look, SOON)
    stream = await a_stream(hub)
    hub.close()
    assert [event async for event in stream] == []
    assert [event async for event in told(hub, None, welcome)] == [BEGIN + CHANGED]


@pytest.mark.slow
async def test_the_hub_sees_what_is_in_the_store_and_what_the_engine_does(site: Site) -> None:
    hub = live.hub_of(site.parts)
    stream = await a_stream(hub)
    async with aclosing(stream):
        hub._seconds = SOON  # a second is long for a test
        hears = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.2)
        await site.store.pause(OTHER)
        await asyncio.sleep(1.2)
        assert not hears.done()
        site.parts.engine.fire(COMPANY, "button")
        assert await hears == CHANGED
        await site.store.pause(COMPANY)
        assert await anext(stream) == CHANGED


@pytest.mark.parametrize("path", ["/events", f"/companies/{COMPANY}/events"])
async def test_a_stream_is_for_those_who_may_see_the_company(site: Site, path: str) -> None:
    site.app.state.live.close()  # so that every stream ends
    viewer = await site.signed_in(Role.VIEWER)
    answer = await viewer.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert answer.content == BEGIN + CHANGED
    assert answer.headers["cache-control"] == "no-store"
    assert (await (await site.browser()).get(path)).status_code == 303
    other = await site.signed_in({OTHER: Role.VIEWER})
    assert (await other.get(path)).status_code == (200 if path == "/events" else 404)


async def test_the_overview_is_told_of_the_visitors_companies_alone(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    topics: list[Topic] = []

    async def note(_: Hub, topic: Topic, __: object) -> AsyncIterator[bytes]:
        topics.append(topic)
        yield BEGIN

    monkeypatch.setattr(live, "told", note)
    for browser in (await site.signed_in(Role.VIEWER), await site.owner()):
        await browser.get("/events")
    assert topics == [OURS, None]


async def test_a_session_has_so_many_streams_and_another_one_its_own(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends, begun = asyncio.Event(), asyncio.Semaphore(0)

    async def wait(*_: object) -> AsyncIterator[bytes]:
        yield BEGIN
        begun.release()
        await ends.wait()

    monkeypatch.setattr(live, "told", wait)
    browser, other = await site.signed_in(Role.VIEWER), await site.signed_in(Role.VIEWER)
    streams = [asyncio.create_task(browser.get("/events")) for _ in range(live.STREAMS_MAX)]
    hub: Hub = site.app.state.live
    async with asyncio.timeout(5):
        for _ in streams:
            await begun.acquire()
    assert (await browser.get("/events")).status_code == 429
    last = asyncio.create_task(other.get("/events"))
    ends.set()
    assert {(await stream).status_code for stream in (*streams, last)} == {200}
    assert not hub.streams
    assert (await browser.get("/events")).status_code == 200


async def test_a_stream_ends_once_nobody_was_there_for_too_long_and_leads_to_the_sign_in(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "QUIET_SECONDS", SOON)
    monkeypatch.setattr(live, "WELCOME_SECONDS", SOON)
    browser = await site.signed_in(Role.VIEWER)
    stream = asyncio.create_task(browser.get("/events"))
    await asyncio.sleep(10 * SOON)
    assert not stream.done()
    site.clock.time += IDLE_MAX
    heard = (await asyncio.wait_for(stream, 5)).content
    assert heard.startswith(BEGIN + CHANGED + QUIET)
    assert heard.endswith(QUIET + CHANGED)


@pytest.mark.slow
async def test_over_the_network_a_stream_comes_at_once_and_does_not_keep_a_server_from_stopping(
    site: Site,
) -> None:
    browser = await site.signed_in(Role.VIEWER)
    server = run._Server(site.app)
    listener = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    port = listener.getsockname()[1]
    while not server.started:  # noqa: ASYNC110  it tells nobody
        await asyncio.sleep(SOON)
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    address = f"http://127.0.0.1:{port}/companies/{COMPANY}/events"
    async with (
        httpx.AsyncClient() as client,
        client.stream("GET", address, headers={"Cookie": cookie}) as answer,
    ):
        lines = answer.aiter_lines()
        heard = [await anext(lines) for _ in range(4)]
        assert heard == ["retry: 2000", "", "event: changed", "data:"]
        await asyncio.sleep(1.5)
        await site.store.pause(COMPANY)
        async with asyncio.timeout(3):
            assert [await anext(lines) for _ in range(3)] == ["", "event: changed", "data:"]
        server.should_exit = True
        async with asyncio.timeout(3):
            await serving
