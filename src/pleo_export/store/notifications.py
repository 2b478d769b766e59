"""What is to be told to people, kept until it is told, so that no crash swallows it and none is told for ever."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select, update

from pleo_export.store.reader import Reader
from pleo_export.store.tables import companies, differences, insert_if_absent, jobs, notifications
from pleo_export.store.writer import Writer

# Longer than any sending takes: only then may another process take its place.
CLAIMED = timedelta(minutes=15)

# Inline: the number that a row gets is not asked for, which would stand in the way of ON CONFLICT.
KEEP = insert_if_absent(notifications).inline()

_ENDED = and_(jobs.c.told_at.is_(None), or_(jobs.c.closed_at.is_not(None), jobs.c.problem.is_not(None)))
_IN_TROUBLE = and_(
    companies.c.trouble.is_not(None), companies.c.added_at.is_not(None), companies.c.paused_at.is_(None)
)


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """One message for one receiver. `channel` says which way to whom; `about` is what it tells of.

    Of the same matter, nobody gets a second one.
    """

    company_id: str
    channel: str
    about: str
    body: bytes


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """A note that is ours to send now. `attempts` counts this one too."""

    id: int
    company_id: str
    channel: str
    body: bytes
    made_at: datetime
    attempts: int


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A note and what became of it: sent, given up (neither `sent_at` nor `next_at`), or to be sent from `next_at` on."""

    company_id: str
    channel: str
    about: str
    attempts: int
    next_at: datetime | None
    sent_at: datetime | None
    problem: str | None


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """A company whose connection has been broken since then, or was, where `trouble` is None."""

    company_id: str
    since: datetime
    trouble: str | None


