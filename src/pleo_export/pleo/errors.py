"""How a call to Pleo fails.

Error tree; the class carries the decision, never its text:

    CallError
    └── PleoError                                  method, path, status, type, message, request_id
        ├── PleoRefusedError                       4xx: the same call will be refused again
        │   ├── InvalidExportJobStatusChangeError  another worker was faster, or the job ended
        │   ├── ExportNotFoundError
        │   ├── ExportEntryNotFoundError
        │   ├── ExportAlreadyInProgressError
        │   ├── ExportJobItemsUpdateLimitError
        │   ├── ExportJobStatusUnprocessableError
        │   ├── MissingContraAccountsError
        │   ├── UnsupportedApiVersionError
        │   ├── ValidationFailedError
        │   ├── PleoUnauthorisedError              401
        │   │   └── ReconnectNeededError           the OAuth connection is over; `reason`
        │   ├── PleoForbiddenError                 403
        │   ├── GrantRefusedError                  a code or refresh token is not (or no longer) valid
        │   └── OAuthClientRefusedError            our client id, client secret or redirect URI
        ├── PleoRateLimitedError                   429: surely without effect; `asked_seconds`
        ├── PleoUnavailableError                   5xx or 408 to a call that may run twice
        ├── PleoUnreachableError                   surely not sent: name, refused, connect time-out, TLS
        ├── PleoNoAnswerError                      maybe applied: reset, time-out, cut, 5xx or an odd 2xx to a POST
        │   └── EventNotAppliedError               the job was read after it: still as before
        ├── PleoUnreadableAnswerError              an answer of 2xx that is not what the contract says
        ├── UnusableSigningSecretError             Pleo's secret for webhooks is none
        ├── TokenUnavailableError                  no access token just now: no call was sent, try again later
        ├── RepeatingCursorError                   the pages go round in a circle
        └── PleoRedirectedError                    3xx: not followed, the credential would leak
    TooManyUpdatesError                            a ValueError: refused here, nothing was sent
    NoCompanyError                                 a ValueError: an installation that is for no single company
    ConnectingError                                a person came back from Pleo without a usable code
    ├── StateMismatchError                         what came back belongs to no beginning of ours
    └── AuthorisationDeniedError                   the person, or Pleo, said no

`str()` of an error is a sentence; it holds no credential, no query and nothing of a body but Pleo's error type.
`message` is what Pleo said, for a person; nothing may be decided on it.
"""

import re
from enum import StrEnum
from typing import ClassVar

import msgspec

from pleo_export.pleo import limits
from pleo_export.pleo.retrying import CallError, Repeat


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a failed call. `detail` is a safe word about the cause, never data."""

    method: str
    path: str
    status: int | None = None
    type: str | None = None
    message: str | None = None
    request_id: str | None = None
    detail: str | None = None
    asked_seconds: float | None = None
    timed_out: bool = False

    def __str__(self) -> str:
        parts = (
            f"{self.method} {self.path}",
            self.status and f"HTTP {self.status}",
            self.type and f"type {_code(self.type)}",
            self.detail,
            self.request_id and f"request {self.request_id}",
        )
        return ", ".join(part for part in parts if part)


class PleoError(CallError):
    """A call to Pleo failed."""

    happened: ClassVar[str] = "Pleo's answer was not expected"
    remedy: ClassVar[str] = "Send this sentence to support."

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.method, self.path, self.status = facts.method, facts.path, facts.status
        self.type, self.message, self.request_id = facts.type, facts.message, facts.request_id
        self.asked_seconds, self.timed_out = facts.asked_seconds, facts.timed_out
        super().__init__(f"{self.happened} ({facts}). {self.remedy}")


class PleoRefusedError(PleoError):
    """Pleo looked at the call and said no."""

    happened = "Pleo refused the call"
    remedy = "Repeating it will not help; look the type up in Pleo's Export API reference."


class InvalidExportJobStatusChangeError(PleoRefusedError):
    """The event does not fit the job's status: another worker was faster, or the job ended or expired."""

    happened = "The export job is not in a status that allows this event"
    remedy = "Read the job again and go on from its status."


class ExportNotFoundError(PleoRefusedError):
    """There is no such job for this credential."""

    happened = "Pleo knows no such export job"
    remedy = "Check that the API key belongs to the company of the job."


class ExportEntryNotFoundError(PleoRefusedError):
    """No job item belongs to that accounting entry."""

    happened = "Pleo knows no export of this accounting entry"
    remedy = "Check the accounting entry and the company."


