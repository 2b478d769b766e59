import asyncio
import sys
from asyncio.subprocess import PIPE
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from pleo_export.store import Store
from pleo_export.store.errors import StoreLockedError
from tests.store.stores import opened

CHILD = Path(__file__).with_name("holding_child.py")
NAME = "refresh company-a/../%"


@pytest.mark.slow
async def test_one_task_at_a_time_holds_a_name_whichever_store_it_came_by(url: str) -> None:
    async with opened(url) as one, opened(url) as other:
        inside, most = 0, 0

        async def hold(store: Store) -> None:
            nonlocal inside, most
            async with store.exclusively(NAME):
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0.01)
                inside -= 1

        await asyncio.gather(*(hold(store) for store in (one, other) * 4))
        assert (most, inside) == (1, 0)


async def test_other_names_are_held_at_the_same_time_and_writing_goes_on(url: str) -> None:
    async with opened(url) as store, store.exclusively("a"), store.exclusively("b"):
        await store.see_company("a")
        assert len(await store.companies()) == 1


async def test_a_name_is_free_after_an_error_and_the_error_comes_through(url: str) -> None:
    async with opened(url) as store:
        with pytest.raises(ZeroDivisionError):
            async with store.exclusively(NAME):
                raise ZeroDivisionError
        async with asyncio.timeout(5), store.exclusively(NAME):
            pass


@pytest.mark.slow
async def test_whoever_is_cancelled_while_waiting_leaves_the_name_to_others(url: str) -> None:
    async with opened(url) as store:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(store.exclusively(NAME))
            waiting = asyncio.create_task(stack.enter_async_context(store.exclusively(NAME)))
            await asyncio.wait({waiting}, timeout=0.2)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        async with asyncio.timeout(5), store.exclusively(NAME):
            pass


async def test_waiting_ends_with_a_sentence(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("sqlite", "postgres"):
        monkeypatch.setattr(f"pleo_export.store.{kind}.EXCLUSIVE_WAIT_SECONDS", 0.1)
    async with opened(url) as store, store.exclusively(NAME):
        with pytest.raises(StoreLockedError, match="is locked"):
            async with store.exclusively(NAME):
                pytest.fail("held twice")


@pytest.mark.slow
async def test_a_name_is_free_once_the_process_that_held_it_is_killed(url: str) -> None:
    async def hold() -> None:
        async with store.exclusively(NAME):
            pass

    async with opened(url) as store:
        child = await asyncio.create_subprocess_exec(sys.executable, str(CHILD), url, NAME, stdout=PIPE)
        assert child.stdout is not None
        assert await child.stdout.readline() == b"held\n"
        waiting = asyncio.create_task(hold())
        done, _ = await asyncio.wait({waiting}, timeout=0.5)
        assert not done
        child.kill()
        await asyncio.wait_for(waiting, 5)
        assert await child.wait() == -9
