from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from pleo_export.domain.check import settings_findings
from pleo_export.domain.failures import JobFailureType, Severity
from pleo_export.domain.settings import (
    BookkeepingSettings,
    ClosedPeriodStrategy,
    CompanySettings,
    MethodWhenMissing,
    UnknownVendor,
)
from pleo_export.testing.expenses import INACTIVE, REFERENCE, SETTINGS

ACCOUNTS = {"wallet": "1900", "out_of_pocket": "2800", "contra": "1990", "accounts_payable": "2400"}


def read(**sections: Any) -> CompanySettings:
    return CompanySettings.model_validate({"accounts": ACCOUNTS} | sections)


def test_four_accounts_are_all_that_a_company_has_to_decide() -> None:
    settings = read()
    assert settings.accounts.wallet == "1900"
    assert (settings.vat.input_account, settings.vat.output_account) == (None, None)
    assert settings.bookkeeping == BookkeepingSettings()


def test_what_is_not_decided_is_the_careful_choice() -> None:
    chosen = read().bookkeeping
    assert chosen.posting == "draft"
    assert chosen.closed_period is ClosedPeriodStrategy.FAIL
    assert chosen.method_when_missing is MethodWhenMissing.RESOLVE_SUPPLIER
    assert chosen.unknown_vendor is UnknownVendor.FAIL


@pytest.mark.parametrize("missing", list(ACCOUNTS))
def test_each_of_the_four_accounts_is_asked_for_by_name(missing: str) -> None:
    with pytest.raises(ValidationError, match=missing):
        read(accounts={name: code for name, code in ACCOUNTS.items() if name != missing})


@pytest.mark.parametrize("code", ["", "   ", None, 1900])
def test_an_account_is_a_text_that_says_something(code: object) -> None:
    with pytest.raises(ValidationError, match="wallet"):
        read(accounts=ACCOUNTS | {"wallet": code})


def test_spaces_around_a_code_do_not_count() -> None:
    assert read(accounts=ACCOUNTS | {"wallet": " 1900 "}).accounts.wallet == "1900"


@pytest.mark.parametrize(
    "sections",
    [
        {"acounts": {}},
        {"accounts": ACCOUNTS | {"walet": "1"}},
        {"vat": {"input": "2610"}},
        {"bookkeeping": {"postings": "final"}},
    ],
)
def test_a_misspelt_key_is_an_error(sections: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        read(**sections)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("posting", "posted"),
        ("closed_period", "yesterday"),
        ("method_when_missing", "guess"),
        ("unknown_vendor", "create"),
    ],
)
def test_a_choice_that_is_not_offered_is_an_error(key: str, value: str) -> None:
    with pytest.raises(ValidationError, match=key):
        read(bookkeeping={key: value})


def test_settings_do_not_change_while_they_are_used() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        SETTINGS.accounts.wallet = "1"


def test_settings_that_fit_the_accounting_system_are_no_finding() -> None:
    assert settings_findings(SETTINGS, REFERENCE) == []
    assert settings_findings(read(), REFERENCE) == []


KEYS = [
    *(f"accounts.{name}" for name in ACCOUNTS),
    "vat.input_account",
    "vat.output_account",
]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("9999", "there is no such account in the accounting system"),
        (INACTIVE, "the account (Given up) is not active in the accounting system"),
    ],
)
def test_an_account_that_does_not_fit_is_a_finding_with_its_key_and_a_remedy(
    key: str, code: str, problem: str
) -> None:
    section, _, name = key.partition(".")
    known = SETTINGS.model_dump()
    (finding,) = settings_findings(read(**(known | {section: known[section] | {name: code}})), REFERENCE)
    assert finding.type is JobFailureType.INVALID_CONFIGURATION
    assert finding.severity is Severity.ERROR
    assert finding.problem == f"{key} = '{code}': {problem}."
    assert finding.remedy == f"Correct {key} in the settings, or mend the account in the accounting system."


def test_every_account_that_does_not_fit_is_found_at_once() -> None:
    nothing = replace(REFERENCE, accounts={})
    found = [finding.problem.partition(" ")[0] for finding in settings_findings(SETTINGS, nothing)]
    assert found == KEYS
