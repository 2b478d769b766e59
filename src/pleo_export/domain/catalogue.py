"""Every way in which an expense or a job fails: its code, what Pleo is told, what is said and what helps.

The command line, Pleo and docs/reference/errors.md say what stands here and nothing else. Only what somebody else said
comes from outside, as a value. A code is remembered with each failed expense, so it is never given another meaning.
"""

from enum import StrEnum
from typing import Self

from pleo_export.domain.failure_types import ItemFailureType as Item
from pleo_export.domain.failure_types import JobFailureType as Job

# Said behind the reason of an expense that failed although its entry was recorded.
ENTRY_STANDS = "Its entry ({entry}) stands in {system} all the same."
# Said of a job without a single success: Pleo shows one reason for the whole job.
MOST_FREQUENT = "No expense was exported. The most frequent cause ({number} of {failures}): {reason}"


class Cause(StrEnum):
    """A cause; its value is its code and its place in docs/reference/errors.md.

    `item` and `job` are Pleo's types, None where the cause never ends an expense or a job. A finding that ends neither is
    a warning. `sentence` and `remedy` hold named fields.
    """

    _value_: str
    item: Item | None
    job: Job | None
    sentence: str
    remedy: str

    def __new__(cls, code: str, item: Item | None, job: Job | None, sentence: str, remedy: str) -> Self:
        self = str.__new__(cls, code)
        self._value_ = code
        self.item, self.job, self.sentence, self.remedy = item, job, sentence, remedy
        return self

    def told(self, **values: object) -> tuple[str, str]:
        """Return sentence and remedy with their fields filled in."""
        said = self.sentence.format(**values)
        ended = said if said.endswith((".", "!", "?")) else f"{said}."
        return ended, self.remedy.format(**values)

    # A table reads by its rows: code and Pleo's types, what is wrong, what to do.
    # fmt: off

    # What Pleo sent.
    EXPENSE_UNREADABLE = ("expense-unreadable", Item.VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "Pleo sent this expense in a form that could not be read ({found}).",
        "Open it in Pleo, save it and export it again; if it stays so, send this sentence to support.")
    EXPENSE_NOT_SENT = ("expense-not-sent", Item.UNEXPECTED_FAILURE, Job.VALIDATION_FAILURE,
        "Pleo listed this expense in the export but did not send its data.",
        "Export it again.")
    EXPENSE_OF_ANOTHER_COMPANY = ("expense-of-another-company", Item.VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "Pleo sent this expense with another company's id, so it was not recorded.",
        "Tell Pleo's support.")
    KIND_UNKNOWN = ("kind-unknown", Item.VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "Pleo sent a kind of expense ({kind}) that this version of pleo-export cannot book.",
        "Update pleo-export, or book the expense by hand.")
    METHOD_UNKNOWN = ("method-unknown", Item.VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "Pleo asks for the bookkeeping method '{method}', which this version of pleo-export does not know.",
        "Update pleo-export and export the expense again.")
    AMOUNT_UNBOOKABLE = ("amount-unbookable", Item.VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "The amount of this expense cannot be booked: {problem}.",
        "Correct it in Pleo and export it again.")
    NO_LINES = ("no-lines", Item.VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "Pleo sent this expense of {total} without any line, so there is nothing to book.",
        "Open it in Pleo, choose a category and export it again.")
    LINES_DO_NOT_ADD_UP = ("lines-do-not-add-up", Item.VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "The lines of this expense add up to {lines}, but the expense is {total}.",
        "Correct the split in Pleo and export it again; a difference of one minor unit is booked where accounts.rounding is set.")
    TAX_DOES_NOT_ADD_UP = ("tax-does-not-add-up", Item.VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "Line {line} of this expense does not add up: {paid} was paid, {tax} of it is tax, but Pleo gives a net amount of {net}.",
        "Correct the tax of the line in Pleo and export the expense again.")
    TAX_TYPE_UNKNOWN = ("tax-type-unknown", Item.VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "Line {line} has the tax type '{type}', which this version of pleo-export does not know.",
        "Update pleo-export and export the expense again.")
    INVOICE_DATE_INVALID = ("invoice-date-invalid", Item.VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "The {what} '{text}' of this invoice is no date.",
        "Correct it in Pleo and export the invoice again.")
    TOO_MANY_FILES = ("too-many-files", Item.VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "This expense has {files} files; at most {most} can be attached.",
        "Remove some in Pleo and export the expense again.")

    # How Pleo, the settings and the accounting system fit together.
    CATEGORY_MISSING = ("category-missing", Item.MISSING_CONFIGURATION, Job.MISSING_CONFIGURATION,
        "Line {line} of this expense has no category with an account.",
        "Choose a category in Pleo and export the expense again.")
    ACCOUNT_NOT_NAMED = ("account-not-named", Item.MISSING_CONFIGURATION, Job.MISSING_CONFIGURATION,
        "'{name}' has neither the number nor the id of an account in the accounting system.",
        "Check {place}; then export the expense again.")
    ACCOUNT_UNKNOWN = ("account-unknown", Item.ACCOUNT_UNKNOWN, Job.VALIDATION_FAILURE,
        "Account {account} does not exist in the accounting system.",
        "Add it there, or check {place}; then export the expense again.")
    ACCOUNT_INACTIVE = ("account-inactive", Item.INVALID_CONFIGURATION, Job.INVALID_CONFIGURATION,
        "Account {account} ({name}) is not active in the accounting system.",
        "Activate it there, or check {place}; then export the expense again.")
    ACCOUNT_CURRENCY = ("account-currency", Item.INVALID_CONFIGURATION, Job.INVALID_CONFIGURATION,
        "Account {account} ({name}) takes {taken}, but the expense is in {currency}.",
        "Check {place}; then export the expense again.")
    TAX_ACCOUNT_MISSING = ("tax-account-missing", Item.MISSING_CONFIGURATION, Job.MISSING_CONFIGURATION,
        "Account for {side} VAT missing: tax code {code} names none.",
        "Provide {key} in the settings, or the account with the tax code in Pleo; then export again.")
    TAX_CODE_UNKNOWN = ("tax-code-unknown", Item.TAX_CODE_UNKNOWN, Job.VALIDATION_FAILURE,
        "Tax code {code} does not exist in the accounting system.",
        "Choose another tax code in Pleo, add this one in the accounting system, or say in mapping.tax_codes what it is there; then export the expense again.")
    TAX_CODE_MISSING = ("tax-code-missing", Item.MISSING_CONFIGURATION, Job.MISSING_CONFIGURATION,
        "Line {line} has tax without a tax code, so the accounting system cannot split it.",
        "Give the tax a code in Pleo and export the expense again, or set vat.handling to explicit.")
    TAG_UNKNOWN = ("tag-unknown", Item.TAG_UNKNOWN, Job.VALIDATION_FAILURE,
        "Tag {tag} of {group} does not exist in the accounting system.",
        "Add it there, or choose another tag in Pleo; then export the expense again.")
    DIMENSION_VALUE_UNKNOWN = ("dimension-value-unknown", Item.TAG_UNKNOWN, Job.VALIDATION_FAILURE,
        "The {what} {value} is no value of the dimension {dimension} in the accounting system.",
        "Add it there, or correct mapping.{what} in the settings; then export the expense again.")
    DIMENSION_TAKEN = ("dimension-taken", Item.VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "A line of this expense has two tags, {first} and {second}, for the dimension {dimension}, which takes one.",
        "Choose one of them in Pleo, or correct mapping.dimensions in the settings; then export the expense again.")
    VENDOR_UNKNOWN = ("vendor-unknown", Item.VENDOR_UNKNOWN, Job.VALIDATION_FAILURE,
        "Selected vendor cannot be processed because it does not exist or is currently blocked: {owed}.",
        "Verify the vendor's status in the accounting system, or choose another one in Pleo, and export the expense again.")
    PERIOD_CLOSED = ("period-closed", Item.ACCOUNTING_SYSTEM_VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "The accounting period of {day} is closed; the first open day is {next_open}.",
        "Open it in the accounting system, or choose another strategy for closed periods in the settings; then export again.")
    CONFIGURED_ACCOUNT_UNKNOWN = ("configured-account-unknown", None, Job.INVALID_CONFIGURATION,
        "{key} = '{account}': there is no such account in the accounting system.",
        "Correct {key} in the settings, or add the account in the accounting system.")
    CONFIGURED_ACCOUNT_INACTIVE = ("configured-account-inactive", None, Job.INVALID_CONFIGURATION,
        "{key} = '{account}': the account ({name}) is not active in the accounting system.",
        "Correct {key} in the settings, or activate the account in the accounting system.")
    CONFIGURED_ACCOUNT_CURRENCY = ("configured-account-currency", None, None,
        "{key} = '{account}': the account ({name}) takes {taken}, but the books are kept in {currency}.",
        "Choose another account, unless only amounts in {taken} are meant for it: any other will fail.")
    CONFIGURED_CODE_UNKNOWN = ("configured-code-unknown", None, Job.INVALID_CONFIGURATION,
        "{key} = '{code}': there is no such {what} in the accounting system.",
        "Correct {key} in the settings, or add the {what} in the accounting system.")
    CONFIGURED_DIMENSION_SHARED = ("configured-dimension-shared", None, None,
        "{keys} name the same dimension '{dimension}', which takes one value of a line.",
        "Give each its own, unless a line never has both: one with two tags will fail, and of team and person only the team is kept.")
    CONFIGURED_VENDOR_BLOCKED = ("configured-vendor-blocked", None, Job.INVALID_CONFIGURATION,
        "{key} = '{code}': the vendor ({name}) is blocked in the accounting system.",
        "Correct {key} in the settings, or release the vendor in the accounting system.")
    JOURNAL_MISSING = ("journal-missing", None, Job.MISSING_CONFIGURATION,
        "Journal missing: {key} is not set, but the accounting system books into journals ({journals}).",
        "Provide {key} in the settings.")
    BY_CODE_UNSUPPORTED = ("by-code-unsupported", None, Job.INVALID_CONFIGURATION,
        "vat.handling is by_code, but {system} does not split tax by its codes.",
        "Set vat.handling to explicit in the settings.")
    BY_CODE_WITHOUT_CODES = ("by-code-without-codes", None, Job.MISSING_CONFIGURATION,
        "vat.handling is by_code, but the accounting system has no tax code by which it can split.",
        "Provide tax codes with their rates there, or set vat.handling to explicit in the settings.")
    VENDOR_CREATION_UNSUPPORTED = ("vendor-creation-unsupported", None, Job.INVALID_CONFIGURATION,
        "bookkeeping.unknown_vendor is create, but {system} takes no vendors from outside.",
        "Set bookkeeping.unknown_vendor to fail or to fallback_account in the settings.")
    DRAFTS_UNSUPPORTED = ("drafts-unsupported", None, Job.INVALID_CONFIGURATION,
        "{key} asks for drafts, but {system} keeps none: every entry would be posted at once.",
        "Set {key} to final in the settings.")
    RECEIPTS_UNSUPPORTED = ("receipts-unsupported", None, None,
        "{system} takes no receipts: an expense with receipts will fail.",
        "Set bookkeeping.attachment_failure to record_without in the settings, or choose another accounting system.")
    VAT_ACCOUNTS_UNSET = ("vat-accounts-unset", None, None,
        "{keys} not set: an expense whose tax code names no account will fail.",
        "Set them, unless each tax code in Pleo names its accounts.")
    COMPANY_DIFFERS = ("company-differs", None, Job.INVALID_CONFIGURATION,
        "The job belongs to company {company}, but the settings are for {configured}.",
        "Check pleo.company_id in the settings.")
    VENDOR_TAGGING_UNSUPPORTED = ("vendor-tagging-unsupported", None, Job.INVALID_CONFIGURATION,
        "Pleo uses vendor tagging, but {system} cannot book vendor bills.",
        "Deactivate vendor tagging in Pleo or choose another accounting system.")
    CONTRA_ACCOUNTS_MISSING = ("contra-accounts-missing", None, Job.MISSING_CONFIGURATION,
        "Pleo hands out no expenses, because not every Pleo account has a contra account: {said}",
        "Set the contra accounts in Pleo under Settings > Accounting > Contra accounts.")

    # What somebody approved, and what came.
    NOT_IN_PLAN = ("not-in-plan", Item.VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "This expense is not in the plan, so nobody has approved it.",
        "Export it again in Pleo, preview the new job and approve it.")
    PLANNED_AS_FAILURE = ("planned-as-failure", Item.VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "By the plan this expense would fail, but now it could be recorded. The plan says: {reason}",
        "Export it again in Pleo, preview the new job and approve it.")
    DIFFERS_FROM_PLAN = ("differs-from-plan", Item.VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "This expense is not what was approved ({differences}).",
        "Export it again in Pleo, preview the new job and approve it.")
    PLANNED_DAY_CLOSED = ("planned-day-closed", Item.VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "The accounting period of {day}, the day this expense was planned for, was closed since the plan was made.",
        "Open it in the accounting system; or export the expense again in Pleo, preview the new job and approve it.")

    # Receipts.
    RECEIPT_GONE = ("receipt-gone", Item.RECEIPT_DOWNLOAD_FAILURE, Job.VALIDATION_FAILURE,
        "Receipt {position} of this expense could not be downloaded: its link is gone (HTTP {status}).",
        "Open the expense in Pleo, check the receipt and export it again.")
    RECEIPT_REFUSED = ("receipt-refused", Item.RECEIPT_DOWNLOAD_FAILURE, Job.VALIDATION_FAILURE,
        "Receipt {position} of this expense could not be downloaded: Pleo's file host refused it (HTTP {status}).",
        "Open the expense in Pleo, check the receipt and export it again.")
    RECEIPT_UNAVAILABLE = ("receipt-unavailable", Item.RECEIPT_DOWNLOAD_FAILURE, Job.VALIDATION_FAILURE,
        "Receipt {position} of this expense could not be downloaded: Pleo's file host did not deliver it ({detail}).",
        "Export the expense again later.")
    RECEIPT_LINK = ("receipt-link", Item.RECEIPT_DOWNLOAD_FAILURE, Job.VALIDATION_FAILURE,
        "Receipt {position} of this expense could not be downloaded: its link {problem}.",
        "Open the expense in Pleo, check the receipt and export it again.")
    RECEIPT_TOO_LARGE = ("receipt-too-large", Item.RECEIPT_FILE_SIZE_LIMIT_EXCEEDED, Job.VALIDATION_FAILURE,
        "Receipt {position} of this expense could not be downloaded: it is larger than {most} MiB.",
        "Replace it in Pleo by a smaller file and export the expense again.")
    RECEIPT_EMPTY = ("receipt-empty", Item.RECEIPT_DOWNLOAD_FAILURE, Job.VALIDATION_FAILURE,
        "Receipt {position} of this expense could not be downloaded: the file is empty.",
        "Open the expense in Pleo, check the receipt and export it again.")
    RECEIPT_INCOMPLETE = ("receipt-incomplete", Item.RECEIPT_DOWNLOAD_FAILURE, Job.VALIDATION_FAILURE,
        "Receipt {position} of this expense could not be downloaded: {received} bytes came where Pleo announced {announced}.",
        "Open the expense in Pleo, check the receipt and export it again.")
    RECEIPT_NOT_A_FILE = ("receipt-not-a-file", Item.RECEIPT_DOWNLOAD_FAILURE, Job.VALIDATION_FAILURE,
        "Receipt {position} of this expense could not be downloaded: in its place came {found}.",
        "Open the expense in Pleo, check the receipt and export it again.")
    RECEIPT_NOT_STORED = ("receipt-not-stored", Item.RECEIPT_DOWNLOAD_FAILURE, Job.VALIDATION_FAILURE,
        "Receipt {position} of this expense could not be downloaded: it could not be stored here ({problem}).",
        "Make room on the disk of this program, check its folder for downloads, and export the expense again.")
    RECEIPT_KIND = ("receipt-kind", Item.RECEIPT_CONVERSION_FAILURE, Job.VALIDATION_FAILURE,
        "Receipt {position} of this expense could not be attached: it is {kind}, which cannot be turned into anything the accounting system takes.",
        "Replace it in Pleo by a picture or a PDF and export the expense again.")
    RECEIPT_UNREADABLE = ("receipt-unreadable", Item.RECEIPT_CONVERSION_FAILURE, Job.VALIDATION_FAILURE,
        "Receipt {position} of this expense could not be attached: it {problem}.",
        "Replace it in Pleo by a picture or a PDF and export the expense again.")
    RECEIPT_NOT_MERGEABLE = ("receipt-not-mergeable", Item.RECEIPT_CONVERSION_FAILURE, Job.VALIDATION_FAILURE,
        "Receipt {position} of this expense could not be attached: the accounting system takes one file only, and {kind} cannot become part of a PDF.",
        "Replace it in Pleo by a picture or a plain PDF and export the expense again.")
    RECEIPTS_NOT_MERGED = ("receipts-not-merged", Item.RECEIPT_CONVERSION_FAILURE, Job.VALIDATION_FAILURE,
        "The receipts of this expense could not be attached: one of them is damaged, so they cannot be combined into one PDF.",
        "Open them in Pleo, replace the damaged one and export the expense again.")
    RECEIPTS_NOT_COMBINED = ("receipts-not-combined", Item.RECEIPT_CONVERSION_FAILURE, Job.VALIDATION_FAILURE,
        "The receipts of this expense could not be attached: there are {number}, and the accounting system takes one file only, neither a PDF nor a ZIP file.",
        "Keep only one of them in Pleo and export the expense again.")
    RECEIPT_OVER_LIMIT = ("receipt-over-limit", Item.RECEIPT_FILE_SIZE_LIMIT_EXCEEDED, Job.VALIDATION_FAILURE,
        "Receipt {position} of this expense could not be attached: it has {size} MiB, and the accounting system takes at most {limit} MiB.",
        "Replace it in Pleo by a smaller file and export the expense again.")
    RECEIPTS_OVER_LIMIT = ("receipts-over-limit", Item.RECEIPT_FILE_SIZE_LIMIT_EXCEEDED, Job.VALIDATION_FAILURE,
        "The receipts of this expense could not be attached: all {number} combined have {size} MiB, and the accounting system takes at most {limit} MiB.",
        "Replace them in Pleo by smaller or fewer files and export the expense again.")
    RECEIPTS_NOT_PREPARED = ("receipts-not-prepared", Item.RECEIPT_CONVERSION_FAILURE, Job.VALIDATION_FAILURE,
        "The receipts of this expense could not be attached: they could not be prepared here ({problem}).",
        "Make room on the disk of this program, check its folder for downloads, and export the expense again.")
    RECEIPT_CHANGED = ("receipt-changed", Item.RECEIPT_UPLOAD_FAILURE, Job.VALIDATION_FAILURE,
        "Receipt {position} changed on disk before it was filed.",
        "Export the expense again.")
    RECEIPTS_UNANSWERED = ("receipts-unanswered", Item.RECEIPT_UPLOAD_FAILURE, Job.VALIDATION_FAILURE,
        "{system} did not answer while the receipts of this expense were attached.",
        "Export the expense again: its entry is recognised, and only what is missing is added.")
    RECEIPTS_SHUT_OUT = ("receipts-shut-out", Item.RECEIPT_UPLOAD_FAILURE, Job.VALIDATION_FAILURE,
        "{system} did not let us in while the receipts of this expense were attached: {said}",
        "Mend that and export the expense again: its entry is recognised, and only what is missing is added.")
    RECEIPTS_INTERRUPTED = ("receipts-interrupted", Item.RECEIPT_UPLOAD_FAILURE, Job.VALIDATION_FAILURE,
        "The export ended before it was sure that the receipts of this expense are with its entry: {said}",
        "Mend that and export the expense again: its entry is recognised, and only what is missing is added.")

    ATTACHMENTS_UNSUPPORTED = ("attachments-unsupported", Item.RECEIPT_UPLOAD_FAILURE, Job.VALIDATION_FAILURE,
        "{system} takes no files, so the receipts of this expense cannot be attached.",
        "Set bookkeeping.attachment_failure to record_without if entries may stand without their receipts, then export again.")

    # What an accounting system answers, or does not.
    ENTRY_REFUSED = ("entry-refused", Item.ACCOUNTING_SYSTEM_VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "The accounting system refused this expense: {said}",
        "Correct it in Pleo or in the accounting system, then export it again.")
    SYSTEM_UNAUTHORISED = ("system-unauthorised", Item.ACCOUNTING_SYSTEM_AUTHENTICATION_FAILURE,
        Job.ACCOUNTING_SYSTEM_AUTHENTICATION_FAILURE,
        "The accounting system did not accept the credentials: {said}",
        "Renew the credentials in the settings, then export again.")
    SYSTEM_FORBIDDEN = ("system-forbidden", Item.AUTHORIZATION_FAILURE, Job.AUTHORIZATION_FAILURE,
        "The accounting system accepted the credentials, but they lack a right: {said}",
        "Give the user of these credentials that right in the accounting system, then export again.")
    SYSTEM_RATE_LIMIT = ("system-rate-limit", Item.ACCOUNTING_SYSTEM_RATE_LIMIT, Job.ACCOUNTING_SYSTEM_RATE_LIMIT,
        "The accounting system asks to wait {seconds:g} seconds.",
        "Export again after that time.")
    SYSTEM_UNREACHABLE = ("system-unreachable", Item.ACCOUNTING_SYSTEM_UNREACHABLE, Job.ACCOUNTING_SYSTEM_UNREACHABLE,
        "The accounting system was not reached: {said}",
        "Check that it runs and is reachable, then export again.")
    SYSTEM_NO_ANSWER = ("system-no-answer", Item.ACCOUNTING_SYSTEM_TIMEOUT, Job.ACCOUNTING_SYSTEM_TIMEOUT,
        "The accounting system did not answer: {said}",
        "Check that it runs, then export again; what was recorded is recognised.")
    SYSTEM_FAILED = ("system-failed", Item.UNEXPECTED_FAILURE, Job.VALIDATION_FAILURE,
        "The accounting system failed: {said}",
        "Look into the accounting system, then export again.")
    ENTRY_GONE = ("entry-gone", Item.RECEIPT_UPLOAD_FAILURE, Job.VALIDATION_FAILURE,
        "The entry {reference} is no longer in the ledger, so its receipts cannot be filed.",
        "Export the expense again.")
    ENTRY_DIFFERS = ("entry-differs", Item.ACCOUNTING_SYSTEM_VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "{system} already holds an entry for this expense ({entry}) with other content.",
        "Correct it there, or remove it there and export the expense again.")
    ENTRY_UNCHECKED = ("entry-unchecked", Item.ACCOUNTING_SYSTEM_VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "{system} holds an entry for this expense ({entry}), but it cannot be checked: {reason}",
        "Compare the entry with the expense by hand.")
    DATE_MOVED = ("date-moved", Item.ACCOUNTING_SYSTEM_VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "{system} posted this expense on {posted} in place of {asked}, because the accounting period is closed.",
        "Remove the entry, open the period and export the expense again.")

    # Books that split tax by code and keep journals themselves.
    TAX_RATE_MISSING = ("tax-rate-missing", Item.ACCOUNTING_SYSTEM_VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "Tax code {code} has no rate or no account in the accounting system, so {tax} of tax in {amount} cannot be booked.",
        "Give the code a rate and an account there, then export the expense again.")
    TAX_DIFFERS = ("tax-differs", Item.ACCOUNTING_SYSTEM_VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "By tax code {code} of the accounting system the tax on {amount} is {computed}, but Pleo states {stated}.",
        "Correct the tax in Pleo or the rate of the code there, then export the expense again.")
    JOURNAL_UNKNOWN = ("journal-unknown", Item.INVALID_CONFIGURATION, Job.INVALID_CONFIGURATION,
        "Journal {journal} does not exist in the accounting system.",
        "Correct the journals in the settings, or add it in the accounting system; then export the expense again.")

    # Odoo.
    ODOO_NOT_THERE = ("odoo-not-there", Item.INVALID_CONFIGURATION, Job.INVALID_CONFIGURATION,
        "At the address of the settings there is no Odoo 19 with this database, or its PostgreSQL does not run ({said}).",
        "Check odoo.url and odoo.database in the settings, and that Odoo's PostgreSQL runs; then export again.")
    ODOO_NO_INVOICING = ("odoo-no-invoicing", Item.MISSING_CONFIGURATION, Job.MISSING_CONFIGURATION,
        "In this database of Odoo the app Invoicing is not installed, so it keeps no books.",
        "Set the country of the company in Odoo (Settings > Users & Companies > Companies), install the app there (Apps > Invoicing > Activate), and try again.")
    ODOO_TOO_LARGE = ("odoo-too-large", Item.RECEIPT_FILE_SIZE_LIMIT_EXCEEDED, Job.VALIDATION_FAILURE,
        "What stands before Odoo, such as a proxy, takes no call as large as one with this expense or its receipt ({said}).",
        "Let it take 100 MB (nginx: client_max_body_size 100m), then export the expense again.")
    ODOO_COMPANY_UNKNOWN = ("odoo-company-unknown", Item.INVALID_CONFIGURATION, Job.INVALID_CONFIGURATION,
        "The configuration {chosen}, but the user of the API key may see these companies of Odoo: {there}.",
        "Set odoo.company_id in the settings to the number of one of them, or let the user into the company.")
    ODOO_NOT_PAYABLE = ("odoo-not-payable", Item.INVALID_CONFIGURATION, Job.INVALID_CONFIGURATION,
        "A bill cannot be owed on account {account} ({name}): in Odoo it is not of the type Payable.",
        "Name a payable account in accounts.accounts_payable of the settings or with the vendor, then export the expense again.")
    ODOO_CURRENCY_INACTIVE = ("odoo-currency-inactive", Item.INVALID_CONFIGURATION, Job.INVALID_CONFIGURATION,
        "The currency {currency} is not active in Odoo.",
        "Activate it there, with its rates; then export the expense again.")
    ODOO_RATE_MISSING = ("odoo-rate-missing", Item.INVALID_CONFIGURATION, Job.INVALID_CONFIGURATION,
        "Odoo has no rate of {currency} for {day} or before, and Pleo does not say what the amount is worth.",
        "Add the rate there: Invoicing > Configuration > Currencies; then export the expense again.")
    ODOO_NO_RATE = ("odoo-no-rate", None, None,
        "Active in Odoo but without any rate: {currencies}. An expense in such a currency fails where Pleo does not say what it is worth.",
        "Add their rates there: Invoicing > Configuration > Currencies.")
    ODOO_CURRENCY_ROUNDING = ("odoo-currency-rounding", Item.INVALID_CONFIGURATION, Job.INVALID_CONFIGURATION,
        "Odoo books amounts in {currency} as multiples of {rounding} only, so {amount} would become another amount.",
        "Set Rounding Factor of {currency} there to {least}: Invoicing > Configuration > Currencies (developer mode); then export the expense again.")
    ODOO_COARSE_ROUNDING = ("odoo-coarse-rounding", None, None,
        "Odoo rounds these currencies to more than their smallest unit: {currencies}. An expense with an amount in between is refused.",
        "Set their Rounding Factor there to what ISO 4217 says (two decimals: 0.01): Invoicing > Configuration > Currencies (developer mode).")
    ODOO_TAX_AMBIGUOUS = ("odoo-tax-ambiguous", Item.INVALID_CONFIGURATION, Job.INVALID_CONFIGURATION,
        "Odoo has several purchase taxes with the name {code}, and their rates differ.",
        "Give each a name of its own there, or archive all but one; then export the expense again.")
    ODOO_MATCH_GONE = ("odoo-match-gone", Item.ACCOUNTING_SYSTEM_VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "The bill or payment {reference} that this expense settles is no longer in Odoo as it was recorded.",
        "Export the expense again: what is there now is matched.")

    ODOO_ENTRY_CANCELLED = ("odoo-entry-cancelled", Item.ACCOUNTING_SYSTEM_VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "The entry of this expense ({reference}, number {entry} in Odoo) was cancelled there.",
        "Delete it in Odoo and export the expense again, or set it back to draft there.")
    ODOO_VERSION = ("odoo-version", None, None,
        "The server is Odoo {version}; pleo-export was proved with Odoo 19.",
        "Try a few expenses as drafts first, and look at them in Odoo.")
    ODOO_NO_CHART = ("odoo-no-chart", None, Job.MISSING_CONFIGURATION,
        "The company {company} has no accounts in Odoo.",
        "Install a chart of accounts there: Invoicing > Configuration > Settings > Fiscal Localization.")
    ODOO_NO_JOURNAL = ("odoo-no-journal", None, Job.MISSING_CONFIGURATION,
        "The company {company} has no journal of the type {kind} in Odoo.",
        "Add one there: Invoicing > Configuration > Journals.")
    ODOO_ONE_CURRENCY = ("odoo-one-currency", None, None,
        "Only {currency} is active in Odoo: an expense in another currency will fail.",
        "Activate the currencies of your wallets and suppliers there: Invoicing > Configuration > Currencies.")
    ODOO_NO_NEW_VENDORS = ("odoo-no-new-vendors", None, None,
        "The user of the API key may not create contacts in Odoo, so a vendor that Odoo does not know is refused.",
        "Give the user the right Contact: Creation; nothing to do where bookkeeping.unknown_vendor is not create.")
    ODOO_LOCKED_AHEAD = ("odoo-locked-ahead", None, None,
        "The books are locked through {through}: whatever is dated before fails, or is posted later where the settings say so.",
        "Take the lock date back in Odoo: Invoicing > Configuration > Settings > Lock Dates.")
    ODOO_UNFINISHED = ("odoo-unfinished", None, None,
        "{number} entries were begun in Odoo by an export that was interrupted, and never finished.",
        "Export their expenses again, which finishes them; or delete these drafts in Odoo.")
    ODOO_DRAFTS_LOCKED = ("odoo-drafts-locked", None, None,
        "{number} draft entries are dated on or before {through}, where the books are locked: Odoo will post them on a later day.",
        "Post or delete them in Odoo, or give them another date there.")

    # The plain-text ledger.
    CHART_MISSING = ("chart-missing", Item.MISSING_CONFIGURATION, Job.MISSING_CONFIGURATION,
        "The chart file {path} cannot be read ({problem}).",
        "Create it, or correct the setting `chart`; then export again.")
    CHART_INVALID = ("chart-invalid", Item.INVALID_CONFIGURATION, Job.INVALID_CONFIGURATION,
        "The chart file {path} is not valid: {problem}.",
        "Correct {path}, then export again.")
    LEDGER_UNUSABLE = ("ledger-unusable", Item.ACCOUNTING_SYSTEM_UNREACHABLE, Job.ACCOUNTING_SYSTEM_UNREACHABLE,
        "The ledger folder {folder} cannot be used ({problem}); nothing was recorded.",
        "Make sure that the disk is mounted, has space and may be written by this service; then export again.")
    LEDGER_UNWRITABLE = ("ledger-unwritable", None, Job.ACCOUNTING_SYSTEM_UNREACHABLE,
        "The ledger folder {folder} cannot be written: {nearest} is no folder this service may write to.",
        "Let the service write to {nearest}, or correct the setting `folder`.")
    LEDGER_BUSY = ("ledger-busy", Item.ACCOUNTING_SYSTEM_UNREACHABLE, Job.ACCOUNTING_SYSTEM_UNREACHABLE,
        "Another process has kept the ledger's lock {path} for {seconds:g} seconds.",
        "See what that process does, then export again.")
    LEDGER_SLOW = ("ledger-slow", Item.ACCOUNTING_SYSTEM_TIMEOUT, Job.ACCOUNTING_SYSTEM_TIMEOUT,
        "The ledger folder {folder} did not answer within {seconds:g} seconds.",
        "Check its disk, then export again; what was recorded is recognised.")
    LEDGER_UNSETTLED = ("ledger-unsettled", Item.ACCOUNTING_SYSTEM_TIMEOUT, Job.ACCOUNTING_SYSTEM_TIMEOUT,
        "The disk did not confirm {path} ({problem}); it is looked up again.",
        "Check the disk, then export again; what was recorded is recognised.")
    ENTRY_DAMAGED = ("entry-damaged", Item.ACCOUNTING_SYSTEM_VALIDATION_FAILURE, Job.VALIDATION_FAILURE,
        "The ledger file {path} no longer holds its transaction.",
        "Restore it, or delete the file and export the expense again.")
    LEDGER_INCOMPLETE = ("ledger-incomplete", None, Job.INVALID_CONFIGURATION,
        "{path} leaves files of the ledger out, so what is recorded would not be seen.",
        'Add the line: include "{line}"')
    LEDGER_WRONG = ("ledger-wrong", None, Job.VALIDATION_FAILURE,
        "bean-check: {said}",
        "Correct that place in the ledger.")
    LEDGER_UNCHECKED = ("ledger-unchecked", None, Job.VALIDATION_FAILURE,
        "{said}",
        "Run bean-check on the ledger by hand, and mend what it says.")
    ACCOUNTS_FILE_STALE = ("accounts-file-stale", None, None,
        "{path} does not follow the chart.",
        "Nothing to do: it is written anew with the next entry.")
    ACCOUNTS_FILE_UNREADABLE = ("accounts-file-unreadable", Item.MISSING_CONFIGURATION, Job.MISSING_CONFIGURATION,
        "{path} is not in UTF-8, so it cannot follow the chart.",
        "Save it in UTF-8; or move it away, and it is written anew.")
    TITLE_DIFFERS = ("title-differs", None, None,
        "The title in {path} is not the chart's ('{title}'), so links to Fava do not arrive.",
        "Write the same title in both.")
    BEAN_CHECK_MISSING = ("bean-check-missing", None, None,
        "The program bean-check is not there, so the ledger is not checked by Beancount itself.",
        "Install the extra `beancount`; entries are recorded without it just as well.")

    # Interruptions, and what nobody knows.
    EXPORT_INTERRUPTED = ("export-interrupted", Item.UNEXPECTED_FAILURE, Job.VALIDATION_FAILURE,
        "The export of this expense was interrupted; nothing was recorded in {system}.",
        "Export it again.")
    MARK_REFUSED = ("mark-refused", Item.UNEXPECTED_FAILURE, Job.VALIDATION_FAILURE,
        "Pleo refused to mark this expense as being exported, so nothing was recorded: {said}",
        "Look at the expense in Pleo, then export it again.")
    OUTCOME_UNKNOWN = ("outcome-unknown", Item.ACCOUNTING_SYSTEM_TIMEOUT, Job.ACCOUNTING_SYSTEM_TIMEOUT,
        "It is not known whether this expense was recorded: {system} did not answer.",
        "Look there for the reference {reference} before you export it again.")
    OUTCOME_BEHIND_LOGIN = ("outcome-behind-login", Item.ACCOUNTING_SYSTEM_AUTHENTICATION_FAILURE,
        Job.ACCOUNTING_SYSTEM_AUTHENTICATION_FAILURE,
        "It is not known whether this expense was recorded, because {system} did not let us in: {said}",
        "Look there for the reference {reference} before you export it again.")
    OUTCOME_BEHIND_RIGHT = ("outcome-behind-right", Item.AUTHORIZATION_FAILURE, Job.AUTHORIZATION_FAILURE,
        "It is not known whether this expense was recorded, because {system} did not let us look: {said}",
        "Look there for the reference {reference} before you export it again.")
    OUTCOME_UNSURE = ("outcome-unsure", Item.UNEXPECTED_FAILURE, Job.VALIDATION_FAILURE,
        "It is not known whether this expense was recorded: {system} shows no entry, but is not in order: {said}",
        "Look there for the reference {reference} before you export it again.")
    FAULT_BEFORE_RECORDING = ("fault-before-recording", Item.UNEXPECTED_FAILURE, Job.VALIDATION_FAILURE,
        "pleo-export failed on this expense ({fault}). Nothing was recorded.",
        "Export it again; if it stays so, report it with the log.")
    FAULT_WHILE_RECORDING = ("fault-while-recording", Item.UNEXPECTED_FAILURE, Job.VALIDATION_FAILURE,
        "pleo-export failed on this expense ({fault}), and it is not known whether it was recorded.",
        "Look for the reference {reference} in {system} before you export it again.")
    FAULT_AFTER_RECORDING = ("fault-after-recording", Item.UNEXPECTED_FAILURE, Job.VALIDATION_FAILURE,
        "pleo-export failed on this expense ({fault}) after it was recorded.",
        "Export it again; if it stays so, report it with the log.")
    OUTCOME_NOT_TAKEN = ("outcome-not-taken", Item.UNEXPECTED_FAILURE, Job.VALIDATION_FAILURE,
        "Pleo did not take the outcome of this expense ({said}).",
        "Look at the expense in Pleo before you export it again.")
    ENDED_IN_PLEO = ("ended-in-pleo", Item.UNEXPECTED_FAILURE, Job.VALIDATION_FAILURE,
        "Its export was ended in Pleo before its outcome was known.",
        "Export it again.")
    UNCLASSIFIED = ("unclassified", Item.UNEXPECTED_FAILURE, Job.VALIDATION_FAILURE,
        "Another version of pleo-export refused this expense, for a cause that this one does not know.",
        "Read the reason it gave, mend that and export the expense again.")

    # The job as a whole, and how we stand with Pleo.
    NOTHING_EXPORTED = ("nothing-exported", None, Job.VALIDATION_FAILURE,
        "No expense was exported.",
        "Export the expenses again in Pleo.")
    EXPENSES_NOT_LISTED = ("expenses-not-listed", None, Job.VALIDATION_FAILURE,
        "Pleo says that {selected} expenses were selected for this export, and it listed {listed} of them.",
        "Look in Pleo which ones are not exported, and export them again.")
    JOB_EXPIRED = ("job-expired", None, Job.JOB_EXPIRED,
        "The job expired in Pleo before it was closed here.",
        "What was recorded stays recorded and is recognised; export the remaining expenses again in Pleo.")
    JOB_NOT_CLOSED = ("job-not-closed", None, None,
        "The job could not be closed in Pleo yet.",
        "The next run tries again. What was recorded stays recorded; if Pleo refuses until the job expires, export the remaining expenses again.")
    JOB_ENDED_ELSEWHERE = ("job-ended-elsewhere", None, None,
        "The job ended as '{status}' by somebody else in Pleo before it was closed here.",
        "What was recorded stays recorded and is recognised; export the remaining expenses again in Pleo.")
    JOB_GONE = ("job-gone", None, None,
        "Pleo no longer knows this job.",
        "What was recorded stays recorded and is recognised; export the remaining expenses again in Pleo.")
    PLEO_UNAUTHORISED = ("pleo-unauthorised", None, Job.AUTHENTICATION_FAILURE,
        "Pleo did not accept the credential ({call}).",
        "Make a new API key in Pleo under Settings > API Keys and put it in place of the old one.")
    PLEO_FORBIDDEN = ("pleo-forbidden", None, Job.AUTHORIZATION_FAILURE,
        "The credential is valid but lacks a right ({call}).",
        "Give the API key the rights export-jobs:read, export-jobs:write and export-items:read, and check pleo.company_id.")
    PLEO_FAILED = ("pleo-failed", None, Job.SERVICE_UNREACHABLE,
        "{happened} ({call}).",
        "{remedy}")
    KEY_READABLE = ("key-readable", None, None,
        "Other users of this machine can read the API key in {path}.",
        "Take that right away: chmod 600 {path}")
    STORE_OF_ANOTHER_KIND = ("store-of-another-kind", None, Job.INVALID_CONFIGURATION,
        "store.path = '{path}' is a file of another kind.",
        "Name another file in the settings.")
    STORE_UNWRITABLE = ("store-unwritable", None, Job.INVALID_CONFIGURATION,
        "store.path = '{path}' cannot be made or written in {folder}.",
        "Let this user write the file and its folder, or name another file in the settings.")
