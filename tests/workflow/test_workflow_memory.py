"""A database that was lost or is an older copy of itself: the run notices, asks the accounting system first, and says so."""

from pathlib import Path

import pytest

from pleo_export.accounting.port import Uniqueness
from pleo_export.domain.progress import Phase
from pleo_export.store import Store
from pleo_export.store.reconciling import RESTORED as RESTORED_ACTION
from pleo_export.workflow.memory import BEGUN, CLOSED, ENTRY_UNKNOWN, OUTCOMES_UNKNOWN
from tests.workflow.older_copy import copied_at, doubt_of, put_back
from tests.workflow.workflow_scene import Crash, Scene, at, eid, expense, nothing


@pytest.mark.slow
async def test_an_entry_that_an_older_copy_does_not_know_is_taken_over(scene: Scene, tmp_path: Path) -> None:
    scene.connector.change(concurrency=1)
    job_id = await scene.company.job_of(expense(1), expense(2), expense(3))
    scene.connector.before = at("record", 3, Crash())
    with copied_at(scene, "items.marked", tmp_path / "copy"):
        await scene.crash()
    put_back(scene, tmp_path / "copy")
    summary = await scene.run_one()
    assert [item.phase for item in summary.items] == [Phase.RECORDED] * 3
    assert [item.already_there for item in summary.items] == [True, True, False]
    assert scene.connector.asked("record") == [eid(3)]
    assert max(scene.connector.made.values()) == 1
    assert await doubt_of(scene, job_id) == ENTRY_UNKNOWN.format(system="memory", entry_id=eid(1))


async def test_it_is_told_once_in_the_audit_and_in_the_log(
    scene: Scene, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = await scene.company.job_of(expense(1), expense(2))
    with copied_at(scene, "items.planned", tmp_path / "copy"):
        await scene.run()
    put_back(scene, tmp_path / "copy")
    await scene.run()
    sentence = CLOSED.format(status="completed")
    assert await doubt_of(scene, job_id) == sentence
    assert sentence in caplog.text
    async with scene.parts() as parts:
        assert isinstance(parts.store, Store)
        assert not await parts.store.doubt(job_id, "another reason")
        (action,) = await parts.store.actions(scene.company.id, 9)
    assert (action.who, action.action) == ("pleo-export", RESTORED_ACTION)
    assert action.detail == f"job {job_id}: {sentence}"


@pytest.mark.slow
async def test_outcomes_that_only_pleo_knows_make_the_job_doubtful(scene: Scene, tmp_path: Path) -> None:
    scene.connector.change(concurrency=1)
    numbers = range(1, 120)
    job_id = await scene.company.job_of(*(expense(number) for number in numbers))
    scene.connector.before = at("record", 110, Crash())
    with copied_at(scene, "items.planned", tmp_path / "copy"):
        await scene.crash()
    told = sum(one["status"] == "successful" for one in (await scene.company.outcomes(job_id)).values())
    assert told, "Pleo has heard of some"
    put_back(scene, tmp_path / "copy")
    summary = await scene.run_one()
    doubt = await doubt_of(scene, job_id)
    assert doubt is not None
    assert doubt.split("expenses")[1] == OUTCOMES_UNKNOWN.split("expenses")[1]
    assert summary.event == "completed"
    assert set(scene.connector.asked("record")) <= set(scene.connector.asked("find")), (
        "each is looked up first"
    )
    assert max(scene.connector.made.values()) == 1


@pytest.mark.slow
async def test_a_lost_database_is_noticed(scene: Scene) -> None:
    scene.connector.change(concurrency=1)
    job_id = await scene.company.job_of(expense(1), expense(2))
    scene.connector.before = at("record", 2, Crash())
    await scene.crash()
    scene.forget()
    await scene.run()
    assert await doubt_of(scene, job_id) == BEGUN


@pytest.mark.slow
async def test_where_only_a_look_up_guards_nothing_doubtful_is_recorded(scene: Scene, tmp_path: Path) -> None:
    """A call of the time that was forgotten may still be under way."""
    scene.connector.change(concurrency=1, uniqueness=Uniqueness.LOOKUP_ONLY)
    job_id = await scene.company.job_of(expense(1), expense(2))
    scene.connector.before = at("record", 2, Crash())
    with copied_at(scene, "items.marked", tmp_path / "copy"):
        await scene.crash()
    put_back(scene, tmp_path / "copy")
    async with scene.parts() as parts:
        await parts.store.doubt(job_id, "an earlier run found evidence")
    summary = await scene.run_one()
    assert [item.phase for item in summary.items] == [Phase.RECORDED, Phase.REJECTED]
    assert scene.connector.asked("record") == []


@pytest.mark.slow
async def test_an_expense_that_is_exported_again_casts_no_doubt(scene: Scene) -> None:
    await scene.company.job_of(expense(1, files=["pdf"]))
    scene.connector.before = at("attach", 1, RuntimeError("a fault"))
    await scene.run()
    scene.connector.before = nothing
    again = await scene.company.press_export(1)
    (summary,) = await scene.run()
    assert summary.items[0].already_there
    assert await doubt_of(scene, again) is None


async def test_an_entry_that_is_found_when_it_is_to_be_recorded_makes_the_job_doubtful(scene: Scene) -> None:
    await scene.company.job_of(expense(1))
    await scene.run()
    scene.forget()
    job_id = await scene.company.press_export(1)
    (item,) = (await scene.run_one()).items
    assert item.already_there
    assert scene.connector.asked("find") == [], "nothing says that anybody began with it"
    assert await doubt_of(scene, job_id) == ENTRY_UNKNOWN.format(system="memory", entry_id=eid(1))
