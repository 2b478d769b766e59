"""What a person settled is shown as such, with what Pleo goes on to show."""

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import Rejection
from pleo_export.service.page.access.roles import Role
from tests.service.page.site import COMPANY, Site

JOB, ENTRY = "job-1", "entry-1"
ITEM = f"/companies/{COMPANY}/jobs/{JOB}/items/{ENTRY}"


async def test_an_item_that_was_recorded_by_hand_says_who_when_and_what_pleo_shows(site: Site) -> None:
    await site.store.see_job(JOB, COMPANY)
    await site.store.plan(JOB, [ENTRY])
    await site.store.rejected(JOB, ENTRY, Rejection(Cause.ACCOUNT_UNKNOWN, "No such account."))
    await site.store.reported(JOB, [ENTRY])
    operator = await site.signed_in(Role.OPERATOR, "ada")
    before = (await operator.get(ITEM)).text
    assert "/recorded-by-hand" in before
    assert "/look-up" not in before, "it is known why it failed"
    site.clock.forward(minutes=1)
    await operator.press(f"{ITEM}/recorded-by-hand", external_id="HAND-1", confirmed="yes")
    after = (await operator.get(ITEM)).text
    assert "The right id of the entry, where another one was given" in after
    for shown in (
        "HAND-1",
        "2026-03-01 12:01:00 UTC by ada",
        "settled after that",
        "exported in Pleo by hand",
    ):
        assert shown in after
