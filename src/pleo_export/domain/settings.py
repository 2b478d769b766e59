"""What a company decides about its bookkeeping. Everything else is known to Pleo or to the accounting system."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from pleo_export.domain.description import checked_template
from pleo_export.domain.entry import EntryState
from pleo_export.domain.item import ItemType

Code = Annotated[str, Field(min_length=1)]


class Section(BaseModel):
    """A section of the settings file: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class MethodWhenMissing(StrEnum):
    """What to do where Pleo names no bookkeeping method (the company does not use vendor tagging)."""

    RESOLVE_SUPPLIER = "resolve_supplier"
    JOURNAL = "journal"


class UnknownVendor(StrEnum):
    """What to do where a vendor is not in the accounting system."""

    FAIL = "fail"
    FALLBACK_ACCOUNT = "fallback_account"
    CREATE = "create"


class AttachmentFailure(StrEnum):
    """What to do where a receipt cannot be had, or cannot be given to the accounting system."""

    FAIL = "fail"
    RECORD_WITHOUT = "record_without"


class VatHandling(StrEnum):
    """Who splits the tax off an amount."""

    EXPLICIT = "explicit"
    BY_CODE = "by_code"


class ClosedPeriodStrategy(StrEnum):
    """What to do where the accounting period of an expense is closed."""

    FAIL = "fail"
    TODAY = "today"
    NEXT_OPEN = "next_open"


class AccountSettings(Section):
    """The accounts that Pleo asks every integration to know."""

    wallet: str = Field(
        min_length=1,
        description="The Pleo wallet: money on cards. Used where Pleo names no contra account for the expense.",
    )
    out_of_pocket: str = Field(
        min_length=1, description="What is owed to employees until they are reimbursed."
    )
    contra: str = Field(
        min_length=1,
        description="The other side of loading and unloading the wallet, and of reimbursements outside Pleo.",
    )
    accounts_payable: str = Field(
        min_length=1, description="What is owed to vendors that have no payable account of their own."
    )
    rounding: Code | None = Field(
        default=None,
        description=(
            "Where one minor unit goes by which amounts of an expense do not add up."
            " Without it, lines that do not add up fail."
        ),
    )
    exchange_difference: Code | None = Field(
        default=None,
        description=(
            "What a bill in a foreign currency cost more or less when it was paid than when it came."
            " Without it, such a payment is recorded and the bill left open."
        ),
    )


class VatSettings(Section):
    """How VAT is booked, and its accounts for tax codes with which Pleo sends none."""

    handling: VatHandling = Field(
        default=VatHandling.EXPLICIT,
        description=(
            "`explicit`: the tax that Pleo states is booked on tax accounts; `by_code`: the tax code is handed over"
            " with the whole amount, and the accounting system splits it."
        ),
    )
    input_account: Code | None = Field(
        default=None,
        description="VAT to be reclaimed. Used where Pleo's tax code names no account.",
    )
    output_account: Code | None = Field(
        default=None,
        description="VAT owed under reverse charge. Used where Pleo's tax code names none.",
    )
    no_tax_code: Code | None = Field(
        default=None,
        description="The accounting system's code for lines without tax, where it wants one.",
    )


class JournalSettings(Section):
    """The journals entries go into, where the accounting system has several."""

    general: Code | None = Field(default=None, description="For journal entries.")
    purchases: Code | None = Field(default=None, description="For bills and credit notes.")
    payments: Code | None = Field(default=None, description="For payments.")


class TaxCodeMapping(Section):
    """What a tax code of Pleo is in the accounting system. What is left out stays as Pleo sends it."""

    code: Code | None = Field(default=None, description="The accounting system's tax code.")
    input_account: Code | None = Field(default=None, description="VAT to be reclaimed under this code.")
    output_account: Code | None = Field(
        default=None, description="VAT owed under this code (reverse charge)."
    )


class MappingSettings(Section):
    """Pleo's codes on the left, the accounting system's on the right. A code that is not listed stays as it is."""

    accounts: dict[Code, Code] = Field(
        default={}, description="Categories and contra accounts of Pleo, by their code, id or name."
    )
    tax_codes: dict[Code, TaxCodeMapping] = Field(default={}, description="Tax codes of Pleo.")
    vendors: dict[Code, Code] = Field(
        default={}, description="Vendors and suppliers of Pleo, by any code, id or name Pleo has for them."
    )
    dimensions: dict[Code, Code] = Field(
        default={}, description="Tag groups of Pleo, each a dimension of the accounting system."
    )
    team: Code | None = Field(
        default=None, description="The dimension that takes the team of an expense (its code, else its name)."
    )
    user: Code | None = Field(
        default=None, description="The dimension that takes the person (the employee code, else the name)."
    )


class BookkeepingSettings(Section):
    """How expenses are booked where Pleo leaves it to the company."""

    posting: EntryState = Field(
        default=EntryState.DRAFT,
        description="`draft`: entries wait for a review; `final`: entries are posted at once.",
    )
    posting_by_type: dict[ItemType, EntryState] = Field(
        default={}, description="Types of expense that are posted otherwise than the rest."
    )
    description: Annotated[str, AfterValidator(checked_template)] = Field(
        default="{supplier} - {user} - {note}",
        description=(
            "The description of an entry, out of {supplier}, {user}, {initials}, {note}, {team}, {type}, {attendees},"
            " {invoice} and {reconciliation_id}. Where it is too long for the accounting system, initials stand for"
            " the person and the end is cut off."
        ),
    )
    closed_period: ClosedPeriodStrategy = Field(
        default=ClosedPeriodStrategy.FAIL,
        description="An expense dated in a closed period: `fail`, or post it `today` or on the `next_open` day.",
    )
    method_when_missing: MethodWhenMissing = Field(
        default=MethodWhenMissing.RESOLVE_SUPPLIER,
        description=(
            "Where Pleo names no method for what is owed to a supplier: `resolve_supplier` books through accounts"
            " payable if the supplier is a vendor of the accounting system, `journal` never does. What is owed to an"
            " employee is a journal entry then."
        ),
    )
    unknown_vendor: UnknownVendor = Field(
        default=UnknownVendor.FAIL,
        description=(
            "A vendor that is not in the accounting system: `fail`, book on the `fallback_account`, or `create` it"
            " there. One that is blocked there fails in each case."
        ),
    )
    attachment_failure: AttachmentFailure = Field(
        default=AttachmentFailure.FAIL,
        description=(
            "A receipt that cannot be had or attached: `fail`, or `record_without` it and say so with the outcome, and"
            " in the entry where it is known before."
        ),
    )


class CompanySettings(Section):
    """All that the mapping of one company's expenses needs."""

    accounts: AccountSettings
    vat: VatSettings = VatSettings()
    journals: JournalSettings = JournalSettings()
    mapping: MappingSettings = MappingSettings()
    bookkeeping: BookkeepingSettings = BookkeepingSettings()
