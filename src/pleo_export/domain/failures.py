"""Failure types of the Export API v3, and how a refusal is told to a bookkeeper."""

from enum import StrEnum

import msgspec


class ItemFailureType(StrEnum):
    """Why one expense was not recorded (ExportJobItemFailureReasonType)."""

    RECEIPT_UPLOAD_FAILURE = "receipt_upload_failure"
    RECEIPT_DOWNLOAD_FAILURE = "receipt_download_failure"
    RECEIPT_FILE_SIZE_LIMIT_EXCEEDED = "receipt_file_size_limit_exceeded"
    RECEIPT_CONVERSION_FAILURE = "receipt_conversion_failure"
    UNEXPECTED_FAILURE = "unexpected_failure"
    INVALID_CONFIGURATION = "invalid_configuration"
    MISSING_CONFIGURATION = "missing_configuration"
    ACCOUNTING_SYSTEM_AUTHENTICATION_FAILURE = "accounting_system_authentication_failure"
    ACCOUNTING_SYSTEM_RATE_LIMIT = "accounting_system_rate_limit"
    ACCOUNTING_SYSTEM_UNREACHABLE = "accounting_system_unreachable"
    VALIDATION_FAILURE = "validation_failure"
    ACCOUNTING_SYSTEM_VALIDATION_FAILURE = "accounting_system_validation_failure"
    AUTHORIZATION_FAILURE = "authorization_failure"
    ACCOUNTING_SYSTEM_TIMEOUT = "accounting_system_timeout"
    VENDOR_UNKNOWN = "vendor_unknown"
    ACCOUNT_UNKNOWN = "account_unknown"
    TAX_CODE_UNKNOWN = "tax_code_unknown"
    TAG_UNKNOWN = "tag_unknown"


class JobFailureType(StrEnum):
    """Why a whole job failed (ExportJobFailureReasonType)."""

    INVALID_CONFIGURATION = "invalid_configuration"
    MISSING_CONFIGURATION = "missing_configuration"
    AUTHENTICATION_FAILURE = "authentication_failure"
    ACCOUNTING_SYSTEM_AUTHENTICATION_FAILURE = "accounting_system_authentication_failure"
    PLEO_RATE_LIMIT = "pleo_rate_limit"
    ACCOUNTING_SYSTEM_RATE_LIMIT = "accounting_system_rate_limit"
    SERVICE_UNREACHABLE = "service_unreachable"
    ACCOUNTING_SYSTEM_UNREACHABLE = "accounting_system_unreachable"
    VALIDATION_FAILURE = "validation_failure"
    AUTHORIZATION_FAILURE = "authorization_failure"
    INTEGRATION_UNUSABLE = "integration_unusable"
    JOB_EXPIRED = "job_expired"
    SERVICE_TIMEOUT = "service_timeout"
    ACCOUNTING_SYSTEM_TIMEOUT = "accounting_system_timeout"
    CANCELED_BY_USER = "canceled_by_user"


# The two lists share most values. A job whose items all failed carries the most frequent cause; where the job's
# list lacks it, the nearest member is "a validation error that makes the job unprocessable".
def job_failure_type(item_type: ItemFailureType) -> JobFailureType:
    """Return the job-level failure type for a cause that all items share."""
    try:
        return JobFailureType(item_type.value)
    except ValueError:
        return JobFailureType.VALIDATION_FAILURE


class Rejection(msgspec.Struct, frozen=True):
    """Why an expense is not recorded: a type of Pleo's list and a sentence a bookkeeper can act on."""

    type: ItemFailureType
    reason: str


class RejectedItemError(Exception):
    """Ends the mapping of one item; `rejection` is its outcome."""

    def __init__(self, failure_type: ItemFailureType, reason: str) -> None:
        self.rejection = Rejection(failure_type, reason)
        super().__init__(reason)


class Severity(StrEnum):
    """Whether a finding stops a job or is only worth knowing."""

    ERROR = "error"
    WARNING = "warning"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a check found: what is wrong, and how to mend it."""

    type: JobFailureType
    problem: str
    remedy: str
    severity: Severity = Severity.ERROR
