from datetime import datetime, timedelta

from pleo_export.domain.job import JobEventType
from pleo_export.domain.reconciling import Difference, Told
from pleo_export.store import Store
from pleo_export.store.notifications import CLAIMED, Broken, Note
from tests.store.stores import COMPANY, JOB, NOON, StoppedClock, opened, planned, reject

MINUTE = timedelta(minutes=1)
MISSING = Told(kind=Difference.ENTRY_MISSING, sentence="It is gone.", remedy="Restore it.")


def note(channel: str = "webhook", about: str = f"job {JOB} failed", company_id: str = COMPANY) -> Note:
    return Note(company_id=company_id, channel=channel, about=about, body=b"{}")


async def end(store: Store, event: JobEventType = JobEventType.FAILED) -> None:
    await store.closing(JOB, event)
    await store.closed(JOB)


async def in_trouble(store: Store, sentence: str | None = "Away.") -> None:
    await store.trouble(COMPANY, sentence)
    await store.notifications.watch_troubles()


async def serving(store: Store) -> None:
    await store.add_company(COMPANY, "A", "", "/srv")


async def test_a_job_is_to_be_told_of_from_its_end_until_somebody_notes_it(url: str) -> None:
    async with planned(url, "e1") as store, opened(url) as other:
        assert await store.notifications.untold_jobs(9) == []
        await reject(store, "e1")
        assert not await store.notifications.tell_job(JOB, [note()])
        await end(store)
        assert await store.notifications.untold_jobs(9) == [(COMPANY, JOB)]
        assert await store.notifications.tell_job(JOB, [note("webhook"), note("mailto:a@example.com")])
        assert not await other.notifications.tell_job(JOB, [note()])
        assert await store.notifications.untold_jobs(9) == []
        assert [one.channel for one in await store.notifications.kept(COMPANY)] == [
            "webhook",
            "mailto:a@example.com",
        ]


async def test_a_job_that_pleo_opened_again_is_told_of_twice_only_where_it_ends_in_another_way(
    url: str,
) -> None:
    async with planned(url) as store:
        await store.abandoned(JOB, "It expired.")
        await store.notifications.tell_job(JOB, [note(about="given up")])
        await store.see_job(JOB, COMPANY)
        assert await store.notifications.untold_jobs(9) == []
        await store.abandoned(JOB, "It expired.")
        assert await store.notifications.untold_jobs(9) == [(COMPANY, JOB)]
        await store.notifications.tell_job(JOB, [note(about="given up")])
        assert len(await store.notifications.kept(COMPANY)) == 1
        await store.see_job(JOB, COMPANY)
        await end(store)
        await store.notifications.tell_job(JOB, [note(about="failed")])
        assert len(await store.notifications.kept(COMPANY)) == 2


async def test_differences_are_to_be_told_of_once_they_are_all_found_and_until_somebody_notes_it(
    url: str,
) -> None:
    clock = StoppedClock()
    async with planned(url, "e1", "e2", clock=clock) as store, opened(url, clock) as other:
        notes = store.notifications
        await store.reconciled(COMPANY, JOB, {"e1": MISSING})
        clock.forward(60)
        await store.reconciled(COMPANY, JOB, {"e1": MISSING, "e2": MISSING})
        assert await notes.untold_differences(NOON) == []
        assert await notes.untold_differences(NOON + MINUTE) == [(COMPANY, NOON + MINUTE)]
        assert await notes.tell_differences(COMPANY, NOON, [note(about="the first")])
        assert not await other.notifications.tell_differences(COMPANY, NOON, [note(about="the first")])
        assert await notes.untold_differences(NOON + MINUTE) == [(COMPANY, NOON + MINUTE)]
        assert await notes.tell_differences(COMPANY, NOON + MINUTE, [])
        await store.reconciled(COMPANY, JOB, {"e1": MISSING, "e2": MISSING})
        assert await notes.untold_differences(NOON + MINUTE) == [], "they were found before"
        await store.reconciled(COMPANY, JOB, {})
        await store.reconciled(COMPANY, JOB, {"e2": MISSING})
        assert await notes.untold_differences(NOON + MINUTE) == [(COMPANY, NOON + MINUTE)], "it is back"
        assert [one.about for one in await notes.kept(COMPANY)] == ["the first"]


