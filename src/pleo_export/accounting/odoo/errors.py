"""What Odoo answers when it does not do what was asked, and what that is to us. One table, tested on a real server.

Odoo undoes a call that fails, so whatever it says in its own words had no effect. What a proxy says before it, or
nobody, proves nothing.
"""

import re

import msgspec

from pleo_export.accounting.port import (
    ConnectorError,
    EntryRefusedError,
    ForbiddenError,
    NoAnswerError,
    RateLimitedError,
    UnauthorisedError,
    UnreachableError,
)
from pleo_export.domain.catalogue import Cause

# Odoo says these in words only: in the messages of `load`, and as a plain ValueError.
_CONFLICT_WORDS = ("could not serialize access", "deadlock detected", "ir_model_data_module_name_uniq_index")
_UNKNOWN_NAME_WORDS = "External ID not found"

_WAIT_SECONDS = 30.0  # where a proxy asks to slow down and not for how long
_SAID_MAX = 1000


class OdooBusyError(UnreachableError):
    """Others kept changing the same records for all of Odoo's own attempts; nothing was done."""


class OdooFaultError(ConnectorError):
    """Odoo failed in itself (HTTP 500) and undid the call; the same call would fail again."""


class OdooAddressError(UnreachableError):
    """Something answers at the address, but not the Odoo with this database: Odoo itself where PostgreSQL is down."""

    cause = Cause.ODOO_NOT_THERE


class InvoicingMissingError(ConnectorError):
    """The app that keeps books is not installed in this database."""

    cause = Cause.ODOO_NO_INVOICING


class TooLargeError(EntryRefusedError):
    """What stands before Odoo takes no call as large as this one."""

    cause = Cause.ODOO_TOO_LARGE


class CompanyUnknownError(ConnectorError):
    """The settings name a company that the user may not see, or none where there are several."""

    cause = Cause.ODOO_COMPANY_UNKNOWN

    def __init__(self, wanted: int | None, there: str) -> None:
        chosen = "names no company" if wanted is None else f"names company {wanted}"
        super().__init__(chosen=chosen, there=there or "none")


class UnknownNameError(OdooFaultError):
    """There is no record with the external id."""


class ErrorBody(msgspec.Struct):
    """The body of every answer of Odoo's JSON-2 API that is not 2xx."""

    name: str
    message: str


# By the name of the exception, because the status is 500 for mistakes of any kind.
_BY_NAME: dict[str, type[ConnectorError]] = {
    "odoo.exceptions.UserError": EntryRefusedError,
    "odoo.exceptions.ValidationError": EntryRefusedError,
    "odoo.exceptions.RedirectWarning": EntryRefusedError,
    "odoo.exceptions.MissingError": EntryRefusedError,
    "odoo.exceptions.LockError": OdooBusyError,
    "odoo.exceptions.AccessError": ForbiddenError,
    "odoo.exceptions.AccessDenied": UnauthorisedError,
    "werkzeug.exceptions.Unauthorized": UnauthorisedError,
    "werkzeug.exceptions.Forbidden": ForbiddenError,
    "psycopg2.errors.SerializationFailure": OdooBusyError,
    "psycopg2.errors.DeadlockDetected": OdooBusyError,
    "psycopg2.errors.LockNotAvailable": OdooBusyError,
    # PostgreSQL went away, maybe while it kept what was done.
    "psycopg2.errors.AdminShutdown": NoAnswerError,
    "psycopg2.OperationalError": NoAnswerError,
    "psycopg2.InterfaceError": NoAnswerError,
}
# What a proxy or another site answers in its own form.
_BY_STATUS: dict[int, type[ConnectorError]] = {
    401: UnauthorisedError,
    403: ForbiddenError,
    404: OdooAddressError,
    413: TooLargeError,
}
# What Odoo adds to a sentence for its developers, and PostgreSQL in its own language, is nothing for people to read: it
# may hold the data of others.
_MORE = re.compile(r"\n+(Model:|Detail:|[A-ZÀ-Þ]{4,}( \d+)?\s?:\s)")


# What Odoo says against one entry; anything else is no answer about it, and the same for all.
REFUSED = (EntryRefusedError, OdooFaultError, OdooBusyError)


def error_of(status: int, body: bytes, asked_seconds: float | None = None) -> ConnectorError:
    """Return what an answer other than 2xx means; `asked_seconds` is its Retry-After."""
    if status == 429:  # noqa: PLR2004 - HTTP's own number
        return RateLimitedError(asked_seconds or _WAIT_SECONDS)
    try:
        said = msgspec.json.decode(body, type=ErrorBody)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _foreign(status)
    if _UNKNOWN_NAME_WORDS in said.message:
        return UnknownNameError(said.message)
    return _BY_NAME.get(said.name, OdooFaultError)(_plain(said))


def refused(message: str) -> ConnectorError:
    """Return what a message of `load` means, which has no class of its own."""
    conflict = any(words in message for words in _CONFLICT_WORDS)
    return OdooBusyError(_line(message)) if conflict else EntryRefusedError(_line(message))


def _foreign(status: int) -> ConnectorError:
    found = _BY_STATUS.get(status)
    if found is None and 300 <= status < 500:  # noqa: PLR2004 - redirections and refusals, not by Odoo
        found = OdooAddressError
    return (found or NoAnswerError)(f"HTTP {status}")


def _plain(said: ErrorBody) -> str:
    if said.name.startswith("psycopg2."):
        return f"Odoo's database did not do it ({said.name.rpartition('.')[2]})"
    return _line(said.message)


def _line(message: str) -> str:
    """Return a message on one line, without what is not for people."""
    return " ".join(_MORE.split(message)[0].split())[:_SAID_MAX]
