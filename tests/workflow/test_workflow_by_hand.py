"""An expense that a person has recorded is not recorded again, and Pleo hears of it when it comes again."""

from collections.abc import Sequence

from pleo_export.domain.progress import Phase, Settled
from pleo_export.store import Store
from pleo_export.store.settling import TOLD_OF_FAILURE, Settlement
from pleo_export.workflow.ports import ItemSettled
from tests.workflow.workflow_scene import Around, Scene, eid, expense

BY_HAND = Settlement(how=Settled.BY_HAND, by="ada", external_id="HAND-1")
UNKNOWN_ACCOUNT = "9999"


class SettledOnceTold(Around):
    """A store in which a person settles the first expense as soon as Pleo took its failure."""

    company_id: str
    settled = False

    async def reported(self, job_id: str, entry_ids: Sequence[str]) -> None:
        await self.inner.reported(job_id, entry_ids)
        if eid(1) in entry_ids and not self.settled:
            self.settled = True
            await self.inner.settle(self.company_id, job_id, eid(1), BY_HAND)


async def test_an_expense_that_comes_again_after_it_was_recorded_by_hand_is_told_and_not_recorded(
    scene: Scene,
) -> None:
    first = await scene.company.job_of(expense(1, account=UNKNOWN_ACCOUNT), expense(2))
    await scene.run_one()
    assert scene.booked() == [2]
    async with scene.parts() as parts:
        assert isinstance(parts.store, Store)
        await parts.store.settle(scene.company.id, first, eid(1), BY_HAND)
    again = await scene.company.press_export(1)
    scene.notices.clear()
    summary = await scene.run_one()
    assert (summary.event, scene.booked()) == ("completed", [2])
    assert not any(reference == eid(1) for reference in scene.connector.asked("record"))
    outcome = (await scene.company.outcomes(again))[1]
    assert (outcome["status"], outcome["externalId"]) == ("successful", "HAND-1")
    (item,) = summary.items
    assert (item.phase, item.settled_how, item.settled_by) == (Phase.RECORDED, Settled.BY_HAND, "ada")
    assert [one.item.external_id for one in scene.notices if isinstance(one, ItemSettled)] == ["HAND-1"]


async def test_what_was_settled_while_the_job_runs_is_closed_as_pleo_shows_it(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1, account=UNKNOWN_ACCOUNT), expense(2))
    async with scene.parts() as parts:
        store = SettledOnceTold(parts.store)
        store.company_id = scene.company.id
        summary = await scene.run_one(store=store)
    assert (summary.event, store.settled) == ("completed_with_errors", True)
    assert await scene.company.statuses(job_id) == {1: "failed", 2: "successful"}
    assert [item.phase for item in summary.items] == [Phase.RECORDED, Phase.RECORDED]
    assert summary.items[0].report_problem == TOLD_OF_FAILURE
