"""What a company decides about its bookkeeping. Everything else is known to Pleo or to the accounting system."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from pleo_export.domain.entry import EntryState


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


class VatSettings(Section):
    """VAT accounts for tax codes with which Pleo sends none."""

    input_account: str | None = Field(
        default=None,
        min_length=1,
        description="VAT to be reclaimed. Used where Pleo's tax code names no account.",
    )
    output_account: str | None = Field(
        default=None,
        min_length=1,
        description="VAT owed under reverse charge. Used where Pleo's tax code names none.",
    )


class BookkeepingSettings(Section):
    """How expenses are booked where Pleo leaves it to the company."""

    posting: EntryState = Field(
        default=EntryState.DRAFT,
        description="`draft`: entries wait for a review; `final`: entries are posted at once.",
    )
    closed_period: ClosedPeriodStrategy = Field(
        default=ClosedPeriodStrategy.FAIL,
        description="An expense dated in a closed period: `fail`, or post it `today` or on the `next_open` day.",
    )
    method_when_missing: MethodWhenMissing = Field(
        default=MethodWhenMissing.RESOLVE_SUPPLIER,
        description=(
            "Where Pleo names no method: `resolve_supplier` books through accounts payable if the supplier is a"
            " vendor of the accounting system, `journal` never does."
        ),
    )
    unknown_vendor: UnknownVendor = Field(
        default=UnknownVendor.FAIL,
        description="A vendor that is not in the accounting system: `fail`, or book on the `fallback_account`.",
    )


class CompanySettings(Section):
    """All that the mapping of one company's expenses needs."""

    accounts: AccountSettings
    vat: VatSettings = VatSettings()
    bookkeeping: BookkeepingSettings = BookkeepingSettings()
