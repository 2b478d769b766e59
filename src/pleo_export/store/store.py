"""The store: what must survive a crash, in a file or on a server."""

import asyncio
from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from contextlib import AbstractAsyncContextManager
from copy import copy
from datetime import datetime
from types import MappingProxyType
from typing import Self

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from pleo_export.domain.job import ExportJob
from pleo_export.domain.progress import Company, ItemProgress, LastLook, Settled
from pleo_export.domain.reconciling import Adoption, Told
from pleo_export.store import audit, companies, fencing, pulses, reconciling, sealed, settling, webhooks
from pleo_export.store.audit import Action
from pleo_export.store.database import Database, database_at
from pleo_export.store.errors import NewerStoreError
from pleo_export.store.exports import Clock, Exports
from pleo_export.store.fencing import Fence
from pleo_export.store.migrate import UnknownRevisionError, make_ready
from pleo_export.store.notifications import Notifications
from pleo_export.store.people import People
from pleo_export.store.pulses import Pulse
from pleo_export.store.reader import Reader
from pleo_export.store.reconciling import Due, Kept
from pleo_export.store.sealed import SealedSecret
from pleo_export.store.second_factors import SecondFactors
from pleo_export.store.settling import Settlement
from pleo_export.store.views import Views
from pleo_export.store.writer import Writer


