"""What the page shows of the store: one company's at a time, a page at a time. Every query asks for the company itself."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, String, and_, case, exists, func, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.explanation import Explanation
from pleo_export.domain.failures import Rejection
from pleo_export.domain.grouping import Failure
from pleo_export.domain.item import Instant, known
from pleo_export.domain.job import JobEventType
from pleo_export.domain.money import Money
from pleo_export.domain.progress import Company, ItemProgress, JobProgress, Phase
from pleo_export.store import explanations as explanation_rows
from pleo_export.store import jobs as job_rows
from pleo_export.store.companies import ADDED, WITHOUT_SETTINGS
from pleo_export.store.errors import UnknownItemError
from pleo_export.store.reader import Reader
from pleo_export.store.tables import companies, differences, explanations, items, jobs, secrets, steps

Shown = TypeVar("Shown")

ATTEMPTS_SHOWN_MAX = 50


class Outcome(StrEnum):
    """What became of an item, as the page sorts them; each item has one."""

    WAITING = "waiting"
    BEGUN = "begun"
    RECORDED = "recorded"
    SETTLED = "settled"  # by a person, after it had failed
    FAILED = "failed"
    UNKNOWN = "unknown"  # failed, and nobody could tell whether an entry exists


_REJECTED = items.c.phase == Phase.REJECTED.value
_RECORDED = items.c.phase == Phase.RECORDED.value
IS: Mapping[Outcome, ColumnElement[bool]] = {
    Outcome.WAITING: items.c.phase == Phase.PLANNED.value,
    Outcome.BEGUN: items.c.phase == Phase.INTENDED.value,
    Outcome.RECORDED: and_(_RECORDED, items.c.settled_how.is_(None)),
    Outcome.SETTLED: and_(_RECORDED, items.c.settled_how.is_not(None)),
    Outcome.FAILED: and_(_REJECTED, items.c.unknown.is_(False)),
    Outcome.UNKNOWN: and_(_REJECTED, items.c.unknown.is_(True)),
}


class Some(msgspec.Struct, Generic[Shown], frozen=True):
    """Some of what there is, in order, and how many there are in all."""

    rows: Sequence[Shown]
    total: int


class Window(msgspec.Struct, frozen=True):
    """Which of the rows are asked for."""

    limit: int
    offset: int = 0


class LastJob(msgspec.Struct, frozen=True, kw_only=True):
    """The job of a company that was seen last, and how it ended, if it did."""

    job_id: str
    company_id: str
    first_seen_at: Instant
    closing_event: JobEventType | None
    closed_at: Instant | None
    problem: str | None


class CompanyLine(msgspec.Struct, frozen=True):
    """A company in service, without its settings, and its last job."""

    company: Company
    last_job: LastJob | None


class Differing(NamedTuple):
    """In how many places Pleo, our memory and the books differ for a company, and since when."""

    number: int
    since: datetime


class ItemLine(msgspec.Struct, frozen=True):
    """An item and, as long as its expense is kept, what was paid."""

    item: ItemProgress
    paid: Money | None


class Attempt(msgspec.Struct, frozen=True):
    """The same expense in a job, which was seen first at that time."""

    item: ItemProgress
    job_seen_at: datetime


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """Which items of a job are asked for; `text` is a part of an id, Pleo's or the accounting system's."""

    outcome: Outcome | None = None
    cause: str | None = None
    text: str | None = None


class Tally(msgspec.Struct, frozen=True):
    """How many items have which outcome, and how many of them were decided lately."""

    counts: Mapping[Outcome, int]
    lately: int

    @property
    def total(self) -> int:
        """How many items there are."""
        return sum(self.counts.values())

    @property
    def decided(self) -> int:
        """How many are final."""
        return self.total - self.counts[Outcome.WAITING] - self.counts[Outcome.BEGUN]


class DayOutcomes(msgspec.Struct, frozen=True):
    """How many items were recorded and how many failed on a day, in UTC."""

    day: date
    recorded: int
    failed: int


class DayAmount(msgspec.Struct, frozen=True):
    """What was recorded on a day, in UTC, in one currency."""

    day: date
    amount: Money


class _DayOf(FunctionElement[str]):
    """The day of an instant in UTC, as ISO 8601 writes it."""

    inherit_cache = True
    type = String()
    name = "day_of"


@compiles(_DayOf)
def _day_in_sqlite(day: _DayOf, compiler: SQLCompiler, **context: Any) -> str:
    # Instants stand there as text, in UTC.
    return f"substr({compiler.process(day.clauses, **context)}, 1, 10)"


@compiles(_DayOf, "postgresql")
def _day_in_postgres(day: _DayOf, compiler: SQLCompiler, **context: Any) -> str:
    return f"to_char({compiler.process(day.clauses, **context)} AT TIME ZONE 'UTC', 'YYYY-MM-DD')"


class Views:
    """Queries for the page. They raise StoreError; a job or an item of another company counts as unknown."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def companies(self, among: Collection[str] | None, text: str, window: Window) -> Some[CompanyLine]:
        """Return companies in service, those in trouble first, then those that differ from the books, then by name.

        `among` are the only ones that count, None for all; `text` is a part of the name or of the id.
        """
        return await self._reader.run(lambda connection: _companies(connection, among, text, window))

    async def differing(self, company_ids: Collection[str]) -> Mapping[str, Differing]:
        """Return which of the companies differ from Pleo or from the books, and in how many places."""
        facts = (differences.c.company_id, func.count(), func.min(differences.c.found_at))
        query = (
            select(*facts).where(differences.c.company_id.in_(company_ids)).group_by(differences.c.company_id)
        )
        return await self._reader.run(
            lambda connection: {row[0]: Differing(*row[1:]) for row in connection.execute(query)}
        )

    async def jobs(self, company_id: str, window: Window) -> Some[JobProgress]:
        """Return the company's jobs, the one seen last first."""

        def query(connection: Connection) -> Some[JobProgress]:
            found = job_rows.of_company(connection, company_id, window.limit, window.offset)
            count = select(func.count()).select_from(jobs).where(jobs.c.company_id == company_id)
            return Some(found, connection.execute(count).scalar_one())

        return await self._reader.run(query)

    async def job(self, company_id: str, job_id: str) -> JobProgress:
        """Return a job of the company. Raises UnknownJobError."""
        return await self._reader.run(lambda connection: job_rows.get_of(connection, company_id, job_id))

    async def steps(self, company_id: str, job_id: str) -> Mapping[int, datetime]:
        """Return when each step of the guide was begun for the job, as far as it was."""
        taken = _of_job(select(steps.c.step, steps.c.taken_at).join(jobs), company_id, job_id, steps.c.job_id)
        return await self._reader.run(lambda connection: _pairs(connection, taken))

    async def tally(self, company_id: str, job_id: str, lately: datetime) -> Tally:
        """Count the items of a job by outcome, and those that were decided since `lately`."""
        counts: list[Any] = [_number(condition).label(outcome.name) for outcome, condition in IS.items()]
        counts.append(_number(items.c.decided_at >= lately).label("lately"))
        query = _of_job(select(*counts).select_from(items).join(jobs), company_id, job_id)

        def count(connection: Connection) -> Tally:
            row = connection.execute(query).mappings().one()
            return Tally({outcome: row[outcome.name] for outcome in Outcome}, row["lately"])

        return await self._reader.run(count)

    async def failures(self, company_id: str, job_id: str) -> Sequence[Failure]:
        """Return why items of a job failed, in the job's order."""
        facts = select(items.c.accounting_entry_id, items.c.failure_code, items.c.failure_reason).join(jobs)
        query = _of_job(facts, company_id, job_id).where(_REJECTED).order_by(items.c.position)

        return await self._reader.run(lambda connection: [_failure(row) for row in connection.execute(query)])

    async def items(self, company_id: str, job_id: str, chosen: Chosen, window: Window) -> Some[ItemLine]:
        """Return the chosen items of a job, in its order."""
        conditions = _conditions(chosen)
        lines = _lines(company_id, job_id, *conditions).order_by(items.c.position)
        total = _of_job(select(func.count()).select_from(items).join(jobs), company_id, job_id)

        def read(connection: Connection) -> Some[ItemLine]:
            rows = connection.execute(lines.limit(window.limit).offset(window.offset))
            return Some(
                [_line(row) for row in rows], connection.execute(total.where(*conditions)).scalar_one()
            )

        return await self._reader.run(read)

    async def items_behind(
        self, company_id: str, job_id: str, position: int, limit: int
    ) -> Sequence[ItemLine]:
        """Return the job's items whose position is larger, in order, at most `limit`: all of them, bit by bit."""
        lines = (
            _lines(company_id, job_id, items.c.position > position).order_by(items.c.position).limit(limit)
        )
        return await self._reader.run(lambda connection: [_line(row) for row in connection.execute(lines)])

    async def item(self, company_id: str, job_id: str, entry_id: str) -> ItemProgress:
        """Return one item of a job of the company. Raises UnknownItemError."""
        query = _lines(company_id, job_id, items.c.accounting_entry_id == entry_id)

        def read(connection: Connection) -> ItemProgress:
            row = connection.execute(query).first()
            if row is None:
                raise UnknownItemError(job_id, entry_id)
            return _line(row).item

        return await self._reader.run(read)

    async def explanation(self, company_id: str, job_id: str, entry_id: str) -> Explanation | None:
        """Return an expense beside its entry; None where that was forgotten, or never kept."""
        query = (
            select(explanations.c.document).join(jobs).where(explanations.c.accounting_entry_id == entry_id)
        )
        query = _of_job(query, company_id, job_id, explanations.c.job_id)
        kept = await self._reader.run(lambda connection: connection.execute(query).scalar())
        return None if kept is None else explanation_rows.read(kept)

    async def attempts(self, company_id: str, entry_id: str) -> Sequence[Attempt]:
        """Return the expense as it stands in each job of the company, the latest first."""
        query = select(items, jobs.c.first_seen_at).join(jobs)
        query = query.where(items.c.accounting_entry_id == entry_id, jobs.c.company_id == company_id)
        query = query.order_by(jobs.c.first_seen_at.desc(), items.c.job_id.desc()).limit(ATTEMPTS_SHOWN_MAX)
        return await self._reader.run(
            lambda connection: [Attempt(_item(row), row.first_seen_at) for row in connection.execute(query)]
        )

    async def outcomes_by_day(self, company_id: str, since: datetime) -> Sequence[DayOutcomes]:
        """Return how many items were decided on each day that had any."""
        day = _DayOf(items.c.decided_at).label("day")
        query = select(day, _number(_RECORDED), _number(_REJECTED)).select_from(items).join(jobs)
        query = query.where(jobs.c.company_id == company_id, items.c.decided_at >= since)
        query = query.group_by(day).order_by(day)
        return await self._reader.run(
            lambda connection: [
                DayOutcomes(date.fromisoformat(text), *numbers)
                for text, *numbers in connection.execute(query)
            ]
        )

    async def amounts_by_day(self, company_id: str, since: datetime) -> Sequence[DayAmount]:
        """Return what was recorded on each day by currency, as far as the expenses are kept.

        An expense that was in the books before counts only in the job that put it there.
        """
        day, currency = _DayOf(items.c.decided_at).label("day"), explanations.c.currency
        query = select(day, currency, func.sum(explanations.c.amount)).select_from(items).join(jobs)
        query = query.join(explanations, _ITS_EXPLANATION).where(
            jobs.c.company_id == company_id,
            items.c.decided_at >= since,
            _RECORDED,
            or_(items.c.already_there.is_(False), items.c.settled_how.is_not(None)),
            currency.is_not(None),
        )
        query = query.group_by(day, currency).order_by(day, currency)
        return await self._reader.run(
            lambda connection: [
                DayAmount(date.fromisoformat(text), Money(code, int(units)))
                for text, code, units in connection.execute(query)
            ]
        )

    async def secrets_kept(self, company_id: str) -> Mapping[str, datetime]:
        """Return which kinds of secrets are kept for the company, and since when."""
        query = select(secrets.c.kind, secrets.c.updated_at).where(secrets.c.company_id == company_id)
        return await self._reader.run(lambda connection: _pairs(connection, query))


