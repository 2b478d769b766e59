from typing import Any

import pytest
from pydantic import ValidationError

from pleo_export.domain.settings import (
    BookkeepingSettings,
    ClosedPeriodStrategy,
    CompanySettings,
    MethodWhenMissing,
    UnknownVendor,
)
from pleo_export.testing.expenses import SETTINGS

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
        ("unknown_vendor", "invent"),
    ],
)
def test_a_choice_that_is_not_offered_is_an_error(key: str, value: str) -> None:
    with pytest.raises(ValidationError, match=key):
        read(bookkeeping={key: value})


def test_settings_do_not_change_while_they_are_used() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        SETTINGS.accounts.wallet = "1"
