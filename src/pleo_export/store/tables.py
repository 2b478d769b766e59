"""The tables. No expense data, no names of people, no amounts: ids, steps, times, settings, and secrets encrypted.

Columns carry the names of the fields in `domain.progress`, so a row converts to its struct as it is.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Insert,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    false,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeDecorator


class NaiveDatetimeError(ValueError):
    """A datetime without a time zone was about to be stored."""

    def __init__(self, value: datetime) -> None:
        super().__init__(f"{value} has no time zone")


class UtcInstant(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC. Raises NaiveDatetimeError on writing one without a time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  SQLAlchemy's
        if value is not None and value.tzinfo is None:
            raise NaiveDatetimeError(value)
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  SQLAlchemy's
        # SQLite drops the zone; a database that keeps it may answer in that of the session.
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Sentence(TypeDecorator[str]):
    """Text from anywhere. PostgreSQL knows no zero byte, so none is kept."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002  SQLAlchemy's
        return None if value is None else plain(value)


def plain(text: str) -> str:
    """Return the text as a Sentence keeps it."""
    return text.replace("\0", "")


class InsertIfAbsent(Insert):
    """An INSERT that leaves a row alone whose key is there already."""

    inherit_cache = True


@compiles(InsertIfAbsent)
def _spell(insert: InsertIfAbsent, compiler: SQLCompiler, **context: Any) -> str:
    # Both databases spell it like this; SQLAlchemy has it only in the dialect of each.
    text = compiler.visit_insert(insert, **context)  # type: ignore[no-untyped-call]
    return f"{text} ON CONFLICT DO NOTHING"


def insert_if_absent(table: Table) -> Insert:
    """Return an INSERT of whole rows whose rowcount tells how many were not there yet."""
    return InsertIfAbsent(table).execution_options(preserve_rowcount=True)


metadata = MetaData()

companies = Table(
    "companies",
    metadata,
    Column("company_id", String, primary_key=True),
    Column("first_seen_at", UtcInstant, nullable=False),
    Column("last_checked_at", UtcInstant),
    Column("name", Sentence),
    Column("settings", Sentence),
    Column("folder", Sentence),
    Column("trouble", Sentence),
    Column("added_at", UtcInstant),
    Column("paused_at", UtcInstant),
    Column("trouble_since", UtcInstant),
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", String, primary_key=True),
    Column("company_id", String, ForeignKey("companies.company_id"), nullable=False),
    Column("first_seen_at", UtcInstant, nullable=False),
    Column("planned", Boolean, nullable=False, server_default=false()),
    Column("started_at", UtcInstant),
    Column("closing_event", String),
    Column("closing_reason", Sentence),
    Column("closing_reason_type", String),
    Column("closed_at", UtcInstant),
    Column("problem", Sentence),
    Index("jobs_by_company", "company_id", "first_seen_at"),
)

items = Table(
    "items",
    metadata,
    Column("job_id", String, ForeignKey("jobs.job_id"), primary_key=True),
    Column("accounting_entry_id", String, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("phase", String, nullable=False),
    Column("external_id", String),
    Column("external_url", String),
    Column("exported_at", UtcInstant),
    Column("posted_on", Date),
    Column("already_there", Boolean, nullable=False),
    Column("failure_type", String),
    Column("failure_reason", Sentence),
    Column("unknown", Boolean, nullable=False),
    Column("reported_at", UtcInstant),
    Column("report_problem", Sentence),
    Column("failure_code", String),
    Column("note", Sentence),
)

leases = Table(
    "leases",
    metadata,
    Column("company_id", String, primary_key=True),
    Column("token", BigInteger, nullable=False),
    Column("holder", String, nullable=False),
    Column("taken_at", UtcInstant, nullable=False),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("webhook_id", String, primary_key=True),
    Column("event_id", String),
    Column("received_at", UtcInstant, nullable=False),
)

secrets = Table(
    "secrets",
    metadata,
    Column("company_id", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("ciphertext", LargeBinary, nullable=False),
    Column("updated_at", UtcInstant, nullable=False),
)
