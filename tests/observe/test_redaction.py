"""What is taken out of a text, and what stays readable."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pleo_export.domain.catalogue import Cause
from pleo_export.observe.redaction import REMOVED, redacted, redacted_value
from tests.observe.secrets import FORMS, Telltale, nested, opaque


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMS)
def test_a_secret_of_this_kind_is_taken_out(kind: str) -> None:
    @given(FORMS[kind])
    def holds(case: object) -> None:
        text, secret = case.text, case.secret  # type: ignore[attr-defined]
        assert secret not in redacted(text)
        assert secret not in str(redacted_value(nested(text)))

    holds()


@given(st.uuids())
def test_an_id_stays(one: object) -> None:
    assert redacted(f"job {one} of company={one}") == f"job {one} of company={one}"


@pytest.mark.parametrize(
    "text",
    [
        "POST /v3/export-job-events, HTTP 409, type invalid_status, request 01J9ZQ8K-fra1",
        "request 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        'File "/srv/pleo-export/.venv/lib/python3.11/site-packages/pleo_export/pleo/transport.py", line 130',
        "the token of company 5 is refreshed; 3 tokens are left. Is it well? Yes.",
        "https://external.pleo.io/v3/export-jobs answered 503",
        "1.234,56 EUR on 2026-11-20T12:00:00Z",
        "company:000000000123",
    ],
)
def test_what_helps_to_find_a_fault_stays(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize("cause", Cause)
def test_no_sentence_for_bookkeepers_is_touched(cause: Cause) -> None:
    assert redacted(f"{cause.sentence} {cause.remedy}") == f"{cause.sentence} {cause.remedy}"


def test_the_rest_of_a_line_stays_readable() -> None:
    text = "GET https://user:word@files.pleo.io/a.pdf?sig=abc failed for max@example.org, IBAN DE89 3704 0044 0532 0130 00 too"
    assert redacted(text) == (
        f"GET https://{REMOVED}@files.pleo.io/a.pdf?{REMOVED} failed for {REMOVED}, IBAN {REMOVED} too"
    )


@given(opaque)
def test_the_value_of_a_telling_name_goes_whatever_it_looks_like(secret: str) -> None:
    given_values = {
        "Api-Key": secret,
        "tokens": [secret],
        "cookies": Telltale(secret),
        "deep": {"password": secret},
    }
    assert secret not in str(redacted_value(given_values))


def test_numbers_stay_numbers_also_under_a_telling_name() -> None:
    values = {"token": 12, "tokens_left": 1.5, "token_valid": True, "secret": None}
    assert redacted_value(values) == values


@pytest.mark.parametrize(
    "character",
    ["a", "A1a", "?", "://", "@", "token", "DE89 ", "v1,", "'", "\\", "-----BEGIN PRIVATE KEY-----"],
)
def test_a_hostile_text_takes_no_more_time_than_its_length(character: str) -> None:
    text = (character * 200_000)[:200_000]
    before = time.process_time()
    redacted(text)
    assert time.process_time() - before < 5
