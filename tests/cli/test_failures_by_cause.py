from io import StringIO

from rich.console import Console

from pleo_export.cli.common import show_failures, show_notes
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import Rejection
from pleo_export.domain.grouping import Failure
from pleo_export.domain.progress import ItemProgress, Phase


def shown(*failures: Failure) -> list[str]:
    text = StringIO()
    show_failures(failures, Console(file=text, soft_wrap=True))
    return text.getvalue().splitlines()


def test_each_cause_is_shown_once_with_its_code_its_sentence_and_its_expenses() -> None:
    unknown = Rejection(Cause.ACCOUNT_UNKNOWN, "No 9999.")
    assert shown(("e1", unknown), ("e2", Rejection(Cause.NO_LINES, "Nothing to book.")), ("e3", unknown)) == [
        "  account-unknown: 2, see errors.md#account-unknown",
        "    No 9999.",
        "      e1",
        "      e3",
        "  no-lines: 1, see errors.md#no-lines",
        "    Nothing to book.",
        "      e2",
    ]


def test_of_many_expenses_with_one_cause_ten_are_named_and_the_others_counted() -> None:
    same = Rejection(Cause.NO_LINES, "Nothing to book.")
    lines = shown(*((f"e{number}", same) for number in range(22)))
    assert lines[1:] == [
        "    Nothing to book.",
        *(f"      e{number}" for number in range(10)),
        "      and 12 more",
    ]


def test_ten_expenses_are_named_across_all_sentences_of_a_cause() -> None:
    lines = shown(*((f"e{number}", Rejection(Cause.NO_LINES, f"Why {number}.")) for number in range(11)))
    assert "    Why 9." in lines
    assert "    Why 10." not in lines
    assert lines[-1] == "      and 1 more"


def test_what_others_said_is_shown_as_it_is() -> None:
    assert shown(("e1", Rejection(Cause.ENTRY_REFUSED, "[red]No.[/red]")))[1] == "    [red]No.[/red]"


def noted(number: int, note: str | None, phase: Phase = Phase.RECORDED) -> ItemProgress:
    return ItemProgress(job_id="j", accounting_entry_id=f"e{number}", position=number, phase=phase, note=note)


def test_what_recorded_expenses_lack_is_told_once_with_ten_of_them_and_the_number_of_the_others() -> None:
    text = StringIO()
    items = [noted(number, "Without [its] receipt.") for number in range(12)]
    others = [noted(12, None), noted(13, "Lost.", Phase.REJECTED)]
    show_notes([*items, *others], Console(file=text, soft_wrap=True))
    assert text.getvalue().splitlines() == [
        "  Without [its] receipt.",
        *(f"      e{number}" for number in range(10)),
        "      and 2 more",
    ]
