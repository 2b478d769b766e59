"""The tables: ids, steps, times, settings, secrets encrypted, and who may look at them on the page.

Expense data, with names and amounts, stands in `explanations` only, which is forgotten after a while.

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
    UniqueConstraint,
    and_,
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


# Counts up by itself, on SQLite too.
Counter = BigInteger().with_variant(Integer, "sqlite")

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
    Column("waiting_until", UtcInstant),
    Column("broken_since", UtcInstant),  # in trouble since then, whatever it was called meanwhile
    Column("broken_told_at", UtcInstant),
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
    Column("told_at", UtcInstant),  # when it was noted whom to tell how it ended
    Column("doubt", Sentence),  # why our memory of it may be older than the world
    Column("reconciled_at", UtcInstant),
    Index("jobs_by_company", "company_id", "first_seen_at"),
    Index("jobs_untold", "told_at"),
)
# What is open is looked at every second while the page is looked at.
OPEN = and_(jobs.c.closed_at.is_(None), jobs.c.problem.is_(None))
jobs_open = Index("jobs_open", jobs.c.company_id, sqlite_where=OPEN)

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
    Column("intended_at", UtcInstant),
    Column("decided_at", UtcInstant),
    Column("settled_how", String),
    Column("settled_by", Sentence),
    Column("settled_at", UtcInstant),
    Index("items_by_entry", "accounting_entry_id"),
)

# When each step of the guide, 1 to 7, was begun for a job the first time.
steps = Table(
    "steps",
    metadata,
    Column("job_id", String, ForeignKey("jobs.job_id"), primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("taken_at", UtcInstant, nullable=False),
)

# The expense as it was read, beside the entry that was made of it; the amount in minor units of the wallet's currency.
explanations = Table(
    "explanations",
    metadata,
    Column("job_id", String, ForeignKey("jobs.job_id"), primary_key=True),
    Column("accounting_entry_id", String, primary_key=True),
    Column("kept_at", UtcInstant, nullable=False),
    Column("amount", BigInteger),
    Column("currency", String),
    Column("document", LargeBinary, nullable=False),
    Index("explanations_by_age", "kept_at"),
)

# Where Pleo, our memory and the accounting system did not say the same of an item when they were compared last.
differences = Table(
    "differences",
    metadata,
    Column("company_id", String, primary_key=True),
    Column("job_id", String, primary_key=True),  # Pleo may know jobs that were forgotten here
    Column("accounting_entry_id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("sentence", Sentence, nullable=False),
    Column("remedy", Sentence, nullable=False),
    Column("found_at", UtcInstant, nullable=False),
    Column("told_at", UtcInstant),  # when it was noted whom to tell of it
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

users = Table(
    "users",
    metadata,
    Column("user_id", String, primary_key=True),
    Column(
        "name", String, nullable=False, unique=True
    ),  # an e-mail address, or what was chosen; in lower case
    Column("password_hash", String),
    Column("issuer", String),  # of the OpenID provider that vouches for the user
    Column("subject", String),  # the user's name at that provider
    Column("created_at", UtcInstant, nullable=False),
    Column("disabled_at", UtcInstant),
    # Which half minute's code was the last that was taken; none: no second factor. Its secret stands among the secrets.
    Column("factor_step", BigInteger),
    UniqueConstraint("issuer", "subject"),
)

# What a user may do, in one company or, with EVERY_COMPANY in its place, in all of them.
grants = Table(
    "grants",
    metadata,
    Column("user_id", String, ForeignKey("users.user_id"), primary_key=True),
    Column("company_id", String, primary_key=True),
    Column("role", String, nullable=False),
)
EVERY_COMPANY = "*"

# Whoever shows the token whose SHA-256 stands here is the user; an invitation and a recovery code are good for one time.
sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("user_id", String, ForeignKey("users.user_id"), nullable=False),
    Column("begun_at", UtcInstant, nullable=False),
    Column("seen_at", UtcInstant, nullable=False),
    Column("strong", Boolean, nullable=False),  # more than a password was shown
    Column("proven_at", UtcInstant),  # when, as far as that is known
    Column("address", String, nullable=False),
    Column("browser", String, nullable=False),
)
recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("code_hash", String, primary_key=True),
    Column("user_id", String, ForeignKey("users.user_id"), nullable=False),
)
invitations = Table(
    "invitations",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("user_id", String, ForeignKey("users.user_id")),  # none: whoever becomes the first administrator
    Column("ends_at", UtcInstant, nullable=False),
)

# Sign-ins that failed, by whom they were tried for and from where; hashed, for names are typed wrong, passwords into the name's place.
failed_sign_ins = Table(
    "failed_sign_ins",
    metadata,
    Column("id", Counter, primary_key=True),
    Column("of", String, nullable=False),
    Column("failed_at", UtcInstant, nullable=False),
    Index("failed_sign_ins_of", "of", "failed_at"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Counter, primary_key=True),
    Column("at", UtcInstant, nullable=False),
    Column("who", Sentence, nullable=False),
    Column("company_id", String),
    Column("action", String, nullable=False),
    Column("detail", Sentence),
    Index("audit_by_company", "company_id", "at"),
)

# What is to be told to people: one row for each of them. `next_at` is empty once it was sent or given up.
notifications = Table(
    "notifications",
    metadata,
    Column("id", Counter, primary_key=True),
    Column("company_id", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("about", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("made_at", UtcInstant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", UtcInstant),
    Column("sent_at", UtcInstant),
    Column("problem", Sentence),
    UniqueConstraint("company_id", "channel", "about"),
    Index("notifications_due", "next_at"),
)
