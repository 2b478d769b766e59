"""What is told, to whom, how often; and that it is told in the end."""

import asyncio
import json
import logging
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.job import JobEventType
from pleo_export.domain.progress import Company, ItemProgress, JobProgress, Phase, Settled
from pleo_export.domain.reconciling import Difference, Told
from pleo_export.service.telling.messages import about_job
from pleo_export.service.telling.telling import GIVEN_UP_AFTER, GRACE, pause_after
from pleo_export.store.notifications import CLAIMED
from tests.service.telling_scene import (
    ADDRESS,
    COMPANY,
    JOB,
    NAME,
    PAGE,
    SECRET,
    Receiver,
    Scene,
    receiver,
    scene,
)
from tests.store.stores import NOON

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
CHILD = Path(__file__).with_name("telling_child.py")


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    async with receiver() as taking:
        yield taking


@pytest.fixture
async def told(tmp_path: Path, hook: Receiver) -> AsyncIterator[Scene]:
    async with scene(tmp_path, f'webhook_url = "{hook.url}?key=hidden-key"', notify_secret=SECRET) as opened:
        yield opened


async def test_a_job_with_failures_is_one_signed_message_with_its_failures_by_cause(
    told: Scene, hook: Receiver
) -> None:
    await told.fail_job(Cause.NO_LINES, Cause.EXPENSE_NOT_SENT, Cause.NO_LINES, recorded=2, total="EUR 71.20")
    await told.telling.look()
    await told.telling.look()
    ((headers, body),) = hook.got
    event = Webhook(SECRET).verify(body, dict(headers))
    assert event["type"] == "job.ended"
    assert event["data"] == {
        "company_id": COMPANY,
        "company": NAME,
        "job_id": JOB,
        "ending": "completed_with_errors",
        "reason": None,
        "expenses": 5,
        "recorded": 2,
        "failed": 3,
        "failures": [
            {
                "cause": "no-lines",
                "number": 2,
                "problem": "Pleo sent this expense of … without any line, so there is nothing to book.",
                "remedy": "Open it in Pleo, choose a category and export it again.",
            },
            {
                "cause": "expense-not-sent",
                "number": 1,
                "problem": "Pleo listed this expense in the export but did not send its data.",
                "remedy": "Export it again.",
            },
        ],
        "url": f"{PAGE}/companies/{COMPANY}/jobs/{JOB}",
    }
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body.replace("5", "6"), dict(headers))


async def test_a_job_that_ends_well_is_told_to_nobody(told: Scene, hook: Receiver) -> None:
    await told.fail_job(recorded=2)
    await told.telling.look()
    assert hook.got == []
    assert await told.store.notifications.untold_jobs(1) == []


async def test_what_was_said_about_an_expense_of_a_job_that_failed_is_not_repeated(
    told: Scene, hook: Receiver
) -> None:
    await told.fail_job(Cause.NO_LINES, total="EUR 71.20")
    await told.telling.look()
    assert "71.20" not in hook.got[0][1]
    assert json.loads(hook.got[0][1])["data"]["ending"] == "failed"


async def test_a_job_that_was_given_up_is_told_with_its_reason(told: Scene, hook: Receiver) -> None:
    await told.store.see_job(JOB, COMPANY)
    await told.store.abandoned(JOB, "The job expired in Pleo before it was closed here.")
    await told.telling.look()
    data = json.loads(hook.got[0][1])["data"]
    assert data["ending"] == "given_up"
    assert data["reason"] == "The job expired in Pleo before it was closed here."


async def test_what_differs_is_told_once_it_is_all_found_and_never_again(told: Scene, hook: Receiver) -> None:
    def differs(kind: Difference) -> Told:
        return Told(kind=kind, sentence="JE-9 is gone.", remedy="Ask Ada.")

    missing, open_still = differs(Difference.ENTRY_MISSING), differs(Difference.LEFT_OPEN)
    await told.store.reconciled(COMPANY, JOB, {"e1": missing, "e2": missing})
    await told.pass_time(GRACE - SECOND)
    await told.store.reconciled(COMPANY, "job-2", {"e3": open_still})
    await told.pass_time(GRACE - SECOND)
    assert hook.got == []
    await told.pass_time(SECOND)
    event = json.loads(hook.got[0][1])
    assert event["type"] == "differences.found"
    assert event["data"] == {
        "company_id": COMPANY,
        "company": NAME,
        "differences": [
            {"difference": "entry-missing", "number": 2, "remedy": Difference.ENTRY_MISSING.remedy},
            {"difference": "left-open", "number": 1, "remedy": "Export it again in Pleo."},
        ],
        "url": f"{PAGE}/companies/{COMPANY}",
    }
    await told.store.reconciled(COMPANY, JOB, {"e1": missing})
    await told.pass_time(2 * GRACE)
    assert len(hook.got) == 1