_ITS_EXPLANATION = and_(
    explanations.c.job_id == items.c.job_id,
    explanations.c.accounting_entry_id == items.c.accounting_entry_id,
)


def _companies(
    connection: Connection, among: Collection[str] | None, text: str, window: Window
) -> Some[CompanyLine]:
    wanted: list[ColumnElement[bool]] = [ADDED]
    if among is not None:
        wanted.append(companies.c.company_id.in_(among))
    if text:
        named = companies.c.name.icontains(text, autoescape=True)
        wanted.append(or_(named, companies.c.company_id.icontains(text, autoescape=True)))
    newest = select(jobs.c.job_id).where(jobs.c.company_id == companies.c.company_id).correlate(companies)
    newest = newest.order_by(jobs.c.first_seen_at.desc(), jobs.c.job_id.desc()).limit(1)
    differ = exists().where(differences.c.company_id == companies.c.company_id)
    attention = case((companies.c.trouble.is_not(None), 0), (differ, 1), else_=2).label("attention")
    query = select(*WITHOUT_SETTINGS, newest.scalar_subquery().label("last_job"), attention).where(*wanted)
    query = query.order_by(attention, func.lower(companies.c.name), companies.c.company_id)
    page = query.limit(window.limit).offset(window.offset).subquery()
    last = (column.label(f"job_{column.name}") for column in jobs.c)
    with_jobs = select(page, *last).outerjoin(jobs, jobs.c.job_id == page.c.last_job)
    rows = connection.execute(
        with_jobs.order_by(page.c.attention, func.lower(page.c.name), page.c.company_id)
    )
    total = select(func.count()).select_from(companies).where(*wanted)
    return Some([_company_line(row) for row in rows], connection.execute(total).scalar_one())


