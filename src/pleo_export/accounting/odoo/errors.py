"""What Odoo answers when it does not do what was asked, and what that is to us. One table, tested on a real server.

Odoo undoes a call that fails, so whatever it says in its own words had no effect. What a proxy says before it, or
nobody, proves nothing.
"""

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

# Odoo says these two in words only: in the messages of `load`, and as a plain ValueError.
CONFLICT_WORDS = "could not serialize access"
UNKNOWN_NAME_WORDS = "External ID not found"

_WAIT_SECONDS = 30.0  # where a proxy asks to slow down and not for how long
_SAID_MAX = 1000


class OdooBusyError(UnreachableError):
    """Others kept changing the same records for all of Odoo's own attempts; nothing was done."""


class OdooFaultError(ConnectorError):
    """Odoo failed in itself (HTTP 500) and undid the call; the same call would fail again."""


class OdooAddressError(ConnectorError):
    """Something answers at the address, but not the Odoo with this database."""

    cause = Cause.ODOO_NOT_THERE


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
}
# What a proxy or another site answers in its own form.
_BY_STATUS: dict[int, type[ConnectorError]] = {
    401: UnauthorisedError,
    403: ForbiddenError,
    404: OdooAddressError,
}


def error_of(status: int, body: bytes, asked_seconds: float | None = None) -> ConnectorError:
    """Return what an answer other than 2xx means; `asked_seconds` is its Retry-After."""
    if status == 429:  # noqa: PLR2004 - HTTP's own number
        return RateLimitedError(asked_seconds or _WAIT_SECONDS)
    try:
        said = msgspec.json.decode(body, type=ErrorBody)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _foreign(status)
    if UNKNOWN_NAME_WORDS in said.message:
        return UnknownNameError(said.message)
    return _BY_NAME.get(said.name, OdooFaultError)(_plain(said.message))


def refused(message: str) -> ConnectorError:
    """Return what a message of `load` means, which has no class of its own."""
    return OdooBusyError(_plain(message)) if CONFLICT_WORDS in message else EntryRefusedError(_plain(message))


def _foreign(status: int) -> ConnectorError:
    found = _BY_STATUS.get(status)
    if found is None and 300 <= status < 500:  # noqa: PLR2004 - redirections and refusals, not by Odoo
        found = OdooAddressError
    return (found or NoAnswerError)(f"HTTP {status}")


def _plain(message: str) -> str:
    """Return a message on one line; what Odoo adds for its developers is left out."""
    told = message.partition("\nModel:")[0]
    return " ".join(told.split())[:_SAID_MAX]
