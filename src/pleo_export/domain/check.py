"""Do the settings fit the accounting system? The same findings for a job and for `doctor`."""

from collections.abc import Sequence

from pleo_export.domain.failures import Finding, JobFailureType
from pleo_export.domain.reference import ReferenceData
from pleo_export.domain.settings import CompanySettings


def settings_findings(settings: CompanySettings, reference: ReferenceData) -> Sequence[Finding]:
    """Return a finding for each configured account that is not in the accounting system, or not active there."""
    configured = {
        "accounts.wallet": settings.accounts.wallet,
        "accounts.out_of_pocket": settings.accounts.out_of_pocket,
        "accounts.contra": settings.accounts.contra,
        "accounts.accounts_payable": settings.accounts.accounts_payable,
        "vat.input_account": settings.vat.input_account,
        "vat.output_account": settings.vat.output_account,
    }
    return [
        Finding(
            type=JobFailureType.INVALID_CONFIGURATION,
            problem=f"{key} = '{code}': {problem}.",
            remedy=f"Correct {key} in the settings, or mend the account in the accounting system.",
        )
        for key, code in configured.items()
        if code is not None and (problem := _problem(code, reference)) is not None
    ]


def _problem(code: str, reference: ReferenceData) -> str | None:
    account = reference.account(code)
    if account is None:
        return "there is no such account in the accounting system"
    return None if account.active else f"the account ({account.name}) is not active in the accounting system"
