"""The service compares Pleo, our memory and the books by itself, and keeps what differs until it is settled."""

import asyncio
import shutil
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from pleo_export.domain.reconciling import Difference
from pleo_export.observe import metrics
from pleo_export.service.reconciling import AGAIN, COMPARE, LOOK_SECONDS, PAUSE
from pleo_export.service.settings import ServiceSettings
from pleo_export.workflow.memory import BEGUN
from tests.cli.desk import Desk
from tests.service.test_worker import Idle, Scene, drain, scene, settings, url

__all__ = ["scene", "settings", "url"]

pytestmark = pytest.mark.slow


def entries(desk: Desk) -> Sequence[Path]:
    return sorted(
        path for path in desk.ledger.glob("[0-9]*/*/*.beancount") if "fingerprint" in path.read_text("utf-8")
    )


async def exported(scene: Scene, settings: ServiceSettings, desk: Desk, count: int) -> str:
    job = await asyncio.to_thread(desk.export, count)
    await drain(scene.worker(Idle(), settings), desk, 1)
    return job


async def differences(scene: Scene, desk: Desk) -> list[str]:
    return [one.kind for one in await scene.store.differences(desk.company_id)]


async def test_what_differs_is_kept_counted_and_gone_once_it_is_settled(
    scene: Scene, settings: ServiceSettings, tmp_path: Path
) -> None:
    job = await exported(scene, settings, scene.a, 3)
    entry = entries(scene.a)[0]
    shutil.move(entry, tmp_path / "moved away")
    own = scene.reconciling()
    await own.look()
    (found,) = await scene.store.differences(scene.a.company_id, job)
    assert found.kind == Difference.ENTRY_MISSING
    metrics.differences(await scene.store.differences_by_kind())
    assert 'pleo_export_differences{kind="entry-missing"} 1.0' in metrics.exposition().decode()
    shutil.move(tmp_path / "moved away", entry)
    await own.look()
    assert await differences(scene, scene.a), "it is compared once a day"
    scene.clock.advance(AGAIN.total_seconds() + 1)
    await own.look()
    assert await differences(scene, scene.a) == []
    assert await scene.store.reconcile_due(scene.clock.now() - timedelta(days=30), scene.clock.now()) == []


async def test_what_a_person_has_mended_is_compared_again_at_once_when_somebody_asks(
    scene: Scene, settings: ServiceSettings, tmp_path: Path
) -> None:
    for desk in (scene.a, scene.b):
        await exported(scene, settings, desk, 1)
    entry, other = entries(scene.a)[0], entries(scene.b)[0]
    shutil.move(entry, tmp_path / "moved away")
    other.unlink()
    await scene.reconciling().look()
    shutil.move(tmp_path / "moved away", entry)
    worker = scene.worker(Idle(), settings)
    await drain(worker, scene.a, 2, COMPARE)
    assert await differences(scene, scene.a) == [Difference.ENTRY_MISSING], "nobody has asked for it yet"
    await scene.store.reconcile_again(scene.a.company_id)
    await drain(worker, scene.a, 3)
    assert await differences(scene, scene.a) == [Difference.ENTRY_MISSING], "that run was for exporting"
    await drain(worker, scene.a, 4, COMPARE)
    assert await differences(scene, scene.a) == []
    assert await differences(scene, scene.b) == [Difference.ENTRY_MISSING]


async def test_where_comparing_was_put_off_it_is_done_all_the_same_when_somebody_asks(
    scene: Scene, settings: ServiceSettings
) -> None:
    await exported(scene, settings, scene.a, 1)
    entries(scene.a)[0].unlink()
    scene.silent.add(scene.a.company_id)
    own = scene.reconciling()
    await own.look()
    scene.silent.clear()
    await own.at_once(scene.a.company_id)
    assert await differences(scene, scene.a) == [Difference.ENTRY_MISSING]


async def test_a_company_that_cannot_be_compared_keeps_no_other_waiting(
    scene: Scene, settings: ServiceSettings
) -> None:
    for desk in (scene.a, scene.b):
        await exported(scene, settings, desk, 1)
        entries(desk)[0].unlink()
    scene.silent.add(scene.a.company_id)
    own = scene.reconciling()
    await own.look()
    assert await differences(scene, scene.a) == []
    assert await differences(scene, scene.b) == [Difference.ENTRY_MISSING]
    scene.silent.clear()
    await own.look()
    assert await differences(scene, scene.a) == [], "it is put off"
    scene.clock.advance(PAUSE.total_seconds())
    await own.look()
    assert await differences(scene, scene.a) == [Difference.ENTRY_MISSING]


async def test_after_a_restored_database_all_that_pleo_knows_is_compared(
    scene: Scene, settings: ServiceSettings
) -> None:
    forgotten = await exported(scene, settings, scene.a, 2)
    await scene.reconciling().look()
    # Another company id in the way of the first job: to this memory it is a job of nobody.
    later = await asyncio.to_thread(scene.a.export, 1, seed=2)
    await drain(scene.worker(Idle(), settings), scene.a, 2)
    await scene.store.doubt(later, BEGUN)
    (due,) = await scene.store.reconcile_due(scene.clock.now() - timedelta(days=30), scene.clock.now())
    assert due.everything
    assert set(due.job_ids) == {forgotten, later}


async def test_it_looks_again_and_again(scene: Scene, settings: ServiceSettings) -> None:
    await exported(scene, settings, scene.a, 1)
    entries(scene.a)[0].unlink()
    task = asyncio.create_task(scene.reconciling().run())
    await scene.clock.until_asleep(1)
    before = len(scene.clock.slept)
    scene.clock.advance(LOOK_SECONDS)
    await scene.clock.until_slept(before + 1)
    task.cancel()
    assert await differences(scene, scene.a) == [Difference.ENTRY_MISSING]


async def test_comparing_counts_against_the_same_limit_of_calls_as_exporting(
    scene: Scene, settings: ServiceSettings
) -> None:
    await exported(scene, settings, scene.a, 1)
    of_company = await scene.companies.settings(scene.a.company_id)
    credential = await scene.companies.credential(scene.a.company_id, of_company)
    limiter = scene.companies.limiter(scene.a.company_id, of_company, credential)
    assert not limiter.has_capacity(limiter.max_rate), "the export made calls"
    before = limiter._level
    await scene.reconciling().look()
    assert limiter._level > before
