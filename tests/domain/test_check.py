"""Settings that do not fit the accounting system are found before a job, by the key that says so."""

from typing import Any

import pytest
from msgspec.structs import replace

from pleo_export.domain.check import settings_findings
from pleo_export.domain.failure_types import JobFailureType
from pleo_export.domain.failures import Severity
from pleo_export.domain.reference import LedgerTaxCode, ReferenceData
from pleo_export.domain.settings import CompanySettings
from pleo_export.testing.expenses import EUROS_ONLY, INACTIVE, REFERENCE, SETTINGS

ACCOUNT_KEYS = [
    *(f"accounts.{name}" for name in ("wallet", "out_of_pocket", "contra", "accounts_payable")),
    "accounts.rounding",
    "accounts.exchange_difference",
    "vat.input_account",
    "vat.output_account",
    "mapping.accounts.6100",
    "mapping.tax_codes.V25.input_account",
    "mapping.tax_codes.V25.output_account",
]
JOURNALS = {"GENERAL": "General", "BUY": "Purchases", "PAY": "Payments"}


def configured(**values: str) -> CompanySettings:
    """The usual settings and these, by dotted name."""
    tree: dict[str, Any] = SETTINGS.model_dump()
    for dotted, value in values.items():
        *sections, key = dotted.split(".")
        place = tree
        for section in sections:
            place = place.setdefault(section, {})
        place[key] = value
    return CompanySettings.model_validate(tree)


def problems(settings: CompanySettings, reference: ReferenceData = REFERENCE) -> list[str]:
    return [finding.problem for finding in settings_findings(settings, reference)]


def test_settings_that_fit_are_no_finding() -> None:
    assert problems(SETTINGS) == []
    everything = dict.fromkeys(ACCOUNT_KEYS, "6100")
    codes = {
        "vat.no_tax_code": "R25",
        "mapping.tax_codes.V25.code": "R25",
        "mapping.vendors.A": "V-1001",
        "mapping.vendors.B": "nordic",
        "mapping.dimensions.TEAM": "PROJECT",
        "mapping.team": "COST_CENTRE",
        "mapping.user": "PROJECT",
    }
    assert problems(configured(**everything, **codes)) == []


@pytest.mark.parametrize("key", ACCOUNT_KEYS)
@pytest.mark.parametrize(
    ("code", "problem", "mend"),
    [
        ("9999", "there is no such account in the accounting system", "add"),
        (INACTIVE, "the account (Given up) is not active in the accounting system", "activate"),
    ],
)
def test_an_account_that_does_not_fit_is_a_finding_with_its_key_and_a_remedy(
    key: str, code: str, problem: str, mend: str
) -> None:
    (finding,) = settings_findings(configured(**{key: code}), REFERENCE)
    assert (finding.type, finding.severity) == (JobFailureType.INVALID_CONFIGURATION, Severity.ERROR)
    assert finding.problem == f"{key} = '{code}': {problem}."
    assert finding.remedy == f"Correct {key} in the settings, or {mend} the account in the accounting system."


MAY_BE_A_WALLET = ["accounts.wallet", "mapping.accounts.6100"]


@pytest.mark.parametrize("key", MAY_BE_A_WALLET)
def test_the_account_of_a_wallet_may_be_in_another_currency_than_the_books(key: str) -> None:
    assert problems(configured(**{key: EUROS_ONLY}), replace(REFERENCE, currency="DKK")) == []


@pytest.mark.parametrize("key", [key for key in ACCOUNT_KEYS if key not in MAY_BE_A_WALLET])
def test_any_other_account_in_another_currency_than_the_books_is_worth_a_warning(key: str) -> None:
    settings = configured(**{key: EUROS_ONLY})
    (finding,) = settings_findings(settings, replace(REFERENCE, currency="DKK"))
    assert finding.severity is Severity.WARNING
    assert (
        finding.problem
        == f"{key} = '6300': the account (Euros only) takes EUR, but the books are kept in DKK."
    )
    assert problems(settings, replace(REFERENCE, currency="EUR")) == []
    assert problems(settings, replace(REFERENCE, currency=None)) == []