async def test_a_note_that_is_due_is_given_to_one_process_and_after_a_while_to_another(url: str) -> None:
    clock = StoppedClock()
    async with planned(url, clock=clock) as store, opened(url, clock) as other:
        await end(store)
        await store.notifications.tell_job(JOB, [note()])
        (first,) = await store.notifications.claim(9)
        assert (first.attempts, first.channel, first.body, first.made_at) == (1, "webhook", b"{}", NOON)
        assert await other.notifications.claim(9) == []
        clock.forward(int(CLAIMED.total_seconds()))
        (second,) = await other.notifications.claim(9)
        assert (second.id, second.attempts) == (first.id, 2)


async def test_what_was_sent_or_given_up_is_not_due_again_and_is_forgotten_in_the_end(url: str) -> None:
    clock = StoppedClock()
    async with planned(url, clock=clock) as store:
        notes = store.notifications
        await end(store)
        await notes.tell_job(JOB, [note(name) for name in ("sent", "given up", "put off", "dropped")])
        ids = {claimed.channel: claimed.id for claimed in await notes.claim(9)}
        await notes.failed(ids["sent"], "Away.", NOON)
        await notes.sent(ids["sent"])
        await notes.failed(ids["given up"], "Away.", None)
        await notes.failed(ids["put off"], "Away.", NOON + MINUTE)
        await notes.drop(ids["dropped"])

        def stands(at: datetime | None, *, sent: datetime | None, problem: str | None) -> tuple[object, ...]:
            return 1, at, sent, problem

        assert {
            one.channel: (one.attempts, one.next_at, one.sent_at, one.problem)
            for one in await notes.kept(COMPANY)
        } == {
            "sent": stands(None, sent=NOON, problem=None),
            "given up": stands(None, sent=None, problem="Away."),
            "put off": stands(NOON + MINUTE, sent=None, problem="Away."),
        }
        clock.forward(60)
        assert [claimed.channel for claimed in await notes.claim(9)] == ["put off"]
        assert await notes.forget(NOON) == 0
        assert await notes.forget(NOON + MINUTE) == 2


async def test_a_break_counts_from_its_beginning_whatever_the_trouble_is_called_meanwhile(url: str) -> None:
    clock = StoppedClock()
    async with opened(url, clock) as store:
        notes = store.notifications
        await serving(store)
        await in_trouble(store, "Away, request 1.")
        clock.forward(60)
        await in_trouble(store, "Away, request 2.")
        assert await notes.broken(NOON - MINUTE) == []
        broken = Broken(company_id=COMPANY, since=NOON, trouble="Away, request 2.")
        assert await notes.broken(NOON) == [broken]
        assert await notes.tell_broken(COMPANY, [note(about="broken")])
        assert not await notes.tell_broken(COMPANY, [note(about="broken")])
        assert [await notes.broken(NOON), await notes.restored()] == [[], []]


async def test_the_end_of_a_break_is_told_once_and_what_nobody_got_about_it_is_dropped(url: str) -> None:
    async with opened(url) as store:
        notes = store.notifications
        await serving(store)
        await in_trouble(store)
        await notes.tell_broken(COMPANY, [note("got it", "broken"), note("did not", "broken")])
        await notes.sent((await notes.claim(1))[0].id)
        assert not await notes.tell_restored(COMPANY, "broken", [note(about="restored")])
        await in_trouble(store, None)
        assert [one.company_id for one in await notes.restored()] == [COMPANY]
        assert await notes.tell_restored(COMPANY, "broken", [note(about="restored")])
        assert not await notes.tell_restored(COMPANY, "broken", [note(about="restored")])
        assert [(one.channel, one.about) for one in await notes.kept(COMPANY)] == [
            ("got it", "broken"),
            ("webhook", "restored"),
        ]
        assert await notes.restored() == []


async def test_of_a_break_that_is_over_soon_or_of_a_paused_company_nobody_is_told(url: str) -> None:
    async with opened(url) as store:
        await serving(store)
        for end_it in (store.trouble(COMPANY, None), store.pause(COMPANY)):
            await in_trouble(store)
            assert await store.notifications.broken(NOON) != []
            await end_it
            await store.notifications.watch_troubles()
            assert await store.notifications.broken(NOON) == []
            assert await store.notifications.restored() == []
