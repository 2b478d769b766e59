"""Everything the simulator refuses, one class per failure.

Each class carries the HTTP status and the `type` of the error envelope, and builds its own message::

    ApiError
    ├── UnauthenticatedError, AccessDeniedError                                   401, 403
    ├── InvalidParameterError, InvalidBodyError, UnreadableBodyError              400
    ├── MissingContraAccountsError                                                400
    ├── JobNotFoundError, JobItemNotFoundError                                    404
    ├── JobAlreadyInProgressError                                                 409
    ├── TooManyUpdatesError                                                       413
    ├── JobFinishedError, IllegalStatusChangeError                                422
    └── control API: CompanyNotFoundError, ExpenseNotFoundError                   404
                     CompanyExistsError, ExpenseExistsError, ExpenseLockedError   409
"""

from collections.abc import Iterable
from typing import ClassVar

UPDATES_MAX = 100
"""Elements in one update of job items, a limit of the Export API."""


class ApiError(Exception):
    """A refusal with its place in the error envelope."""

    status: ClassVar[int]
    type: ClassVar[str]

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
