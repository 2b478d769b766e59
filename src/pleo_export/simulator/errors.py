"""Everything the simulator refuses, one class per failure.

Each class carries the HTTP status and the `type` of the error envelope, and builds its own message::

    ApiError
    ├── UnauthenticatedError                                                      401
    ├── AccessDeniedError, ScopeMissingError                                      403
    ├── InvalidParameterError, InvalidBodyError, UnreadableBodyError              400
    ├── MissingContraAccountsError                                                400
    ├── NoInstallationError, InstallationExistsError, InstallationStatusError     400
    ├── JobNotFoundError, JobItemNotFoundError                                    404
    ├── SubscriptionNotFoundError, InstallationNotFoundError                      404
    ├── JobAlreadyInProgressError                                                 409
    ├── TooManyUpdatesError                                                       413
    ├── JobFinishedError, IllegalStatusChangeError                                422
    ├── TooManyCallsError                                                         429
    └── control API: CompanyNotFoundError, ExpenseNotFoundError                   404
                     CompanyExistsError, ExpenseExistsError, ExpenseLockedError   409
                     ClientExistsError                                            409

What the authorisation server refuses has an envelope of its own and stands in `oauth_errors`.
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar

UPDATES_MAX = 100
"""Elements in one update of job items, a limit of the Export API."""


class ApiError(Exception):
    """A refusal with its place in the error envelope; `headers` go with the answer."""

    status: ClassVar[int]
    type: ClassVar[str]
    headers: Mapping[str, str] = {}

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class UnauthenticatedError(ApiError):
    status = 401
    type = "UNAUTHENTICATED"

    def __init__(self) -> None:
        super().__init__("Send an access token or an API key of a company that exists.")


class AccessDeniedError(ApiError):
    status = 403
    type = "ACCESS_DENIED"

    def __init__(self) -> None:
        super().__init__("The credential does not cover this company.")


class ScopeMissingError(ApiError):
    """`scopes` are those the call asks for and the credential lacks."""

    status = 403
    type = "ACCESS_DENIED"

    def __init__(self, scopes: Iterable[str]) -> None:
        super().__init__(f"The credential lacks the scope {' '.join(sorted(scopes))}.")


class TooManyCallsError(ApiError):
    """`wait_seconds` is how long the next call has to wait, in whole seconds."""

    status = 429
    type = "TOO_MANY_REQUESTS"

    def __init__(self, wait_seconds: int) -> None:
        super().__init__("This credential makes too many calls.")
        self.headers = {"retry-after": str(wait_seconds)}


class InvalidParameterError(ApiError):
    """A path or query parameter has the wrong form, or parameters exclude each other."""

    status = 400
    type = "PARAMETER_VALIDATION_FAILED"


class InvalidBodyError(ApiError):
    """The body is JSON, but not what the call expects."""

    status = 400
    type = "VALIDATION_FAILED"


class UnreadableBodyError(ApiError):
    status = 400
    type = "JSON_MAPPING_EXCEPTION"

    def __init__(self) -> None:
        super().__init__("The body is not readable JSON.")


class MissingContraAccountsError(ApiError):
    """`currencies` are the wallet currencies without a contra account."""

    status = 400
    type = "MISSING_CONTRA_ACCOUNTS"

    def __init__(self, currencies: Iterable[str]) -> None:
        names = ", ".join(sorted(currencies))
        super().__init__(f"Contra accounts are not fully configured. Map one for: {names}.")


class NoInstallationError(ApiError):
    status = 400
    type = "INSTALLATION_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("This credential has no installation.")


class InstallationNotFoundError(ApiError):
    """What deleting says where every other call says NoInstallationError."""

    status = 404
    type = "INSTALLATION_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("This credential has no installation to delete.")


class InstallationExistsError(ApiError):
    status = 400
    type = "INSTALLATION_EXISTS"

    def __init__(self) -> None:
        super().__init__("This credential has an installation already.")


class InstallationStatusError(ApiError):
    status = 400
    type = "INVALID_INSTALLATION_STATUS_CHANGE"

    def __init__(self, status: str) -> None:
        super().__init__(f"An installation that is {status} cannot be activated.")


class SubscriptionNotFoundError(ApiError):
    status = 404
    type = "SUBSCRIPTION_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("Subscription not found.")


class JobNotFoundError(ApiError):
    status = 404
    type = "EXPORT_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("Export job not found.")


class JobItemNotFoundError(ApiError):
    status = 404
    type = "EXPORT_ENTRY_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("Export Job Item not found")


class JobAlreadyInProgressError(ApiError):
    status = 409
    type = "EXPORT_ALREADY_IN_PROGRESS"

    def __init__(self) -> None:
        super().__init__("Export Job already in progress for this company.")


class TooManyUpdatesError(ApiError):
    status = 413
    type = "EXPORT_JOB_ITEMS_UPDATE_LIMIT"

    def __init__(self) -> None:
        super().__init__(f"Number of items to update is more than {UPDATES_MAX}.")


class JobFinishedError(ApiError):
    status = 422
    type = "EXPORT_JOB_STATUS_UNPROCESSABLE"

    def __init__(self) -> None:
        super().__init__("Export Job is finished and can no longer be processed.")


class IllegalStatusChangeError(ApiError):
    status = 422
    type = "INVALID_EXPORT_JOB_STATUS_CHANGE"

    def __init__(self, status: str, event: str) -> None:
        super().__init__(f"Export Job status change failed: event {event} on a job that is {status}.")


class CompanyNotFoundError(ApiError):
    status = 404
    type = "COMPANY_NOT_FOUND"

    def __init__(self, company_id: str) -> None:
        super().__init__(f"There is no company {company_id}.")


class CompanyExistsError(ApiError):
    status = 409
    type = "COMPANY_EXISTS"

    def __init__(self) -> None:
        super().__init__("A company with this id or one of these credentials exists.")


class ClientExistsError(ApiError):
    status = 409
    type = "CLIENT_EXISTS"

    def __init__(self) -> None:
        super().__init__("A client with this id exists.")


class ExpenseNotFoundError(ApiError):
    status = 404
    type = "EXPENSE_NOT_FOUND"

    def __init__(self, entry_id: str) -> None:
        super().__init__(f"The company has no expense {entry_id}.")


class ExpenseExistsError(ApiError):
    status = 409
    type = "EXPENSE_EXISTS"

    def __init__(self, entry_id: str) -> None:
        super().__init__(f"The company has an expense {entry_id} already.")


class ExpenseLockedError(ApiError):
    status = 409
    type = "EXPENSE_LOCKED"

    def __init__(self, entry_id: str) -> None:
        super().__init__(f"Expense {entry_id} is in an export that is not finished.")
