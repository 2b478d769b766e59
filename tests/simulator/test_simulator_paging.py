import re
from typing import Any

import pytest

from tests.simulator.simulator_api import Api


async def items(api: Api, job_id: str, **query: object) -> tuple[list[str], Any]:
    answer = (await api.get(f"/v3/export-jobs/{job_id}/items", **query)).json
    return [item["accountingEntryId"] for item in answer["data"]], answer["pagination"]


async def test_tiny_pages_forward_and_backward_show_everything_once(api: Api) -> None:
    job_id = await api.job_in_progress(7)
    everything, _ = await items(api, job_id)
    assert len(everything) == 7

    forward, info = await items(api, job_id, limit=3)
    assert info["hasPreviousPage"] is False
    while info["hasNextPage"]:
        more, info = await items(api, job_id, limit=3, after=info["endCursor"])
        forward += more
    assert forward == everything

    backward, info = await items(api, job_id, limit=3, offset=6)
    while info["hasPreviousPage"]:
        more, info = await items(api, job_id, limit=3, before=info["startCursor"])
        backward = more + backward
    assert backward == everything


@pytest.mark.parametrize(
    "path", ["/v3/export-jobs", "/v3/export-items?job_id={}", "/v3/export-jobs/{}/items"]
)
async def test_every_list_has_pages(api: Api, path: str) -> None:
    job_id = await api.job_in_progress(2)
    (extra,) = await api.expenses(1, seed=2)
    await api.press_export(extra)
    path = path.format(job_id)
    separator = "&" if "?" in path else "?"
    first = (await api.get(f"{path}{separator}limit=1")).json
    assert (len(first["data"]), first["pagination"]["total"]) == (1, 2)
    second = (await api.get(f"{path}{separator}limit=1&after={first['pagination']['endCursor']}")).json
    assert second["data"] != first["data"]
    assert second["pagination"]["hasNextPage"] is False


async def test_the_page_tells_what_was_asked(api: Api) -> None:
    job_id = await api.job_in_progress(1)
    _, info = await items(
        api, job_id, limit=5, offset=0, sorting_keys=["status", "exportedAt"], sorting_order=["ASC", "DESC"]
    )
    assert info["currentRequestPagination"] == {
        "parameters": {
            "limit": ["5"],
            "offset": ["0"],
            "sorting_keys": ["status", "exportedAt"],
            "sorting_order": ["ASC", "DESC"],
        },
        "limit": 5,
        "offset": 0,
        "sortingKeys": ["status", "exportedAt"],
        "sortingOrder": ["ASC", "DESC"],
    }


async def test_cursors_keep_to_the_documented_alphabet(api: Api) -> None:
    _, info = await items(api, await api.job_in_progress(2))
    for name in ("startCursor", "endCursor"):
        assert re.fullmatch("[A-Z2-7=~]+", info[name])


async def test_an_empty_page_has_no_cursors(api: Api) -> None:
    found, info = await items(api, await api.job_in_progress(1), offset=5)
    assert found == []
    assert info.keys() == {"currentRequestPagination", "hasNextPage", "hasPreviousPage", "total"}
    assert (info["hasNextPage"], info["hasPreviousPage"], info["total"]) == (False, True, 1)


async def test_an_item_that_leaves_the_filter_between_two_pages_shifts_nothing(api: Api) -> None:
    job_id = await api.job_in_progress(4)
    first_page, info = await items(api, job_id, limit=2, status="pending")
    await api.update(job_id, *({"accountingEntryId": entry, "status": "successful"} for entry in first_page))
    second_page, _ = await items(api, job_id, limit=2, status="pending", after=info["endCursor"])
    assert len({*first_page, *second_page}) == 4


@pytest.mark.parametrize(
    "query",
    [
        {"before": "MFRGG===", "after": "MFRGG==="},
        {"before": "MFRGG===", "offset": 1},
        {"after": "MFRGG===", "offset": 0},
        {"after": "MFRGG==="},
        {"before": "~~~"},
        {"after": "lower"},
        {"limit": -1},
        {"limit": 2**31},
        {"limit": "many"},
        {"offset": -1},
        {"sorting_keys": "status"},
        {"sorting_keys": ["status", "exportedAt"], "sorting_order": "ASC"},
        {"sorting_order": "ASC"},
        {"sorting_keys": "colour", "sorting_order": "ASC"},
        {"sorting_keys": "status", "sorting_order": "UPWARDS"},
        {"status": "unknown"},
    ],
)
async def test_wrong_and_contradicting_parameters_are_refused(api: Api, query: dict[str, object]) -> None:
    job_id = await api.job_in_progress(1)
    answer = await api.get(f"/v3/export-jobs/{job_id}/items", **query)
    assert answer.refusal == (400, "PARAMETER_VALIDATION_FAILED")


async def test_without_a_limit_a_page_has_twenty_and_never_more_than_a_hundred(api: Api) -> None:
    job_id = await api.job_in_progress(120)
    for limit, size in ((None, 20), (0, 20), (100, 100), (1000, 100)):
        found, _ = await items(api, job_id, **({} if limit is None else {"limit": limit}))
        assert len(found) == size


async def test_both_limits_can_be_set(api: Api) -> None:
    job_id = await api.job_in_progress(5)
    await api.call("PATCH", "/control/settings", {"defaultLimit": 1, "maxLimit": 3})
    assert len((await items(api, job_id))[0]) == 1
    assert len((await items(api, job_id, limit=100))[0]) == 3


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("ASC", ["09", "11", None]),
        ("ASC_NULLS_FIRST", [None, "09", "11"]),
        ("ASC_NULLS_LAST", ["09", "11", None]),
        ("DESC", [None, "11", "09"]),
        ("DESC_NULLS_FIRST", [None, "11", "09"]),
        ("DESC_NULLS_LAST", ["11", "09", None]),
    ],
)
async def test_records_are_sorted_as_asked_with_missing_values_where_asked(
    api: Api, order: str, expected: list[str | None]
) -> None:
    job_id = await api.job_in_progress(3)
    late, early, _ = [item["accountingEntryId"] for item in await api.job_items(job_id)]
    for entry_id, hour in ((late, "11"), (early, "09")):
        exported_at = f"2026-01-05T{hour}:00:00Z"
        await api.update(
            job_id, {"accountingEntryId": entry_id, "status": "successful", "exportedAt": exported_at}
        )
    query = {"sorting_keys": "exportedAt", "sorting_order": order}
    answer = (await api.get(f"/v3/export-jobs/{job_id}/items", **query)).json["data"]
    assert [item["exportedAt"] and item["exportedAt"][11:13] for item in answer] == expected


async def test_a_second_key_settles_ties_of_the_first(api: Api) -> None:
    job_id = await api.job_in_progress(30)
    query = {
        "sorting_keys": ["type", "date"],
        "sorting_order": ["DESC", "ASC"],
        "limit": 100,
        "job_id": job_id,
    }
    found = (await api.get("/v3/export-items", **query)).json["data"]
    by_date = sorted(found, key=lambda item: item["date"])
    assert found == sorted(by_date, key=lambda item: item["type"], reverse=True)
