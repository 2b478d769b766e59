from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import Rejection
from pleo_export.domain.grouping import SameCause, by_cause, rejection_of
from pleo_export.domain.progress import ItemProgress

UNKNOWN = Rejection(Cause.ACCOUNT_UNKNOWN, "No 9999.")
OTHER = Rejection(Cause.ACCOUNT_UNKNOWN, "No 8888.")
LINES = Rejection(Cause.NO_LINES, "Nothing to book.")


def item(code: str | None = None, reason: str | None = None) -> ItemProgress:
    return ItemProgress(
        job_id="job", accounting_entry_id="e1", position=0, failure_code=code, failure_reason=reason
    )


def test_failures_are_grouped_by_cause_and_reason_the_most_frequent_first() -> None:
    failures = [("1", LINES), ("2", OTHER), ("3", UNKNOWN), ("4", LINES), ("5", UNKNOWN)]
    groups = by_cause(failures)
    assert groups == [
        SameCause(Cause.ACCOUNT_UNKNOWN, {"No 9999.": ["3", "5"], "No 8888.": ["2"]}),
        SameCause(Cause.NO_LINES, {"Nothing to book.": ["1", "4"]}),
    ]
    assert [list(group.reasons) for group in groups] == [["No 9999.", "No 8888."], ["Nothing to book."]]
    assert [group.number for group in groups] == [3, 2]


def test_of_equally_frequent_causes_the_one_that_came_first_comes_first() -> None:
    assert [group.cause for group in by_cause([("1", LINES), ("2", UNKNOWN)])] == [
        "no-lines",
        "account-unknown",
    ]


def test_without_failures_there_are_no_groups() -> None:
    assert by_cause([]) == []


def test_an_item_is_rejected_for_the_cause_that_is_remembered() -> None:
    assert rejection_of(item("no-lines", "Nothing to book.")) == LINES


def test_an_item_that_another_version_rejected_keeps_its_reason_without_a_known_cause() -> None:
    for code in (None, "of-a-later-version"):
        assert rejection_of(item(code, "Why.")) == Rejection(Cause.UNCLASSIFIED, "Why.")


def test_an_item_that_was_not_rejected_has_no_rejection() -> None:
    assert rejection_of(item()) is None