def test_every_account_that_does_not_fit_is_found_at_once() -> None:
    nothing = replace(REFERENCE, accounts={})
    keys = [
        problem.partition(" ")[0] for problem in problems(configured(**{"mapping.accounts.A": "1"}), nothing)
    ]
    assert keys == [*ACCOUNT_KEYS[:4], "vat.input_account", "vat.output_account", "mapping.accounts.A"]


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ("vat.no_tax_code", "tax code"),
        ("mapping.tax_codes.V25.code", "tax code"),
        ("mapping.vendors.ACME", "vendor"),
        ("mapping.dimensions.COST_CENTRE", "dimension"),
        ("mapping.team", "dimension"),
        ("mapping.user", "dimension"),
        ("journals.general", "journal"),
    ],
)
def test_any_other_code_that_is_not_there_is_a_finding_unless_the_system_keeps_no_such_list(
    key: str, what: str
) -> None:
    settings = configured(**{"journals.purchases": "BUY", "journals.payments": "PAY", key: "X-9"})
    journals = {"journals": JOURNALS} if what == "journal" else {}
    (finding,) = settings_findings(settings, replace(REFERENCE, **journals))
    assert (finding.type, finding.severity) == (JobFailureType.INVALID_CONFIGURATION, Severity.ERROR)
    assert finding.problem == f"{key} = 'X-9': there is no such {what} in the accounting system."
    assert finding.remedy == f"Correct {key} in the settings, or add the {what} in the accounting system."
    assert problems(settings, ReferenceData(accounts=REFERENCE.accounts)) == []


def test_a_vendor_that_is_blocked_is_a_finding() -> None:
    for code in ("V-1003", "blocked"):
        (problem,) = problems(configured(**{"mapping.vendors.ACME": code}))
        assert problem == (
            f"mapping.vendors.ACME = '{code}': the vendor (Blocked Ltd) is blocked in the accounting system."
        )


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        (("dimensions.A", "dimensions.B"), ["mapping.dimensions.A and mapping.dimensions.B name the same"]),
        (("team", "user"), ["mapping.team and mapping.user name the same"]),
        (("dimensions.A", "team"), []),
    ],
)
def test_a_dimension_that_takes_two_values_of_a_line_is_a_warning(
    keys: tuple[str, str], found: list[str]
) -> None:
    settings = configured(**{f"mapping.{key}": "PROJECT" for key in keys})
    findings = settings_findings(settings, REFERENCE)
    assert [
        one.problem.partition(" dimension 'PROJECT', which takes one value")[0] for one in findings
    ] == found
    assert {one.severity for one in findings} <= {Severity.WARNING}


def test_where_the_accounting_system_has_journals_each_kind_of_entry_needs_one() -> None:
    settings = configured(**{"journals.general": "GENERAL"})
    found = settings_findings(settings, replace(REFERENCE, journals=JOURNALS))
    assert [finding.type for finding in found] == [JobFailureType.MISSING_CONFIGURATION] * 2
    assert [finding.remedy for finding in found] == [
        "Provide journals.purchases in the settings.",
        "Provide journals.payments in the settings.",
    ]
    assert "(GENERAL, BUY, PAY)" in found[0].problem
    assert problems(settings) == []


@pytest.mark.parametrize("codes", [None, {}, {"N0": LedgerTaxCode("N0", "Outside VAT", splits=False)}])
def test_tax_by_code_needs_a_tax_code_that_splits(codes: dict[str, LedgerTaxCode] | None) -> None:
    reference = replace(REFERENCE, tax_codes=codes)
    (finding,) = settings_findings(configured(**{"vat.handling": "by_code"}), reference)
    assert (finding.type, finding.severity) == (JobFailureType.MISSING_CONFIGURATION, Severity.ERROR)
    assert "has no tax code by which it can split" in finding.problem
    assert problems(configured(**{"vat.handling": "by_code"})) == []
    assert problems(SETTINGS, reference) == []
