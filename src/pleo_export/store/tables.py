"""The three tables. No expense data, no names, no amounts: ids, steps and times only.

Columns carry the names of the fields in `domain.progress`, so a row converts to its struct as it is.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    false,
)
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


metadata = MetaData()

companies = Table(
    "companies",
    metadata,
    Column("company_id", String, primary_key=True),
    Column("first_seen_at", UtcInstant, nullable=False),
    Column("last_checked_at", UtcInstant),
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
    Column("closing_reason", String),
    Column("closing_reason_type", String),
    Column("closed_at", UtcInstant),
    Column("problem", String),
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
    Column("failure_reason", String),
    Column("unknown", Boolean, nullable=False),
    Column("reported_at", UtcInstant),
    Column("report_problem", String),
    Column("failure_code", String),
    Column("note", String),
)
