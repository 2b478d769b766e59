"""The fault proxy: what it does to a call, which calls it strikes, and that the same seed strikes the same."""

import json
from typing import Any

import aiohttp
import pytest

from pleo_export.testing.proxy import ALWAYS, FAULTS, IN_TEN, ONCE, Fault, Order
from pleo_export.testing.proxy.faults import BOMB_BYTES, Strikes
from tests.testing.proxy_target import FIRST, LIST, MAKE, SECOND, calling, rate_of

CUT = {"reset before the effect", "reset after the effect", "half an answer"}


def fault(name: str) -> Fault:
    return FAULTS[name]


async def things(name: str, query: str = "") -> Any:
    async with calling(Order(fault(name), LIST, ALWAYS)) as caller:
        return json.loads((await caller.read(query))[1])


async def test_a_call_that_nothing_strikes_passes_as_it_is_with_its_own_host() -> None:
    async with calling(Order(fault("late"), LIST, ONCE)) as caller:
        assert await caller.make() == 200
        status, body = await caller.read("?limit=2&x=a%2Fb")
    assert (status, json.loads(body)["data"]) == (200, [FIRST, SECOND])
    assert caller.target.calls == ["POST /things one", "GET /things?limit=2&x=a%2Fb"]
    assert caller.target.hosts == {caller.proxy.url.removeprefix("http://")}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FAULTS if name != "no answer"])
async def test_a_fault_says_truly_whether_the_call_had_its_effect(name: str) -> None:
    async with calling(Order(fault(name), LIST, ALWAYS)) as caller:
        try:
            await caller.read()
        except aiohttp.ClientError:
            assert name in CUT
        else:
            assert name not in CUT
    assert bool(caller.target.calls) == fault(name).effect


@pytest.mark.slow
async def test_no_answer_lasts_until_the_caller_gives_up() -> None:
    async with calling(Order(fault("no answer"), MAKE, ALWAYS)) as caller:
        with pytest.raises(TimeoutError):
            async with caller.http.post(
                f"{caller.proxy.url}/things", timeout=aiohttp.ClientTimeout(total=0.2)
            ):
                pass
        assert (await caller.read())[0] == 200
    assert caller.target.calls == ["GET /things"]


@pytest.mark.parametrize("name", [name for name, one in FAULTS.items() if name.startswith("429")])
async def test_every_kind_of_retry_after_is_sent(name: str) -> None:
    async with (
        calling(Order(fault(name), LIST, ALWAYS)) as caller,
        caller.http.get(f"{caller.proxy.url}/things") as answer,
    ):
        assert answer.status == 429
        assert ("Retry-After" in answer.headers) == (name != "429, no Retry-After")


async def test_a_redirect_would_lead_inside() -> None:
    async with calling(Order(fault("a redirect"), LIST, ALWAYS)) as caller:
        assert (await caller.read())[0] == 302


@pytest.mark.slow
async def test_a_bomb_is_small_on_the_wire_and_large_in_memory() -> None:
    async with (
        calling(Order(fault("gzip bomb"), LIST, ALWAYS)) as caller,
        aiohttp.ClientSession(auto_decompress=False) as http,
        http.get(f"{caller.proxy.url}/things") as answer,
    ):
        assert answer.headers["Content-Encoding"] == "gzip"
        assert len(await answer.read()) * 500 < BOMB_BYTES


async def test_elements_come_twice_and_in_another_order() -> None:
    assert (await things("duplicated elements"))["data"] == [FIRST, SECOND, FIRST, SECOND]
    assert (await things("reordered elements"))["data"] == [SECOND, FIRST]


async def test_one_element_has_an_unknown_value() -> None:
    first, second = (await things("unknown enum values"))["data"]
    assert first == {**FIRST, "status": "never_heard_of"}
    assert second == SECOND


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a broken amount", 10.5),
        ("an exponent beyond reason", float("inf")),
        ("an amount as text", "100"),
        ("an amount of thirty digits", int("9" * 30)),
        ("no amount", None),
    ],
)
async def test_one_element_has_impossible_money(name: str, found: object) -> None:
    first, second = (await things(name))["data"]
    assert first["price"] == {"currency": "EUR", "value": found}
    assert second == SECOND


async def test_one_element_has_an_unknown_currency() -> None:
    first, second = (await things("an unknown currency"))["data"]
    assert first["price"] == {"currency": "XQQ", "value": 100}
    assert second == SECOND


async def test_cursors_lead_nowhere_or_in_a_circle() -> None:
    assert (await things("no cursor though there is more"))["pagination"] == {
        "hasNextPage": True,
        "endCursor": None,
    }
    assert (await things("a cursor that was never given"))["pagination"]["endCursor"] not in ("one", "end")
    assert (await things("pages in a circle"))["pagination"]["endCursor"] == "one"
    assert (await things("pages in a circle", "?after=one"))["pagination"] == {
        "hasNextPage": True,
        "endCursor": "one",
    }


@pytest.mark.parametrize(
    ("name", "error"), [("truncated JSON", ValueError), ("no UTF-8", UnicodeDecodeError)]
)
async def test_an_answer_cannot_be_read(name: str, error: type[ValueError]) -> None:
    with pytest.raises(error):
        await things(name)


async def test_an_answer_is_nested_beyond_reason() -> None:
    with pytest.raises(RecursionError):
        await things("nested beyond reason")


async def test_members_are_added_at_every_level() -> None:
    found = await things("unknown members")
    assert found["wonder"]
    assert [thing["wonder"] for thing in found["data"]] == [1.5, 1.5]


async def test_an_order_strikes_its_own_calls_and_as_often_as_it_says() -> None:
    twice = rate_of(times=2)
    async with calling(Order(fault("503 before the effect"), MAKE, twice)) as caller:
        assert (await caller.read())[0] == 200
        assert [await caller.make() for _ in range(4)] == [503, 503, 200, 200]
    assert [(one.route, one.call) for one in caller.proxy.plan.struck] == [(MAKE.name, 1), (MAKE.name, 2)]


async def test_the_earlier_order_wins_and_a_stopped_plan_lets_all_pass() -> None:
    orders = [Order(fault("503 before the effect"), LIST, ONCE), Order(fault("late"), LIST, ALWAYS)]
    async with calling(*orders) as caller:
        assert [(await caller.read())[0] for _ in range(2)] == [503, 200]
        caller.proxy.plan.stop()
        await caller.read()
    assert [one.fault for one in caller.proxy.plan.struck] == ["503 before the effect", "late"]


@pytest.mark.slow
async def test_the_same_seed_strikes_the_same_calls_whatever_else_is_ordered() -> None:
    async def struck(seed: int, *before: Order) -> list[int]:
        async with calling(*before, Order(fault("503 before the effect"), LIST, IN_TEN), seed=seed) as caller:
            return [number for number in range(60) if (await caller.read())[0] == 503]

    assert await struck(5) == await struck(5) != await struck(6)
    assert 2 <= len(await struck(5)) <= 14


def test_every_fault_says_what_is_to_happen() -> None:
    assert all(one.happens for one in FAULTS.values())
    assert {one.strikes for one in FAULTS.values()} == set(Strikes)
