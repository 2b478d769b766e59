"""Do the settings fit the accounting system? The same findings for a job and for `doctor`."""

from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import Finding, finding
from pleo_export.domain.reference import ReferenceData
from pleo_export.domain.settings import CompanySettings, MappingSettings, VatHandling

# Each wallet is in a currency of its own: these settings may name an account that takes no other.
_MAY_BE_A_WALLET = ("accounts.wallet", "mapping.accounts.")


def settings_findings(settings: CompanySettings, reference: ReferenceData) -> Sequence[Finding]:
    """Return a finding for each configured code that the accounting system does not have, or not for use.

    An account that does not take the company's currency is a warning, unless it may be that of a wallet in another one.
    What the system keeps no list of is not checked; only where it is to split tax by its codes, there must be some.
    """
    return [
        *_account_findings(settings, reference),
        *_unknown("tax code", _tax_codes(settings), reference.tax_codes),
        *_vendor_findings(settings.mapping.vendors, reference),
        *_unknown("dimension", _dimensions(settings), reference.dimensions),
        *_shared_dimensions(settings.mapping),
        *_journal_findings(settings, reference),
        *_by_code_findings(settings, reference),
    ]


def _account_findings(settings: CompanySettings, reference: ReferenceData) -> Iterator[Finding]:
    for key, code in _accounts(settings):
        if code is None:
            continue
        account = reference.account(code)
        if account is None:
            yield finding(Cause.CONFIGURED_ACCOUNT_UNKNOWN, key=key, account=code)
        elif not account.active:
            yield finding(Cause.CONFIGURED_ACCOUNT_INACTIVE, key=key, account=code, name=account.name)
        elif not key.startswith(_MAY_BE_A_WALLET) and not account.takes(reference.currency):
            yield finding(
                Cause.CONFIGURED_ACCOUNT_CURRENCY,
                key=key,
                account=code,
                name=account.name,
                taken=", ".join(sorted(account.currencies or ())),
                currency=reference.currency,
            )


def _accounts(settings: CompanySettings) -> Iterator[tuple[str, str | None]]:
    """Yield each setting that names an account, with the account."""
    for key, code in settings.accounts:
        yield f"accounts.{key}", code
    yield "vat.input_account", settings.vat.input_account
    yield "vat.output_account", settings.vat.output_account
    for key, code in settings.mapping.accounts.items():
        yield f"mapping.accounts.{key}", code
    for key, mapped in settings.mapping.tax_codes.items():
        yield f"mapping.tax_codes.{key}.input_account", mapped.input_account
        yield f"mapping.tax_codes.{key}.output_account", mapped.output_account


def _tax_codes(settings: CompanySettings) -> Iterator[tuple[str, str | None]]:
    yield "vat.no_tax_code", settings.vat.no_tax_code
    for key, mapped in settings.mapping.tax_codes.items():
        yield f"mapping.tax_codes.{key}.code", mapped.code


def _dimensions(settings: CompanySettings) -> Iterator[tuple[str, str | None]]:
    for group, dimension in settings.mapping.dimensions.items():
        yield f"mapping.dimensions.{group}", dimension
    yield "mapping.team", settings.mapping.team
    yield "mapping.user", settings.mapping.user


def _shared_dimensions(mapping: MappingSettings) -> Iterator[Finding]:
    """Find dimensions that two tag groups go to, or team and person; a tag beside a team is no mistake, it comes first."""
    groups = [(f"mapping.dimensions.{group}", name) for group, name in mapping.dimensions.items()]
    for named in (groups, [("mapping.team", mapping.team), ("mapping.user", mapping.user)]):
        keys = defaultdict[str, list[str]](list)
        for key, dimension in named:
            if dimension is not None:
                keys[dimension].append(key)
        for dimension, there in keys.items():
            if len(there) > 1:
                yield finding(
                    Cause.CONFIGURED_DIMENSION_SHARED, keys=" and ".join(there), dimension=dimension
                )


def _unknown(
    what: str, configured: Iterator[tuple[str, str | None]], there: Container[str] | None
) -> Iterator[Finding]:
    for key, code in configured:
        if code is not None and there is not None and code not in there:
            yield finding(Cause.CONFIGURED_CODE_UNKNOWN, key=key, code=code, what=what)


def _vendor_findings(mapped: Mapping[str, str], reference: ReferenceData) -> Iterator[Finding]:
    there = {code: one for one in reference.vendors or () for code in (one.code, one.id) if code}
    yield from _unknown(
        "vendor",
        ((f"mapping.vendors.{key}", code) for key, code in mapped.items()),
        None if reference.vendors is None else there,
    )
    for key, code in mapped.items():
        if code in there and not there[code].active:
            name = there[code].name
            yield finding(Cause.CONFIGURED_VENDOR_BLOCKED, key=f"mapping.vendors.{key}", code=code, name=name)


def _journal_findings(settings: CompanySettings, reference: ReferenceData) -> Iterator[Finding]:
    """Find journals that are not there; where the accounting system has several, every entry needs one."""
    journals = [(f"journals.{key}", code) for key, code in settings.journals]
    yield from _unknown("journal", iter(journals), reference.journals)
    for key, code in journals:
        if code is None and reference.journals:
            there = ", ".join(reference.journals)
            yield finding(Cause.JOURNAL_MISSING, key=key, journals=there)


def _by_code_findings(settings: CompanySettings, reference: ReferenceData) -> Iterator[Finding]:
    codes = (reference.tax_codes or {}).values()
    if settings.vat.handling is VatHandling.BY_CODE and not any(one.splits for one in codes):
        yield finding(Cause.BY_CODE_WITHOUT_CODES)