class ExportAlreadyInProgressError(PleoRefusedError):
    """The company has an unfinished job."""

    happened = "The company already has an unfinished export job"
    remedy = "Let that job end, then create the next one."


class ExportJobItemsUpdateLimitError(PleoRefusedError):
    """Too many elements in one update."""

    happened = "One update held more items than Pleo takes"
    remedy = f"Send at most {limits.items_per_update_max} items in one update."


class ExportJobStatusUnprocessableError(PleoRefusedError):
    """The job is finished: its items are frozen and no longer readable."""

    happened = "The export job is finished, so its items can no longer be read or changed"
    remedy = "Export what is left again in Pleo; that makes a new job."


class MissingContraAccountsError(PleoRefusedError):
    """A Pleo account of the company has no contra account."""

    happened = "Not every Pleo account of the company has a contra account"
    remedy = "Map the contra accounts in Pleo's accounting settings, then export again."

    @property
    def said(self) -> str:
        """Pleo's own words, which name the currencies."""
        return self.message or "it does not say which"


class UnsupportedApiVersionError(PleoRefusedError):
    """The company needs a newer version of the API."""

    happened = "The company cannot be exported with this version of the API"
    remedy = "Update this program."


class ValidationFailedError(PleoRefusedError):
    """Pleo could not read the request."""

    happened = "Pleo found the request malformed"
    remedy = "This is a fault of this program; send this sentence to support."


class PleoUnauthorisedError(PleoRefusedError):
    """401: the credential is missing, wrong or expired."""

    happened = "Pleo did not accept the credential"
    remedy = "Replace the API key, or connect to Pleo again."


class Broken(StrEnum):
    """Why an OAuth connection has to be made (again) by a person."""

    ABSENT = "absent"
    LOST = "lost"
    REVOKED = "revoked"


_BROKEN = {
    Broken.ABSENT: "nobody has connected the company yet",
    Broken.LOST: "the answer to a refresh was lost, and with it the tokens",
    Broken.REVOKED: "Pleo does not accept the refresh token any more",
}


class ReconnectNeededError(PleoUnauthorisedError):
    """The OAuth connection is over for the `reason`. It stays so, without any call, until a person connects again."""

    happened = "There is no connection to Pleo"
    remedy = "Connect the company to Pleo again; its work then goes on by itself."

    def __init__(self, reason: Broken) -> None:
        self.reason = reason
        super().__init__(Facts(method="POST", path="/oauth/token", detail=_BROKEN[reason]))


class PleoForbiddenError(PleoRefusedError):
    """403: the credential lacks a scope or the company."""

    happened = "The credential is valid but lacks a right"
    remedy = "Check that it has the export scopes and belongs to this company."


class GrantRefusedError(PleoRefusedError):
    """A code or refresh token is not valid: used, expired or revoked.

    `after_unclear`: an earlier try with it got no definite answer and may have used it up.
    """

    happened = "Pleo does not accept the authorisation code or refresh token"
    remedy = "Connect the company to Pleo again."

    def __init__(self, facts: Facts, *, after_unclear: bool = False) -> None:
        self.after_unclear = after_unclear
        super().__init__(facts)


class OAuthClientRefusedError(PleoRefusedError):
    """The authorisation server refused this program rather than the code or token it showed."""

    happened = "Pleo's authorisation server refused this program"
    remedy = (
        "Check the client id, the client secret, the redirect URI and how the client authenticates itself."
    )


class PleoRateLimitedError(PleoError):
    """429: too many calls. `asked_seconds` is the wait Pleo asked for, where it did."""

    happened = "Pleo asks for fewer calls"
    remedy = "Wait, and check what else uses this credential."
    repeat = Repeat.SAFE


class PleoUnavailableError(PleoError):
    """5xx (or 408) to a call that may run twice."""

    happened = "Pleo could not answer just now"
    remedy = "Try again later."
    repeat = Repeat.UNCLEAR


class PleoUnreachableError(PleoError):
    """The call was surely not sent."""

    happened = "Pleo was not reached, so the call had no effect"
    remedy = "Check the network, the certificate store and the base URL."
    repeat = Repeat.SAFE


class PleoNoAnswerError(PleoError):
    """The call was sent, or may have been, and nobody knows whether it had an effect."""

    happened = "Pleo gave no definite answer, so the call may or may not have had an effect"
    remedy = "Read what it would have changed before sending it again."
    repeat = Repeat.UNCLEAR