def _failure(row: Row[Any]) -> Failure:
    cause = known(Cause, row.failure_code or "") or Cause.UNCLASSIFIED
    return row.accounting_entry_id, Rejection(cause, row.failure_reason or "")


def _company_line(row: Row[Any]) -> CompanyLine:
    company = msgspec.convert(row, Company, from_attributes=True)
    if row.last_job is None:
        return CompanyLine(company, None)
    facts = {name: getattr(row, f"job_{name}") for name in LastJob.__struct_fields__}
    return CompanyLine(company, msgspec.convert(facts, LastJob))


def _of_job(
    query: Select[Any], company_id: str, job_id: str, column: ColumnElement[str] = items.c.job_id
) -> Select[Any]:
    return query.where(column == job_id, jobs.c.company_id == company_id)


def _pairs(connection: Connection, query: Select[Any]) -> dict[Any, Any]:
    return dict(connection.execute(query).all())


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _conditions(chosen: Chosen) -> Sequence[ColumnElement[bool]]:
    conditions = []
    if chosen.outcome is not None:
        conditions.append(IS[chosen.outcome])
    if chosen.cause is not None:
        conditions.append(items.c.failure_code == chosen.cause)
    if chosen.text is not None:
        ids = (items.c.accounting_entry_id, items.c.external_id)
        conditions.append(or_(*(one.icontains(chosen.text, autoescape=True) for one in ids)))
    return conditions


def _lines(company_id: str, job_id: str, *conditions: ColumnElement[bool]) -> Select[Any]:
    query = select(items, explanations.c.amount, explanations.c.currency).select_from(items).join(jobs)
    return _of_job(query.outerjoin(explanations, _ITS_EXPLANATION), company_id, job_id).where(*conditions)


def _line(row: Row[Any]) -> ItemLine:
    paid = None if row.currency is None or row.amount is None else Money(row.currency, row.amount)
    return ItemLine(_item(row), paid)


def _item(row: Row[Any]) -> ItemProgress:
    return msgspec.convert(row, ItemProgress, from_attributes=True)