async def test_what_differs_no_more_when_it_would_be_told_is_told_to_nobody(
    told: Scene, hook: Receiver
) -> None:
    gone = Told(kind=Difference.ENTRY_GONE, sentence="JE-9 is gone.", remedy="Ask Ada.")
    await told.store.reconciled(COMPANY, JOB, {"e1": gone})
    await told.store.reconciled(COMPANY, JOB, {})
    await told.pass_time(GRACE)
    assert hook.got == []


async def test_a_trouble_that_lasts_is_told_when_it_has_lasted_and_when_it_is_over(
    told: Scene, hook: Receiver
) -> None:
    for request in range(4):
        await told.store.trouble(COMPANY, f"Pleo does not answer (request {request}).")
        await told.pass_time(GRACE / 3)
    await told.pass_time(GRACE)
    assert [json.loads(body)["type"] for _, body in hook.got] == ["connection.broken"]
    assert json.loads(hook.got[0][1])["data"]["problem"] == "Pleo does not answer (request 3)."
    await told.store.trouble(COMPANY, None)
    await told.telling.look()
    await told.telling.look()
    assert [json.loads(body)["type"] for _, body in hook.got] == ["connection.broken", "connection.restored"]


async def test_a_trouble_that_is_over_soon_is_told_to_nobody(told: Scene, hook: Receiver) -> None:
    await told.store.trouble(COMPANY, "Pleo does not answer.")
    await told.telling.look()
    await told.pass_time(GRACE - SECOND)
    await told.store.trouble(COMPANY, None)
    await told.pass_time(GRACE)
    assert hook.got == []


async def test_what_is_refused_is_repeated_as_the_same_message_with_growing_pauses(
    told: Scene, hook: Receiver
) -> None:
    hook.status = 503
    await told.fail_job(Cause.EXPENSE_NOT_SENT)
    await told.telling.look()
    for attempt in range(1, 4):
        assert await told.problems() == ["The webhook's receiver answered 503."]
        await told.pass_time(pause_after(attempt) - SECOND)
        assert len(hook.got) == attempt
        await told.pass_time(SECOND)
        assert len(hook.got) == attempt + 1
    hook.status = 200
    await told.pass_time(pause_after(4))
    await told.pass_time(pause_after(5))
    assert len(hook.got) == 5
    assert len({(headers["webhook-id"], body) for headers, body in hook.got}) == 1
    (note,) = await told.store.notifications.kept(COMPANY)
    assert (note.problem, note.next_at, note.sent_at is not None) == (None, None, True)