class EventNotAppliedError(PleoNoAnswerError):
    """After an unclear answer to an event the job was read and still stood as before; the event may yet come late."""

    happened = "Pleo gave no definite answer, and the job did not show the event"
    remedy = "Read the job again before sending anything."

    def __init__(self, cause: PleoError) -> None:
        super().__init__(cause.facts)


class PleoUnreadableAnswerError(PleoError):
    """The status says success, the body is something else; a call that changes something may have done so."""

    happened = "Pleo's answer could not be read"
    remedy = "A proxy may stand between; if it stays so, send this sentence to support."
    repeat = Repeat.UNCLEAR


class UnusableSigningSecretError(PleoError):
    """The secret of a subscription cannot be used to check signatures."""

    happened = "Pleo's signing secret for webhooks cannot be used"
    remedy = "Remove the subscription and make it again; until then jobs are found by polling."


class TokenUnavailableError(PleoError):
    """There is no usable access token just now, so the call that needed it was not sent. Tried again already."""

    happened = "The access token could not be refreshed just now"
    remedy = "Try again later."


class RepeatingCursorError(PleoError):
    """A cursor came a second time, so the list would never end."""

    happened = "Pleo's pages go round in a circle"
    remedy = "Nothing of the list was used; try again later."


class PleoRedirectedError(PleoError):
    """3xx. Never followed."""

    happened = "The API answered with a redirect, which is not followed because the credential would go along"
    remedy = "Check the base URL."


class TooManyUpdatesError(ValueError):
    """More updates than one call takes; nothing was sent."""

    def __init__(self, count: int) -> None:
        super().__init__(
            f"{count} items cannot be updated in one call; send at most {limits.items_per_update_max} and split the rest."
        )


class NoCompanyError(ValueError):
    """An installation is for an organisation, or for something unknown."""

    def __init__(self) -> None:
        super().__init__("The installation is not for one company; name the company.")


class ConnectingError(Exception):
    """A person came back from Pleo's authorisation page without a usable code."""


class StateMismatchError(ConnectingError):
    """The state is not the one the person was sent away with; somebody else may have sent them."""

    def __init__(self) -> None:
        super().__init__("This answer belongs to no connection begun here. Begin connecting again.")


class AuthorisationDeniedError(ConnectingError):
    """Pleo sent the person back with an error; `code` is Pleo's word for it."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"Pleo did not connect the company (error {_code(code)}). Begin connecting again.")


# Keys are compared without regard to case: an older page of Pleo spells one of them in lower case.
_REFUSALS: dict[str, type[PleoRefusedError]] = {
    "INVALID_EXPORT_JOB_STATUS_CHANGE": InvalidExportJobStatusChangeError,
    "EXPORT_NOT_FOUND": ExportNotFoundError,
    "EXPORT_ENTRY_NOT_FOUND": ExportEntryNotFoundError,
    "EXPORT_ALREADY_IN_PROGRESS": ExportAlreadyInProgressError,
    "EXPORT_JOB_ITEMS_UPDATE_LIMIT": ExportJobItemsUpdateLimitError,
    "EXPORT_JOB_STATUS_UNPROCESSABLE": ExportJobStatusUnprocessableError,
    "MISSING_CONTRA_ACCOUNTS": MissingContraAccountsError,
    "UNSUPPORTED_API_VERSION": UnsupportedApiVersionError,
    "VALIDATION_FAILED": ValidationFailedError,
    "PARAMETER_VALIDATION_FAILED": ValidationFailedError,
    "JSON_MAPPING_EXCEPTION": ValidationFailedError,
}

_BY_STATUS: dict[int, type[PleoError]] = {
    401: PleoUnauthorisedError,
    403: PleoForbiddenError,
    429: PleoRateLimitedError,
}


def error_for_status(facts: Facts, status: int, *, repeatable: bool) -> PleoError:
    """Turn an answer other than 2xx into its error: the status decides first, then the type."""
    if status in _BY_STATUS:
        return _BY_STATUS[status](facts)
    if status >= 500 or status == 408:  # noqa: PLR2004 -- the classes of HTTP need no names
        return PleoUnavailableError(facts) if repeatable else PleoNoAnswerError(facts)
    if status < 400:  # noqa: PLR2004
        return PleoRedirectedError(facts)
    return _REFUSALS.get((facts.type or "").upper(), PleoRefusedError)(facts)


def _code(text: str) -> str:
    """Show a type only if it looks like one: it comes from outside and ends in logs."""
    return text if re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", text) else "that is no code"
