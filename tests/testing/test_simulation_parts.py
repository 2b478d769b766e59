"""What the simulation is made of: time that jumps, threads that are none, processes that die or freeze."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, product
from random import Random
from typing import Any, TypeVar

import aiohttp
import pytest
from msgspec.structs import replace
from yarl import URL

from pleo_export.testing.simulation.loop import StuckError, run
from pleo_export.testing.simulation.plot import plot
from pleo_export.testing.simulation.process import DiedError, Process, reached
from pleo_export.testing.simulation.stage import PAID_AGAIN, paid_twice
from pleo_export.testing.simulation.weather import Forecast, Http, Weather
from pleo_export.testing.simulation.wire import Answer, Pleo, Wire

T = TypeVar("T")


def played(main: Coroutine[Any, Any, T]) -> T:
    return run(main, Random(1))


def test_time_jumps_to_the_next_timer() -> None:
    async def main() -> float:
        await asyncio.gather(asyncio.sleep(3600), asyncio.sleep(7200))
        return asyncio.get_running_loop().time()

    assert played(main()) == pytest.approx(7200)


def test_a_program_that_hangs_is_told_so() -> None:
    async def main() -> None:
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Event().wait()

    loop_main = main()
    with pytest.raises(StuckError):
        played(loop_main)
    loop_main.close()


def test_the_one_thread_of_an_executor_does_its_work_in_order() -> None:
    done: list[int] = []

    async def main() -> None:
        with ThreadPoolExecutor(1) as thread:
            loop = asyncio.get_running_loop()
            await asyncio.gather(*(loop.run_in_executor(thread, done.append, number) for number in range(9)))

    played(main())
    assert done == list(range(9))


def process(**fate: int) -> Process:
    return Process("it", lambda _: None, **fate)


def test_a_dead_process_has_no_effects_any_more() -> None:
    effects: list[str] = []

    async def program() -> None:
        loop = asyncio.get_running_loop()
        try:
            for number in range(5):
                reached(f"place {number}")
                await loop.run_in_executor(None, effects.append, f"effect {number}")
        except Exception:  # noqa: BLE001 no handler of the program's may catch it
            effects.append("caught")
        finally:
            await loop.run_in_executor(None, effects.append, "too late")

    assert isinstance(played(process(dies_at=3).live(program())), DiedError)
    assert effects == ["effect 0", "effect 1"]


def test_a_frozen_process_goes_on_once_it_thaws() -> None:
    effects: list[float] = []

    async def program() -> None:
        loop = asyncio.get_running_loop()
        for number in range(3):
            reached(f"place {number}")
            await loop.run_in_executor(None, lambda: effects.append(loop.time()))

    async def main() -> BaseException | None:
        frozen = process(freezes_at=2)
        asyncio.get_running_loop().call_later(100, frozen.thaw)
        return await frozen.live(program())

    assert played(main()) is None
    assert [seconds >= 100 for seconds in effects] == [False, True, True]


PAGE = b'{"data": [1.50], "pagination": {"hasNextPage": false, "startCursor": "A", "endCursor": "B"}}'


async def pages(scope: Any, _receive: Any, send: Any) -> None:
    """An application that answers every call with the same page."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": PAGE})


async def struck(fault: Http, method: str = "GET") -> Answer:
    weather = Weather(Random(1), Forecast(http=1.0, only=fault, calm_at=3600))
    session = Wire(Pleo(pages), weather, lambda _: None).session()
    async with session.request(method, URL("http://127.0.0.1/v3/things")) as answer:
        body = b"".join([chunk async for chunk in answer.content.iter_chunked(1024)])
        return Answer(answer.status, answer.headers, body)


def test_faults_of_the_way_to_pleo_look_as_aiohttp_shows_them() -> None:
    for fault in (
        Http.REFUSED,
        Http.LOST_BEFORE,
        Http.LOST_AFTER,
        Http.TIMED_OUT_BEFORE,
        Http.TIMED_OUT_AFTER,
    ):
        with pytest.raises((aiohttp.ClientError, TimeoutError)):
            played(struck(fault))
    assert played(struck(Http.LIMITED)).status == 429
    assert played(struck(Http.FAILED_BEFORE)).status == 503
    assert played(struck(Http.NOT_JSON)).body.startswith(b"<!doctype")
    cut = played(struck(Http.TRUNCATED)).body
    assert cut
    assert PAGE.startswith(cut)
    assert len(cut) < len(PAGE)


def test_a_page_is_spoilt_without_touching_its_numbers() -> None:
    assert b'"data":[1.50,1.50]' in played(struck(Http.REPEATED)).body
    back = played(struck(Http.STALE_CURSOR)).body
    assert b'"endCursor":"A"' in back
    assert b'"hasNextPage":true' in back
    assert b'"hasNextPage": false' in played(struck(Http.STALE_CURSOR, "POST")).body


def test_how_jobs_expire_and_who_pays_twice_is_drawn_apart_from_everything_else() -> None:
    plots = [plot(Random(1), Random(seed)) for seed in range(300)]
    drawn = {
        (one.may_expire, one.updates_refresh, PAID_AGAIN in one.jobs[0], one.final_stays) for one in plots
    }
    assert drawn == set(product((True, False), repeat=4))
    twice = set(paid_twice(plots[0].pool))
    assert all(twice <= set(chain(*one.jobs)) for one in plots if PAID_AGAIN in one.jobs[0])
    usual = [
        replace(one, expires_in=60, updates_refresh=True, final_stays=True)
        for one in plots
        if PAID_AGAIN not in one.jobs[0]
    ]
    assert len(set(usual)) == 1