async def test_after_a_day_it_is_given_up_and_the_problem_stays(
    told: Scene, hook: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    hook.status = 500
    await told.fail_job(Cause.EXPENSE_NOT_SENT)
    began = told.clock.now()
    await told.telling.look()
    pauses = [pause_after(attempt) for attempt in range(1, 20)]
    for pause in pauses:
        await told.pass_time(pause)
    (note,) = await told.store.notifications.kept(COMPANY)
    assert (note.next_at, note.sent_at) == (None, None)
    assert note.problem == "The webhook's receiver answered 500."
    assert len(hook.got) == note.attempts < len(pauses)
    assert (
        sum(pauses[: note.attempts], timedelta())
        > GIVEN_UP_AFTER
        > sum(pauses[: note.attempts - 1], timedelta())
    )
    assert told.clock.now() > began + GIVEN_UP_AFTER
    assert [line.levelname for line in caplog.records].count("ERROR") == 1


def test_the_pauses_grow_from_a_minute_to_six_hours() -> None:
    pauses = [pause_after(attempt) for attempt in range(1, 9)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (MINUTE, timedelta(hours=6))


async def test_a_redirect_is_not_followed(told: Scene, hook: Receiver) -> None:
    hook.status = 302
    await told.fail_job(Cause.EXPENSE_NOT_SENT)
    await told.telling.look()
    assert len(hook.got) == 1
    assert await told.problems() == ["The webhook's receiver answered 302."]


async def test_a_name_that_leads_into_our_network_is_not_called(
    told: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def inside(*_: object, **__: object) -> list[dict[str, object]]:
        return [
            {
                "hostname": "hooks.example",
                "host": "10.0.0.7",
                "port": 443,
                "family": 2,
                "proto": 0,
                "flags": 0,
            }
        ]

    monkeypatch.setattr("aiohttp.ThreadedResolver.resolve", inside)
    await told.settle('webhook_url = "https://hooks.example/x"')
    await told.fail_job(Cause.EXPENSE_NOT_SENT)
    await told.telling.look()
    assert await told.problems() == ["The webhook's receiver is in a private network."]


async def test_whoever_is_no_longer_to_be_told_is_not_told(told: Scene, hook: Receiver) -> None:
    hook.status = 503
    await told.fail_job(Cause.EXPENSE_NOT_SENT)
    await told.telling.look()
    await told.settle("")
    await told.pass_time(pause_after(1))
    assert len(hook.got) == 1
    assert await told.store.notifications.kept(COMPANY) == []


async def test_people_are_told_although_another_part_of_the_settings_is_refused(
    told: Scene, hook: Receiver
) -> None:
    await told.settle(f'webhook_url = "{hook.url}"\n[nonsense]\nkey = 1')
    await told.store.trouble(COMPANY, "pleo-export.toml cannot be used.")
    await told.telling.look()
    await told.pass_time(GRACE)
    assert len(hook.got) == 1


async def test_without_a_secret_or_a_mail_server_it_says_what_to_set(tmp_path: Path, hook: Receiver) -> None:
    async with scene(tmp_path, f'webhook_url = "{hook.url}"\nemail = ["{ADDRESS}"]') as opened:
        await opened.fail_job(Cause.EXPENSE_NOT_SENT)
        await opened.telling.look()
        assert await opened.problems() == [
            "Set PLEO_EXPORT_SMTP_URL and PLEO_EXPORT_MAIL_FROM in the environment of the service.",
            "Set PLEO_EXPORT_NOTIFY_SECRET in the environment of the service.",
        ]
    assert hook.got == []


async def test_no_secret_and_no_address_is_logged(
    told: Scene, hook: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await told.fail_job(Cause.EXPENSE_NOT_SENT)
    await told.telling.look()
    hook.status = 500
    await told.fail_job(Cause.EXPENSE_NOT_SENT, job_id="job-2")
    await told.telling.look()
    ours = "\n".join(line.getMessage() for line in caplog.records if line.name.startswith("pleo_export"))
    assert "told by webhook: job.ended, company company-a" in ours
    assert "not told yet by webhook: job.ended" in ours
    assert not any(hidden in ours for hidden in ("hidden-key", hook.url, SECRET, ADDRESS))


async def test_the_loop_survives_a_look_that_fails(
    told: Scene, hook: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await told.fail_job(Cause.EXPENSE_NOT_SENT)
    honest, failed = told.store.job, False

    async def job(job_id: str) -> object:
        nonlocal failed
        if not failed:
            failed = True
            raise OSError
        return await honest(job_id)

    monkeypatch.setattr(told.store, "job", job)
    came = asyncio.Event()
    hook.before = came.set
    running = asyncio.create_task(told.telling.run())
    async with asyncio.timeout(10):
        await came.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert "it could not be seen what people are to be told" in caplog.text


@pytest.mark.slow
async def test_who_is_killed_between_sending_and_noting_it_has_it_sent_again_with_the_same_id(
    told: Scene, hook: Receiver, tmp_path: Path
) -> None:
    await told.fail_job(Cause.EXPENSE_NOT_SENT)
    child = await asyncio.to_thread(
        subprocess.Popen, [sys.executable, str(CHILD), str(tmp_path / "store.db"), SECRET]
    )
    hook.before = child.kill
    assert await asyncio.to_thread(child.wait, 60) == -signal.SIGKILL
    hook.before = lambda: None
    await told.pass_time(MINUTE)
    assert len(hook.got) == 1
    await told.pass_time(CLAIMED)
    assert len(hook.got) == 2
    assert hook.got[0][0]["webhook-id"] == hook.got[1][0]["webhook-id"]
    assert hook.got[0][1] == hook.got[1][1]
    await told.pass_time(CLAIMED)
    assert len(hook.got) == 2


def test_what_a_person_settled_is_counted_once_and_what_pleo_refused_is_no_success() -> None:
    def item(name: str, **facts: Any) -> ItemProgress:
        facts = {"phase": Phase.RECORDED, "report_problem": "told as failed before", **facts}
        return ItemProgress(job_id="job-1", accounting_entry_id=name, position=0, **facts)

    settled = item("settled", settled_how=Settled.BY_HAND, settled_by="ada", settled_at=NOON)
    job = JobProgress(
        job_id="job-1",
        company_id="company-a",
        first_seen_at=NOON,
        closing_event=JobEventType.COMPLETED_WITH_ERRORS,
        counts={},
    )
    company = Company(company_id="company-a", first_seen_at=NOON)
    message = about_job(company, job, [settled, item("refused")], NOON, None)
    assert message is not None
    assert (message.data["recorded"], message.data["failed"]) == (1, 1)
