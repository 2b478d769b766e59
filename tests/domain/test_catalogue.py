"""The catalogue of causes: what Pleo is told, what is said, and that the program says nothing else."""

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import msgspec
import pytest

import pleo_export
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failure_types import ItemFailureType, JobFailureType
from pleo_export.domain.failures import Finding, RejectedItemError, Rejection, Severity, finding, rejection
from pleo_export.domain.item import known

SOURCE = Path(pleo_export.__file__).parent
SAYS = {"rejection", "finding", "RejectedItemError"}


@pytest.fixture(scope="module")
def modules() -> list[ast.Module]:
    """What the program consists of."""
    return [ast.parse(path.read_text(encoding="utf-8")) for path in sorted(SOURCE.rglob("*.py"))]


def fields(cause: Cause) -> set[str]:
    said = Formatter().parse(f"{cause.sentence} {cause.remedy}")
    return {field.partition(":")[0] for _, field, _, _ in said if field}


def named_cause(node: ast.AST) -> str | None:
    """The name of the member in `Cause.MEMBER`."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Cause":
        return node.attr
    return None


def said(tree: ast.AST) -> Iterator[tuple[str, str, set[str]]]:
    """Who says it, the cause and the fields given, for each place that says a cause by its name."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and call.args and (cause := named_cause(call.args[0])):
            by = getattr(call.func, "id", "")
            if by in SAYS and all(keyword.arg for keyword in call.keywords):
                yield by, cause, {str(keyword.arg) for keyword in call.keywords}


def gives_each_field(node: ast.ClassDef) -> bool:
    """Whether an error class has a cause of its own and fills in its sentences; an assertion if not all of them."""
    causes = [name for one in node.body if isinstance(one, ast.Assign) and (name := named_cause(one.value))]
    calls = [
        call
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "__init__"
    ]
    if not causes or not calls or any(keyword.arg is None for keyword in calls[0].keywords):
        return False
    given = {keyword.arg for keyword in calls[0].keywords}
    # These two are given by their place.
    assert fields(Cause[causes[0]]) - given <= {"said", "position"}, node.name
    return True


@pytest.mark.parametrize("cause", Cause)
def test_an_item_type_that_jobs_have_too_keeps_its_name_and_any_other_is_a_validation_failure(
    cause: Cause,
) -> None:
    if cause.item is not None:
        shared = cause.item.value in set(JobFailureType)
        assert cause.job == (cause.item.value if shared else JobFailureType.VALIDATION_FAILURE)


@pytest.mark.parametrize("cause", Cause)
def test_a_code_is_the_causes_name_in_small_letters(cause: Cause) -> None:
    assert cause.value == cause.name.lower().replace("_", "-")


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_is_told_in_whole_sentences(cause: Cause) -> None:
    words = dict.fromkeys(fields(cause), 7)
    sentence, remedy = cause.told(**words)
    assert sentence.endswith(".")
    assert remedy
    assert "{" not in sentence + remedy


def test_every_cause_is_used_somewhere(modules: list[ast.Module]) -> None:
    used = {named_cause(node) for tree in modules for node in ast.walk(tree)}
    assert {cause.name for cause in Cause} - used == set()


def test_whoever_says_a_cause_gives_each_field_of_its_sentences(modules: list[ast.Module]) -> None:
    for tree in modules:
        for _, name, given in said(tree):
            assert given == fields(Cause[name]), name


def test_an_error_class_gives_each_field_of_its_causes_sentences(modules: list[ast.Module]) -> None:
    classes = [node for tree in modules for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    checked = {node.name for node in classes if gives_each_field(node)}
    assert {"ReceiptLinkError", "PeriodClosedError", "ChartMissingError"} <= checked


def test_only_causes_with_an_item_type_reject_an_expense(modules: list[ast.Module]) -> None:
    rejecting = {
        name for tree in modules for by, name, _ in said(tree) if by in {"rejection", "RejectedItemError"}
    }
    assert len(rejecting) > 20
    assert {name for name in rejecting if Cause[name].item is None} == set()


def test_a_rejection_carries_its_cause_its_type_and_sentence_with_remedy() -> None:
    rejected = rejection(Cause.TAG_UNKNOWN, tag="T1", group="Projects")
    assert (rejected.cause, rejected.type) == ("tag-unknown", ItemFailureType.TAG_UNKNOWN)
    assert rejected.reason == (
        "Tag T1 of Projects does not exist in the accounting system."
        " Add it there, or choose another tag in Pleo; then export the expense again."
    )


def test_a_rejected_item_is_made_from_a_cause_or_from_its_rejection() -> None:
    error = RejectedItemError(Cause.TAG_UNKNOWN, tag="T1", group="Projects")
    assert error.rejection == rejection(Cause.TAG_UNKNOWN, tag="T1", group="Projects")
    assert str(error) == error.rejection.reason
    assert RejectedItemError(error.rejection).rejection is error.rejection


def test_a_finding_that_ends_no_job_is_a_warning() -> None:
    stale = finding(Cause.ACCOUNTS_FILE_STALE, path="accounts.beancount")
    assert (stale.type, stale.severity) == (None, Severity.WARNING)
    wrong = finding(Cause.LEDGER_WRONG, said="no such account")
    assert (wrong.type, wrong.severity) == (JobFailureType.VALIDATION_FAILURE, Severity.ERROR)
    assert (wrong.problem, wrong.remedy) == (
        "bean-check: no such account.",
        "Correct that place in the ledger.",
    )


def test_braces_in_what_others_say_are_kept() -> None:
    assert finding(Cause.LEDGER_WRONG, said="{odd}").problem == "bean-check: {odd}."


def test_a_cause_is_its_code_in_json() -> None:
    rejected = Rejection(Cause.NO_LINES, "Why.")
    assert msgspec.json.encode(rejected) == b'{"cause":"no-lines","reason":"Why."}'
    assert msgspec.json.decode(msgspec.json.encode(rejected), type=Rejection) == rejected
    assert known(Cause, "no-lines") is Cause.NO_LINES
    assert Finding(cause=Cause.NO_LINES, problem="", remedy="").type == "validation_failure"
