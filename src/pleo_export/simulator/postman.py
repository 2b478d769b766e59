"""Carries webhooks to their endpoints, in the background of the server."""

import asyncio
from asyncio import Semaphore, TaskGroup
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx

from pleo_export.simulator.post import Delivery, Post

# To one endpoint; a crowd of connections makes the client slower, not faster.
_AT_ONCE_MAX = 10

# Addresses that passed as text may still turn out to be none when they are called.
_TROUBLE = (httpx.HTTPError, httpx.InvalidURL, UnicodeError, TimeoutError)


@asynccontextmanager
async def postman(post: Post, transport: httpx.AsyncBaseTransport | None = None) -> AsyncIterator[None]:
    """Deliver for as long as the context lasts, over the network or over `transport`."""
    task = asyncio.create_task(_work(post, transport))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _work(post: Post, transport: httpx.AsyncBaseTransport | None) -> None:
    changed = asyncio.Event()
    post.notify = changed.set
    while not post.unsettled:  # a client is costly to set up, and most simulators never need one
        changed.clear()
        await changed.wait()
    # Each delivery has a time limit as a whole and each subscription a number of places, so the client needs neither.
    client = httpx.AsyncClient(
        transport=transport,
        timeout=None,  # noqa: S113 told above
        limits=httpx.Limits(max_connections=None),
        trust_env=False,
    )
    places: defaultdict[str, Semaphore] = defaultdict(lambda: Semaphore(_AT_ONCE_MAX))
    async with client, TaskGroup() as group:
        while True:
            changed.clear()
            for delivery in post.take_due():
                group.create_task(_deliver(post, delivery, client, places[delivery.subscription.id]))
            with suppress(TimeoutError):
                async with asyncio.timeout(post.seconds_to_next()):
                    await changed.wait()


async def _deliver(post: Post, delivery: Delivery, client: httpx.AsyncClient, places: Semaphore) -> None:
    async with places:
        try:
            async with asyncio.timeout(post.settings.timeout_seconds):
                letter = post.letter(delivery)
                answer = await client.post(letter.url, content=letter.body, headers=letter.headers)
        except _TROUBLE as trouble:
            post.settle(delivery, None, type(trouble).__name__)
        else:
            post.settle(delivery, answer.status_code)
