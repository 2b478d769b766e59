"""The loop that tells people. What is to be told is in the store before it is sent, and stays until it was.

Each message is sent at least once: a process that dies between sending and noting it has it sent again, with the same id.
"""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec

from pleo_export.clock import Clock
from pleo_export.config import NotifySettings, notify_settings
from pleo_export.domain.progress import Company
from pleo_export.service.settings import ServiceSettings
from pleo_export.service.telling.errors import NotSetUpError, NotToldError
from pleo_export.service.telling.mail import send_mail
from pleo_export.service.telling.messages import (
    Message,
    about_broken,
    about_differences,
    about_job,
    about_restored,
    broken_matter,
)
from pleo_export.service.telling.set_up import mail_server
from pleo_export.service.telling.webhook import send_webhook
from pleo_export.store import Store
from pleo_export.store.notifications import Claimed, Note

LOOK_SECONDS = 5.0
GRACE = timedelta(
    minutes=15
)  # a trouble that is over by then is nothing to be told of, and what comes together is told once
PAUSE_MINUTES = (
    1,
    4,
    16,
    64,
    256,
    360,
)  # after the first attempt, the second, and so on; then the last one each time
GIVEN_UP_AFTER = timedelta(hours=24)
AT_ONCE_MAX = 10
JOBS_AT_ONCE_MAX = 50

WEBHOOK = "webhook"
MAIL = "mailto:"

log = logging.getLogger(__name__)


class Telling:
    """Notes what people are to be told, and tells them. Any number of processes may do so on one store."""

    def __init__(self, settings: ServiceSettings, store: Store, clock: Clock) -> None:
        self._settings, self._store, self._clock = settings, store, clock
        self._notes = store.notifications
        # Threads of its own: a mail server that hangs keeps nobody else from theirs.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="telling")

    def close(self) -> None:
        """Begin nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def run(self) -> None:
        """Tell again and again. Ends by being cancelled only."""
        while True:
            try:
                await self.look()
            except Exception:  # the service's edge: the next look may find the database again
                log.exception("it could not be seen what people are to be told")
            await self._clock.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Note what has happened since the last look, then send what is due. Raises StoreError."""
        await self._note_jobs()
        await self._note_differences()
        await self._note_connections()
        due = await self._notes.claim(AT_ONCE_MAX)
        await asyncio.gather(*map(self._send, due))

    async def _note_jobs(self) -> None:
        for company_id, job_id in await self._notes.untold_jobs(JOBS_AT_ONCE_MAX):
            company = await self._store.company(company_id)
            job = await self._store.job(job_id)
            items = await self._store.items(job_id) if _receivers(company) else []
            message = about_job(company, job, items, self._clock.now(), self._settings.public_url)
            await self._notes.tell_job(job_id, _notes(company, message))

    async def _note_differences(self) -> None:
        page, now = self._settings.public_url, self._clock.now()
        for company_id, until in await self._notes.untold_differences(now - GRACE):
            company = await self._store.company(company_id)
            kept = await self._store.differences(company_id)
            message = about_differences(company, kept, until, now, page)
            await self._notes.tell_differences(company_id, until, _notes(company, message))

    async def _note_connections(self) -> None:
        await self._notes.watch_troubles()
        page, now = self._settings.public_url, self._clock.now()
        for broken in await self._notes.broken(now - GRACE):
            company = await self._store.company(broken.company_id)
            notes = _notes(company, about_broken(company, broken, now, page))
            await self._notes.tell_broken(broken.company_id, notes)
        for broken in await self._notes.restored():
            company = await self._store.company(broken.company_id)
            notes = _notes(company, about_restored(company, broken, now, page))
            await self._notes.tell_restored(broken.company_id, broken_matter(broken), notes)

    async def _send(self, note: Claimed) -> None:
        company = await self._store.company(note.company_id)
        if note.channel not in _receivers(company):
            await self._notes.drop(note.id)
            return
        message = msgspec.json.decode(note.body, type=Message)
        try:
            await self._hand_over(company, note.channel, message)
        except NotToldError as problem:
            await self._put_off(note, message, problem)
            return
        await self._notes.sent(note.id)
        log.info("told by %s: %s, company %s", _way(note), message.type, note.company_id)

    async def _hand_over(self, company: Company, channel: str, message: Message) -> None:
        if channel == WEBHOOK:
            url, secret = _notify(company).webhook_url, self._settings.notify_secret
            if secret is None:
                raise NotSetUpError("PLEO_EXPORT_NOTIFY_SECRET")
            assert url is not None, "it is a receiver"
            await send_webhook(url, secret.get_secret_value(), message, self._clock.now())
            return
        server, sender = self._settings.smtp_url, self._settings.mail_from
        if server is None or sender is None:
            raise NotSetUpError("PLEO_EXPORT_SMTP_URL", "PLEO_EXPORT_MAIL_FROM")
        parts = (mail_server(server.get_secret_value()), sender, channel.removeprefix(MAIL), message)
        await asyncio.get_running_loop().run_in_executor(self._threads, send_mail, *parts)

    async def _put_off(self, note: Claimed, message: Message, problem: NotToldError) -> None:
        next_at = self._clock.now() + pause_after(note.attempts)
        given_up = next_at > note.made_at + GIVEN_UP_AFTER
        await self._notes.failed(note.id, str(problem), None if given_up else next_at)
        log.log(
            logging.ERROR if given_up else logging.WARNING,
            "%s by %s: %s, company %s. %s",
            "nobody was told, and it is given up" if given_up else "not told yet",
            _way(note),
            message.type,
            note.company_id,
            problem,
        )


def pause_after(attempts: int) -> timedelta:
    """Return how long to wait after so many attempts."""
    return timedelta(minutes=PAUSE_MINUTES[min(attempts, len(PAUSE_MINUTES)) - 1])


def _notify(company: Company) -> NotifySettings:
    return notify_settings(company.settings or "")


def _receivers(company: Company) -> list[str]:
    """Return the channels to those who are to be told now."""
    notify = _notify(company)
    webhooks = [WEBHOOK] if notify.webhook_url is not None else []
    return [*(MAIL + address for address in notify.email), *webhooks]


def _notes(company: Company, message: Message | None) -> list[Note]:
    if message is None:
        return []
    body = msgspec.json.encode(message)
    return [
        Note(company_id=company.company_id, channel=channel, about=message.about, body=body)
        for channel in _receivers(company)
    ]


def _way(note: Claimed) -> str:
    """Name the channel without the address."""
    return "webhook" if note.channel == WEBHOOK else "e-mail"
