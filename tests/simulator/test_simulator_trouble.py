"""Trouble on order: which calls are struck, and whether they had their effect."""

import json
from time import monotonic
from typing import Any

import pytest

from tests.simulator.simulator_api import Api

EVENTS = "POST /v3/export-job-events"


async def order(api: Api, **settings: object) -> Any:
    answer = await api.call("PATCH", "/control/trouble/settings", settings)
    assert answer.status == 200
    return answer.json


async def pending_job(api: Api) -> str:
    await api.expenses(1)
    return await api.press_export()


@pytest.mark.parametrize(
    ("kind", "status", "cuts"), [("429", 429, 0), ("500", 500, 0), ("503", 503, 0), ("cut", 503, 1)]
)
async def test_what_is_struck_before_its_effect_has_none(api: Api, kind: str, status: int, cuts: int) -> None:
    job_id = await pending_job(api)
    await order(api, kind=kind, calls=EVENTS, nextCalls=1)
    assert (await api.event(job_id, "started")).status == status
    assert (api.cuts, (await api.job(job_id))["status"]) == (cuts, "pending")
    assert (await api.event(job_id, "started")).status == 202


@pytest.mark.parametrize(("kind", "cuts"), [("502_after_effect", 0), ("cut_after_effect", 1)])
async def test_what_is_struck_after_its_effect_has_had_it_and_stands_in_the_log(
    api: Api, kind: str, cuts: int
) -> None:
    job_id = await pending_job(api)
    await order(api, kind=kind, calls=EVENTS, nextCalls=1)
    answer = await api.event(job_id, "started")
    assert answer.status == (202 if cuts else 502)
    assert api.cuts == cuts
    assert (await api.job(job_id))["status"] == "in_progress"
    told = await api.get("/control/audit")
    assert [one["status"] for one in told.json if f"{one['method']} {one['path']}" == EVENTS] == [202]


async def test_half_of_an_answer_comes(api: Api) -> None:
    whole = await api.get("/v3/export-jobs", company_id=api.company.id)
    await order(api, kind="truncated", nextCalls=1)
    half = await api.get("/v3/export-jobs", company_id=api.company.id)
    assert half.content == whole.content[: len(whole.content) // 2]
    assert (half.status, half.headers["content-length"]) == (200, str(len(half.content)))
    with pytest.raises(json.JSONDecodeError):
        json.loads(half.content)


@pytest.mark.parametrize("asked", ["7", "soon", ""])
async def test_a_call_too_many_is_asked_to_wait_as_ordered(api: Api, asked: str) -> None:
    await order(api, kind="429", nextCalls=1, retryAfter=asked)
    answer = await api.get("/v3/export-jobs", company_id=api.company.id)
    assert answer.headers.get("retry-after", "") == asked


async def test_only_the_calls_that_were_named_are_struck_and_the_count_goes_down(api: Api) -> None:
    job_id = await pending_job(api)
    await order(api, calls="GET /v3/export-jobs/*/items", nextCalls=5)
    assert (await api.job(job_id))["status"] == "pending"
    assert (await api.get(f"/v3/export-jobs/{job_id}/items")).status == 503
    assert (await order(api))["nextCalls"] == 4
    assert (await api.get("/control/health")).status == 200


async def test_a_share_is_struck_by_lot_and_the_same_seed_strikes_the_same(api: Api) -> None:
    async def struck(seed: int) -> list[int]:
        await order(api, share=0.25, seed=seed)
        return [
            number
            for number in range(60)
            if (await api.get("/v3/export-jobs", company_id=api.company.id)).status == 503
        ]

    first, other, again = await struck(1), await struck(2), await struck(1)
    assert first == again != other
    assert 5 <= len(first) <= 25


async def test_every_call_may_be_late(api: Api) -> None:
    await order(api, latencySeconds=0.05)
    began = monotonic()
    assert (await api.get("/v3/export-jobs", company_id=api.company.id)).status == 200
    assert monotonic() - began >= 0.05


@pytest.mark.parametrize(
    "wrong", [{"kind": "flood"}, {"share": 1.5}, {"nextCalls": -1}, {"calls": ""}, {"latencySeconds": 1e9}]
)
async def test_wrong_orders_are_refused(api: Api, wrong: dict[str, object]) -> None:
    assert (await api.call("PATCH", "/control/trouble/settings", wrong)).refusal == (400, "VALIDATION_FAILED")