class Notifications:
    """What jobs, differences and connections are still to be told of, and the notes on their way, for several processes.

    All verbs raise StoreError.
    """

    def __init__(self, writer: Writer, reader: Reader, clock: Callable[[], datetime]) -> None:
        self._writer, self._reader, self._clock = writer, reader, clock

    async def untold_jobs(self, limit: int) -> list[tuple[str, str]]:
        """Return the company and the id of jobs that have ended, whatever way, and were not told of yet."""
        query = select(jobs.c.company_id, jobs.c.job_id).where(_ENDED).limit(limit)
        return await self._reader.run(
            lambda connection: [(one, two) for one, two in connection.execute(query)]
        )

    async def tell_job(self, job_id: str, notes: Sequence[Note]) -> bool:
        """Keep the notes about an ended job, which may be none; False where another process has done so."""
        now = self._clock()
        tell = update(jobs).where(jobs.c.job_id == job_id, _ENDED).values(told_at=now)

        def told(connection: Connection) -> bool:
            return bool(connection.execute(tell).rowcount) and _keep(connection, notes, now)

        return await self._writer.run(told)

    async def untold_differences(self, before: datetime) -> list[tuple[str, datetime]]:
        """Return the companies with differences that were not told of yet, and when the newest of them was found.

        Those in which any was found since `before` are left out: more of them may be on the way.
        """
        newest = func.max(differences.c.found_at, type_=differences.c.found_at.type)
        query = (
            select(differences.c.company_id, newest)
            .where(differences.c.told_at.is_(None))
            .group_by(differences.c.company_id)
            .having(newest <= before)
        )
        return await self._reader.run(
            lambda connection: [(company_id, found_at) for company_id, found_at in connection.execute(query)]
        )

    async def tell_differences(self, company_id: str, until: datetime, notes: Sequence[Note]) -> bool:
        """Keep the notes about differences found up to then; False where another process has done so."""
        now = self._clock()
        untold = (
            differences.c.company_id == company_id,
            differences.c.told_at.is_(None),
            differences.c.found_at <= until,
        )
        tell = update(differences).where(*untold).values(told_at=now)

        def told(connection: Connection) -> bool:
            return bool(connection.execute(tell).rowcount) and _keep(connection, notes, now)

        return await self._writer.run(told)

    async def watch_troubles(self) -> None:
        """Note since when each company that is worked for has been in trouble; forget a trouble that nobody heard of."""
        now = self._clock()
        begun = and_(_IN_TROUBLE, companies.c.broken_since.is_(None))
        past = and_(~_IN_TROUBLE, companies.c.broken_since.is_not(None), companies.c.broken_told_at.is_(None))
        look = select(companies.c.company_id).where(or_(begun, past)).limit(1)
        if await self._reader.run(lambda connection: connection.execute(look).first()) is None:
            return

        def watch(connection: Connection) -> None:
            connection.execute(update(companies).where(begun).values(broken_since=now))
            connection.execute(update(companies).where(past).values(broken_since=None))

        await self._writer.run(watch)

    async def broken(self, before: datetime) -> list[Broken]:
        """Return the companies whose connection broke before then, broken still and not told of."""
        untold = and_(_IN_TROUBLE, companies.c.broken_since <= before, companies.c.broken_told_at.is_(None))
        return await self._connections(untold)

    async def restored(self) -> list[Broken]:
        """Return the companies that are no longer in trouble, and of whose trouble people were told."""
        over = and_(companies.c.trouble.is_(None), companies.c.broken_told_at.is_not(None))
        return await self._connections(over)

    async def tell_broken(self, company_id: str, notes: Sequence[Note]) -> bool:
        """Keep the notes about a connection that broke; False where another process has done so, or it is over."""
        now = self._clock()
        untold = (companies.c.company_id == company_id, _IN_TROUBLE, companies.c.broken_told_at.is_(None))
        tell = update(companies).where(*untold).values(broken_told_at=now)

        def told(connection: Connection) -> bool:
            return bool(connection.execute(tell).rowcount) and _keep(connection, notes, now)

        return await self._writer.run(told)

    async def tell_restored(self, company_id: str, broken: str, notes: Sequence[Note]) -> bool:
        """Keep the notes about a connection that works again; those about `broken` that nobody got are dropped."""
        now = self._clock()
        over = (
            companies.c.company_id == company_id,
            companies.c.trouble.is_(None),
            companies.c.broken_told_at.is_not(None),
        )
        clear = update(companies).where(*over).values(broken_since=None, broken_told_at=None)
        unsent = (
            notifications.c.company_id == company_id,
            notifications.c.about == broken,
            notifications.c.sent_at.is_(None),
        )

        def told(connection: Connection) -> bool:
            if not connection.execute(clear).rowcount:
                return False
            connection.execute(delete(notifications).where(*unsent))
            return _keep(connection, notes, now)

        return await self._writer.run(told)

    async def claim(self, limit: int) -> list[Claimed]:
        """Take notes that are due, for a quarter of an hour: until then nobody else sends them."""
        now = self._clock()
        due = notifications.c.next_at <= now
        columns = [notifications.c[name] for name in Claimed.__struct_fields__]
        look = select(*columns).where(due).order_by(notifications.c.next_at).limit(limit)
        if not await self._reader.run(lambda connection: connection.execute(look.limit(1)).first()):
            return []

        def claim(connection: Connection) -> list[Claimed]:
            found = connection.execute(look).mappings().all()
            return [
                Claimed(**{**row, "attempts": row["attempts"] + 1})
                for row in found
                if _take(connection, row["id"], row["attempts"], now + CLAIMED)
            ]

        return await self._writer.run(claim)

    async def sent(self, note_id: int) -> None:
        """Note that it was sent."""
        await self._change(note_id, sent_at=self._clock(), next_at=None, problem=None)

    async def failed(self, note_id: int, problem: str, next_at: datetime | None) -> None:
        """Note why it was not sent, and when to try again; None: it is given up."""
        await self._change(note_id, problem=problem, next_at=next_at)

    async def drop(self, note_id: int) -> None:
        """Forget a note that nobody is to get any more."""
        this = delete(notifications).where(notifications.c.id == note_id)
        await self._writer.run(lambda connection: connection.execute(this).rowcount)

    async def kept(self, company_id: str) -> list[Kept]:
        """Return the company's notes, the first one first."""
        columns = [notifications.c[name] for name in Kept.__struct_fields__]
        query = select(*columns).where(notifications.c.company_id == company_id).order_by(notifications.c.id)
        return await self._reader.run(
            lambda connection: [Kept(**row) for row in connection.execute(query).mappings()]
        )

    async def forget(self, before: datetime) -> int:
        """Forget notes made before, which were sent or given up; return how many."""
        old = (notifications.c.made_at < before, notifications.c.next_at.is_(None))
        return await self._writer.run(
            lambda connection: connection.execute(delete(notifications).where(*old)).rowcount
        )

    async def _change(self, note_id: int, **values: object) -> None:
        change = update(notifications).where(notifications.c.id == note_id).values(values)
        await self._writer.run(lambda connection: connection.execute(change).rowcount)

    async def _connections(self, *conditions: ColumnElement[bool]) -> list[Broken]:
        since = companies.c.broken_since.label("since")
        query = select(companies.c.company_id, since, companies.c.trouble).where(*conditions)
        return await self._reader.run(
            lambda connection: [Broken(**row) for row in connection.execute(query).mappings()]
        )


def _keep(connection: Connection, notes: Sequence[Note], now: datetime) -> bool:
    fresh = {"made_at": now, "attempts": 0, "next_at": now}
    rows = [{**msgspec.structs.asdict(note), **fresh} for note in notes]
    if rows:
        connection.execute(KEEP, rows)
    return True


def _take(connection: Connection, note_id: int, attempts: int, until: datetime) -> bool:
    mine = (notifications.c.id == note_id, notifications.c.attempts == attempts)
    take = update(notifications).where(*mine).values(attempts=attempts + 1, next_at=until)
    return bool(connection.execute(take).rowcount)
