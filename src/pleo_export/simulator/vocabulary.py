"""The closed lists of the Export API v3 and the JSON type that passes through the simulator."""

from enum import StrEnum
from typing import Any, Literal

JsonObject = dict[str, Any]


class JobStatus(StrEnum):
    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    FAILED = "failed"
    COMPLETED = "completed"
    COMPLETED_WITH_ERRORS = "completed_with_errors"


class JobEvent(StrEnum):
    STARTED = "started"
    FAILED = "failed"
    COMPLETED = "completed"
    COMPLETED_WITH_ERRORS = "completed_with_errors"


class ItemStatus(StrEnum):
    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    FAILED = "failed"
    SUCCESSFUL = "successful"
    ABANDONED = "abandoned"


class PageOrder(StrEnum):
    ASC = "ASC"
    ASC_NULLS_FIRST = "ASC_NULLS_FIRST"
    ASC_NULLS_LAST = "ASC_NULLS_LAST"
    DESC = "DESC"
    DESC_NULLS_FIRST = "DESC_NULLS_FIRST"
    DESC_NULLS_LAST = "DESC_NULLS_LAST"


class JobFailure(StrEnum):
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


class ItemFailure(StrEnum):
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


class ItemType(StrEnum):
    CARD_PURCHASE = "card_purchase"
    CARD_INVOICE = "card_invoice"
    OUT_OF_POCKET = "out_of_pocket"
    MILEAGE = "mileage"
    PER_DIEM = "per_diem"
    EXTERNAL_REIMBURSEMENT = "external_reimbursement"
    DIRECT_REIMBURSEMENT = "direct_reimbursement"
    INVOICE = "invoice"
    INVOICE_PAYMENT = "invoice_payment"
    CHARGEBACK = "chargeback"
    REFUND = "refund"
    CASHBACK = "cashback"
    ATM_WITHDRAWAL = "atm_withdrawal"
    WALLET_TOPUP = "wallet_topup"
    WALLET_UNLOAD = "wallet_unload"
    PERSONAL_SPEND = "personal_spend"
    FEE = "fee"


class ItemSubType(StrEnum):
    REIMBURSEMENT_TO_EMPLOYEE_REFUND = "reimbursement_to_employee_refund"
    REIMBURSEMENT_TO_COMPANY = "reimbursement_to_company"
    REIMBURSEMENT_TO_EMPLOYEE = "reimbursement_to_employee"
    INVOICE_PAYMENT_RETURNED = "invoice_payment_returned"
    INVOICE_PAYMENT_SENT = "invoice_payment_sent"
    INTEREST = "interest"


class InvoiceStatus(StrEnum):
    PENDING_APPROVAL = "pending_approval"
    PARSED = "parsed"
    PREPARING = "preparing"
    PREPARED = "prepared"
    READY = "ready"
    REJECTED_BY_APPROVER = "rejected_by_approver"
    MARKED_AS_PAID = "marked_as_paid"
    SCHEDULED = "scheduled"
    PAYMENT_IN_PROGRESS = "payment_in_progress"
    PAID = "paid"
    VOIDED_BY_USER = "voided_by_user"
    REJECTED_BY_USER = "rejected_by_user"
    FAILED_PAYMENT = "failed_payment"


class ReceiptKind(StrEnum):
    """What a receipt link leads to: a real file, or one of three ways to go wrong."""

    PDF = "pdf"
    PNG = "png"
    JPG = "jpg"
    GONE = "gone"
    HTML = "html"
    OVERSIZE = "oversize"


class Trouble(StrEnum):
    """What can be ordered to go wrong with a call, before its effect or after it."""

    TOO_MANY_CALLS = "429"
    FAILED = "500"
    UNAVAILABLE = "503"
    CUT = "cut"
    FAILED_AFTER_EFFECT = "502_after_effect"
    CUT_AFTER_EFFECT = "cut_after_effect"
    TRUNCATED = "truncated"


class EventType(StrEnum):
    """What a subscription can be for; the simulator raises only the first."""

    EXPORT_JOB_CREATED = "v1.export-job.created"
    VENDOR_CREATED = "v1.vendor.created"


class SubscriptionStatus(StrEnum):
    INACTIVE = "INACTIVE"
    ACTIVE = "ACTIVE"


class SubscriptionOperation(StrEnum):
    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


class InstallationStatus(StrEnum):
    ACTIVATED = "ACTIVATED"
    INACTIVE = "INACTIVE"
    AUTHORIZED = "AUTHORIZED"
    PENDING_INTEGRATION = "PENDING_INTEGRATION"
    ERROR = "ERROR"


class InstallationProblem(StrEnum):
    NOT_ENTITLED = "NOT_ENTITLED"
    AUTH_ERROR = "AUTH_ERROR"


class Scope(StrEnum):
    """The scopes that some call asks for."""

    JOBS_READ = "export-jobs:read"
    JOBS_WRITE = "export-jobs:write"
    ITEMS_READ = "export-items:read"
    VENDORS_READ = "vendors:read"


ExpiredStyle = Literal["failed", "status"]
"""How an expired job reads: status `failed` (the enumeration) or status `expired` (one how-to page)."""

WALLET_TYPES = frozenset(ItemType) - {
    ItemType.OUT_OF_POCKET,
    ItemType.MILEAGE,
    ItemType.PER_DIEM,
    ItemType.EXTERNAL_REIMBURSEMENT,
    ItemType.INVOICE,
}
"""Types that move the Pleo balance, and so carry a contra account."""

INTO_WALLET = frozenset(
    {
        ItemType.REFUND,
        ItemType.CHARGEBACK,
        ItemType.CASHBACK,
        ItemType.WALLET_TOPUP,
        ItemSubType.INVOICE_PAYMENT_RETURNED,
        ItemSubType.REIMBURSEMENT_TO_EMPLOYEE_REFUND,
        ItemSubType.REIMBURSEMENT_TO_COMPANY,
    }
)
"""Types and sub-types whose positive amount comes into the wallet; that of all others leaves it."""

SPEND_TYPES = frozenset(
    {
        ItemType.CARD_PURCHASE,
        ItemType.CARD_INVOICE,
        ItemType.FEE,
        ItemType.INVOICE,
        ItemType.OUT_OF_POCKET,
        ItemType.MILEAGE,
        ItemType.PER_DIEM,
    }
)
"""Types whose positive amount is a cost of the company."""

RETURN_TYPES = frozenset({ItemType.REFUND, ItemType.CHARGEBACK, ItemType.CASHBACK})
"""Types whose positive amount lowers the company's costs."""