class Store(Exports):
    """The durable memory of all exports, for one process and one event loop. Other processes may have it open as well.

    Every writing method returns once its change is committed and synced to the disk. All of them raise StoreError where
    nothing could be kept, and ContradictionError where the change contradicts what is remembered (see `errors`).
    Texts given here are kept and shown as they are: no secrets, no personal names.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        """Use `open` instead."""
        super().__init__(Writer(database), Reader(database), clock)
        # Whoever looks must not keep those waiting who work.
        self._onlookers = Reader(database)
        self.views = Views(self._onlookers)
        self._database = database
        self.people = People(self._writer, self._reader)
        self.second_factors = SecondFactors(self._writer, self._reader)
        self.notifications = Notifications(self._writer, self._reader, clock)

    @classmethod
    async def open(cls, url: str, clock: Clock) -> Self:
        """Open or create the store, and bring it to this version's schema.

        `url` is `sqlite:///` and the path of a file, whose folder is made (see `sqlite_url`), or `postgresql://` as libpq
        reads it; there the tables stand in a schema of their own. `clock` returns the time as an aware datetime. Raises
        StoreError where the store is another program's, damaged, of a newer version, cannot be reached or written; it is
        left as it is.
        """
        database = database_at(url)
        try:
            await asyncio.to_thread(_make_ready, database)
        except BaseException:
            database.dispose()
            raise
        return cls(database, clock)

    async def close(self) -> None:
        """Finish the writes that wait, then close the connections. Nothing can be used afterwards, no view either."""
        await self._writer.close()
        self._reader.close()
        self._onlookers.close()
        self._database.dispose()

    def fenced(self, company_id: str, token: int) -> Self:
        """Return a view of the store that writes only while the company's lease is held with this token.

        Each write looks in its own transaction, and raises FencedError where a larger token has taken the lease.
        """
        view = copy(self)
        view._fence = Fence(company_id, token)  # noqa: SLF001  our own
        return view

    def exclusively(self, name: str) -> AbstractAsyncContextManager[None]:
        """Hold the name alone while the body works, over all tasks and processes that have this store open.

        A process that dies holds nothing. A holder whose server went away learns nothing of it, and another may follow.
        Raises StoreLockedError after a minute of waiting, and StoreUnreachableError.
        """
        return self._database.exclusively(name)

    async def take_lease(self, company_id: str, token: int, holder: str) -> None:
        """Become the company's only writer among the views made by `fenced`.

        Raises FencedError unless the token is larger than all that took the lease before.
        """
        fence, now = Fence(company_id, token), self._clock()
        await self._write(lambda connection: fencing.take(connection, fence, holder, now))

    async def add_company(
        self,
        company_id: str,
        name: str,
        settings: str,
        folder: str,
        secrets: Mapping[str, bytes] = MappingProxyType({}),
    ) -> None:
        """Take a company into service, with the text of its settings and the folder their relative paths start from.

        `secrets` are encrypted, by kind, and kept with it or not at all. Raises CompanyExistsError where it is in service.
        One that was removed may be added again.
        """
        facts, now = {"name": name, "settings": settings, "folder": folder}, self._clock()

        def add(connection: Connection) -> None:
            companies.add(connection, company_id, facts, now)
            for kind, ciphertext in secrets.items():
                sealed.keep(connection, company_id, kind, ciphertext, now)

        await self._write(add)

    async def change_company(self, company_id: str, settings: str, folder: str) -> None:
        """Keep other settings of a company in service. Raises UnknownCompanyError."""
        await self._write(lambda connection: companies.change(connection, company_id, settings, folder))

    async def pause(self, company_id: str) -> None:
        """Note that the company is paused; the first time counts. Raises UnknownCompanyError."""
        now = self._clock()
        await self._write(lambda connection: companies.pause(connection, company_id, now))

    async def resume(self, company_id: str) -> None:
        """End the pause, if there is one. Raises UnknownCompanyError."""
        await self._write(lambda connection: companies.resume(connection, company_id))

    async def remove_company(self, company_id: str) -> None:
        """Take the company out of service: its settings and secrets go, its jobs stay. Raises UnknownCompanyError."""
        await self._write(lambda connection: companies.remove(connection, company_id))

    async def to_settle(self, company_id: str, job_id: str, entry_id: str, how: Settled) -> ItemProgress:
        """Return an item that a person may settle so. Raises UnknownItemError, also of another company, NotToSettleError."""
        return await self._reader.run(
            lambda connection: settling.to_settle(connection, company_id, job_id, entry_id, how)
        )

    async def settle(
        self, company_id: str, job_id: str, entry_id: str, settlement: Settlement
    ) -> ItemProgress:
        """Make a success of a failed item, on a person's word, and return it. Pleo goes on to show what it was told.

        An item that was looked up was unknown before; one whose entry was found to be lost may be recorded by hand anew,
        and what was said by hand be corrected. Raises UnknownItemError, also where the job is another company's,
        NotToSettleError where the item has not failed, Pleo is still to be told of it, or another entry is known.
        """
        now = self._clock()
        return await self._write(
            lambda connection: settling.settle(connection, company_id, job_id, entry_id, settlement, now=now)
        )

    async def reconcile_due(self, since: datetime, again_before: datetime) -> list[Due]:
        """Return which ended jobs, first seen `since`, are to be compared with Pleo and the accounting system.

        Those never compared since they ended, and those compared before `again_before` in which something differed.
        """
        return await self._onlookers.run(lambda connection: reconciling.due(connection, since, again_before))

    async def reconcile_again(self, company_id: str) -> None:
        """Let the company's jobs in which something differs be due now, however lately they were compared."""
        await self._write(lambda connection: reconciling.ask_again(connection, company_id))

    async def exported_later(self, job_id: str) -> set[str]:
        """Return which items of a job were exported again in a job of the company that was seen later."""
        return await self._onlookers.run(lambda connection: reconciling.exported_later(connection, job_id))

    async def jobs_since(self, company_id: str, since: datetime) -> list[str]:
        """Return the ids of the company's jobs first seen since then."""
        return await self._onlookers.run(
            lambda connection: reconciling.seen_since(connection, company_id, since)
        )

    async def reconciled(self, company_id: str, job_id: str, found: Mapping[str, Told]) -> None:
        """Keep what differs in a job, by item, in the place of what was found before."""
        now = self._clock()
        await self._write(lambda connection: reconciling.keep(connection, company_id, job_id, found, now))

    async def differences(
        self, company_id: str, job_id: str | None = None, entry_id: str | None = None
    ) -> list[Kept]:
        """Return what differed in a company, in one job of it, or in one item, when it was compared last."""
        return await self._onlookers.run(
            lambda connection: reconciling.of_company(connection, company_id, job_id, entry_id)
        )

    async def differences_by_kind(self) -> dict[str, int]:
        """Count what differs in all companies by kind."""
        return await self._onlookers.run(reconciling.by_kind)

    async def adopt_found(self, job: ExportJob, adoption: Adoption) -> ItemProgress:
        """Remember an entry that was found in the books for an item of an ended job; the job need not be known.

        Raises IllegalTransitionError where the job is open here or the item recorded, SecondEntryError.
        """
        now = self._clock()
        return await self._write(lambda connection: reconciling.adopt(connection, job, adoption, now))

    async def wait_until(self, company_id: str, until: datetime) -> None:
        """Note until when the company's calls wait because Pleo asked for it. Raises UnknownCompanyError."""
        await self._write(lambda connection: companies.wait_until(connection, company_id, until))

    async def pulse(self, company_ids: AbstractSet[str] | None) -> Pulse:
        """Return what differs once something has changed for these companies, None: all of them."""
        return await self._onlookers.run(lambda connection: pulses.of(connection, company_ids))

    async def trouble(self, company_id: str, sentence: str | None) -> None:
        """Keep what is wrong with the company, or that nothing is; since when stays while the sentence does.

        Raises UnknownCompanyError where the company was never seen.
        """
        now = self._clock()
        await self._write(lambda connection: companies.trouble(connection, company_id, sentence, now))

    async def company(self, company_id: str) -> Company:
        """Return one company, in service or not. Raises UnknownCompanyError where it was never seen."""
        return await self._reader.run(lambda connection: companies.get(connection, company_id))

    async def company_in_service(self, company_id: str) -> Company:
        """Return one company that is in service. Raises UnknownCompanyError."""
        return await self._reader.run(lambda connection: companies.in_service(connection, company_id))

    async def companies(self) -> list[Company]:
        """Return every company ever seen, by id, those not in service too; `settings` are left out."""
        return await self._reader.run(companies.everyone)

    async def last_looks(self) -> list[LastLook]:
        """Return when each company was last looked at that is in service and not paused."""
        return await self._reader.run(companies.last_looks)

    async def only_company(self) -> str | None:
        """Return the id of the company in service where there is one and no other."""
        return await self._reader.run(companies.only)

    async def saw_webhooks(self, webhook_ids: Collection[str]) -> set[str]:
        """Return which of the webhooks were received before."""
        return await self._reader.run(lambda connection: webhooks.seen(connection, webhook_ids))

    async def see_webhooks(self, event_ids: Mapping[str, str | None]) -> None:
        """Remember that these webhooks were received; the values are the ids of their events."""
        now = self._clock()
        await self._write(lambda connection: webhooks.see(connection, event_ids, now))

    async def forget_webhooks(self, before: datetime) -> int:
        """Forget the webhooks received before; return how many."""
        return await self._write(lambda connection: webhooks.forget(connection, before))

    async def note_action(
        self, who: str, company_id: str | None, action: str, detail: str | None = None
    ) -> None:
        """Keep that a person did something, in a company or, with None, beyond one."""
        facts, now = {"who": who, "company_id": company_id, "action": action, "detail": detail}, self._clock()
        await self._write(lambda connection: audit.note(connection, facts, now))

    async def actions(self, company_id: str | None, limit: int, before_id: int | None = None) -> list[Action]:
        """Return what people did, the newest first: in a company or, with None, anywhere; those before one, if given."""
        return await self._reader.run(
            lambda connection: audit.actions(connection, company_id, limit, before_id)
        )

    async def secret(self, company_id: str, kind: str) -> bytes | None:
        """Return an encrypted secret, None where there is none."""
        return await self._reader.run(lambda connection: sealed.get(connection, company_id, kind))

    async def secrets(self) -> list[SealedSecret]:
        """Return the encrypted secrets of all companies."""
        return await self._reader.run(sealed.everything)

    async def keep_secret(self, company_id: str, kind: str, ciphertext: bytes) -> None:
        """Keep an encrypted secret in the place of the one before. The company need not be known."""
        now = self._clock()
        await self._write(lambda connection: sealed.keep(connection, company_id, kind, ciphertext, now))

    async def replace_secret(self, company_id: str, kind: str, *, old: bytes, new: bytes) -> bool:
        """Keep the new ciphertext unless the old one was changed meanwhile; return whether it was kept."""
        pair, now = (old, new), self._clock()
        return await self._write(lambda connection: sealed.replace(connection, company_id, kind, pair, now))

    async def forget_secrets(self, kind: str, before: datetime) -> int:
        """Forget the secrets of this kind that were kept before; return how many."""
        return await self._write(lambda connection: sealed.forget(connection, kind, before))

    async def drop_secrets(self, company_id: str, kind: str | None = None) -> int:
        """Forget the company's secret of this kind, or all of them; return how many there were."""
        return await self._write(lambda connection: sealed.drop(connection, company_id, kind))


def _make_ready(database: Database) -> None:
    try:
        with database.preparing() as connection:
            make_ready(connection)
    except UnknownRevisionError as error:
        raise NewerStoreError(database.place, error.revision) from error
    except DBAPIError as error:
        raise database.explained(error) from error
