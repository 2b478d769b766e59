"""A look tells that something has changed for a company, and for no other."""

from collections.abc import Awaitable, Callable

import pytest

from pleo_export.domain.job import JobEventType
from pleo_export.store import Store
from tests.store.stores import COMPANY, JOB, StoppedClock, create_entry, opened, reject

OTHER = "company-b"
Change = Callable[[Store], Awaitable[object]]

CHANGES: dict[str, Change] = {
    "a look at Pleo": lambda store: store.see_company(COMPANY),
    "a pause": lambda store: store.pause(COMPANY),
    "trouble": lambda store: store.trouble(COMPANY, "Something is wrong."),
    "a wait": lambda store: store.wait_until(COMPANY, StoppedClock().forward(600)),
    "a job": lambda store: store.see_job("job-2", COMPANY),
    "a start": lambda store: store.mark_started(JOB),
    "a step": lambda store: store.step_taken(JOB, 2),
    "an intent": lambda store: store.intend(JOB, "e2"),
    "a failure": lambda store: reject(store, "e2"),
    "an entry that is complete": lambda store: create_entry(store, "e1", complete=True),
    "a decision": lambda store: store.closing(JOB, JobEventType.FAILED),
    "an end": lambda store: store.abandoned(JOB, "It expired."),
    "a button": lambda store: store.note_action("ada", COMPANY, "check", None),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_every_change_is_seen_for_its_company_alone(url: str, name: str) -> None:
    clock = StoppedClock()
    async with opened(url, clock) as store:
        for company_id in (COMPANY, OTHER):
            await store.add_company(company_id, "A", "", "/")
        await store.see_job(JOB, COMPANY)
        await store.plan(JOB, ["e1", "e2"])
        await store.intend(JOB, "e1")
        topics = (
            frozenset({COMPANY}),
            frozenset({OTHER}),
            frozenset({COMPANY, OTHER}),
            None,
            frozenset[str](),
        )
        before = [await store.pulse(topic) for topic in topics]
        assert before == [await store.pulse(topic) for topic in topics]
        clock.forward(1)
        await CHANGES[name](store)
        after = [await store.pulse(topic) for topic in topics]
        changed = [then != now for then, now in zip(before, after, strict=True)]
        assert changed == [True, False, True, True, False]


async def test_an_outcome_that_pleo_took_or_refused_is_seen(url: str) -> None:
    async with opened(url) as store:
        await store.see_job(JOB, COMPANY)
        await store.plan(JOB, ["e1", "e2"])
        await reject(store, "e1")
        await reject(store, "e2")
        pulses = [await store.pulse(None)]
        await store.reported(JOB, ["e1"])
        pulses.append(await store.pulse(None))
        await store.report_refused(JOB, "e2", "no")
        pulses.append(await store.pulse(None))
        assert len(set(pulses)) == len(pulses)
