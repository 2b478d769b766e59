"""The golden pairs hold, are read without loss, cover what there is, and are a ledger that Beancount accepts."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from shutil import copy
from typing import Any

import pytest

from pleo_export import domain
from pleo_export.accounting.ledger import bean_check
from pleo_export.accounting.ledger.chart import read_chart
from pleo_export.accounting.ledger.writer import accounts_text, main_text
from pleo_export.domain.entry import Entry
from pleo_export.domain.failures import Rejection
from pleo_export.domain.item import BookkeepingMethod, ExportItem, ItemSubType, ItemType, TaxType
from pleo_export.testing.expenses import as_json
from tests.golden.__main__ import regenerate
from tests.golden.pairs import FOLDER, NO_WORDS, Pair, all_pairs

PAIRS = all_pairs()
BEAN_CHECK_SECONDS = 60

each_pair = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)


def without_nulls(value: Any) -> Any:
    """A field that is null and one that is not there mean the same."""
    if isinstance(value, dict):
        return {key: without_nulls(one) for key, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


@each_pair
def test_an_expense_gives_exactly_the_text_beside_it(pair: Pair) -> None:
    assert pair.expected() == pair.text, "right? then `make golden OVERWRITE=1`"


@each_pair
def test_an_expense_is_read_without_loss(pair: Pair) -> None:
    def read(raw: bytes) -> Any:
        return without_nulls(json.loads(raw, parse_int=Decimal, parse_float=Decimal))

    assert read(as_json(pair.item)) == read(pair.path.read_bytes())


def test_every_pair_says_in_words_of_its_own_what_it_shows() -> None:
    words = Counter(pair.words for pair in PAIRS)
    assert NO_WORDS not in words
    assert [
        one for one, times in words.items() if times > 1 or not re.fullmatch(r"; [A-Z0-9].*\.", one)
    ] == []


@pytest.mark.slow
def test_there_are_many_and_no_two_share_an_expense_or_a_line() -> None:
    assert len(PAIRS) >= 120
    items = [pair.item for pair in PAIRS]
    ids = Counter(item.accounting_entry_id for item in items)
    ids.update(line.accounting_entry_line_id for item in items for line in item.accounting_entry_lines)
    assert set(ids.values()) == {1}


def test_every_text_and_every_difference_belongs_to_an_expense() -> None:
    others = {
        path.with_suffix(".json") for path in FOLDER.glob("*/*") if path.suffix in {".beancount", ".toml"}
    }
    assert others <= {pair.path for pair in PAIRS}


def _methods(item: ExportItem) -> Iterable[str | None]:
    return [item.bookkeeping.method if item.bookkeeping else None]


def _taxes(item: ExportItem) -> Iterable[str | None]:
    return [line.tax.type if line.tax else None for line in item.accounting_entry_lines]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shown", "all_there_are"),
    [
        (lambda item: [item.type], ItemType),
        (lambda item: [item.sub_type], ItemSubType),
        (_methods, BookkeepingMethod),
        (_taxes, TaxType),
    ],
    ids=["types", "sub-types", "methods", "kinds of tax"],
)
def test_some_pair_shows_each_of_the(
    shown: Callable[[ExportItem], Iterable[str | None]], all_there_are: Iterable[str]
) -> None:
    booked = [pair.item for pair in PAIRS if isinstance(pair.outcome()[0], Entry)]
    assert set(all_there_are) <= {one for item in booked for one in shown(item)}


@pytest.mark.slow
def test_some_pair_shows_each_rejection_of_the_mapping() -> None:
    mapping = ("accounts", "attachments", "book", "data", "method", "posting", "tax")
    folder = Path(domain.__path__[0])
    raised = {
        name
        for module in mapping
        for name in re.findall(r"\bCause\.([A-Z_]+)", (folder / f"{module}.py").read_text(encoding="utf-8"))
    }
    outcomes = [pair.outcome()[0] for pair in PAIRS]
    shown = {one.cause.name for one in outcomes if isinstance(one, Rejection)}
    assert len(raised) >= 15
    assert raised - shown == set()


@pytest.mark.slow
def test_all_texts_together_are_a_ledger_that_beancount_accepts(tmp_path: Path) -> None:
    folder = tmp_path / "2026" / "01"
    folder.mkdir(parents=True)
    chart = read_chart(FOLDER / "chart.toml")
    (tmp_path / "main.beancount").write_text(main_text(chart), encoding="utf-8")
    (tmp_path / "accounts.beancount").write_text(accounts_text(chart), encoding="utf-8")
    for pair in PAIRS:
        if "\n; rejected: " not in pair.text:
            (folder / f"{pair.name.replace('/', '-')}.beancount").write_text(pair.text, encoding="utf-8")
    verdict = bean_check(tmp_path, BEAN_CHECK_SECONDS)
    assert verdict.available
    assert verdict.errors == ()


@pytest.fixture
def copied(tmp_path: Path) -> Pair:
    """A pair in a folder of its own."""
    original = next(pair for pair in PAIRS if pair.name == "refund/with_tax")
    path = tmp_path / "refund" / "with_tax.json"
    path.parent.mkdir()
    copy(original.path, path)
    copy(original.text_path, path.with_suffix(".beancount"))
    return Pair(path)


def test_a_pair_that_would_change_is_refused_and_the_difference_shown(copied: Pair, tmp_path: Path) -> None:
    other = copied.text.replace("125.00", "999.00")
    copied.text_path.write_text(other, encoding="utf-8")
    refused, report = regenerate(tmp_path, overwrite=False)
    assert refused == [copied]
    assert copied.text == other
    assert re.search(r"^-.* 999\.00 EUR\n\+.* 125\.00 EUR$", report, re.MULTILINE)


def test_a_pair_that_would_change_is_written_when_told_to_and_keeps_its_words(
    copied: Pair, tmp_path: Path
) -> None:
    right = copied.text.split("\n", 1)[1]
    copied.text_path.write_text("; My own words.\nwrong\n", encoding="utf-8")
    refused, _ = regenerate(tmp_path, overwrite=True)
    assert refused == []
    assert copied.text == f"; My own words.\n{right}"


@pytest.mark.parametrize(("before", "words"), [(None, NO_WORDS), ("; My own words.\n", "; My own words.")])
def test_a_new_pair_is_written_without_being_told(
    copied: Pair, tmp_path: Path, before: str | None, words: str
) -> None:
    right = copied.text.split("\n", 1)[1]
    copied.text_path.unlink()
    if before is not None:
        copied.text_path.write_text(before, encoding="utf-8")
    assert regenerate(tmp_path, overwrite=False)[0] == []
    assert copied.text == f"{words}\n{right}"


def test_a_pair_that_is_right_is_left_alone(copied: Pair, tmp_path: Path) -> None:
    assert regenerate(tmp_path, overwrite=False) == ([], "")
