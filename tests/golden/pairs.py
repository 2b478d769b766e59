"""Golden pairs: an expense as Pleo sends it, and the ledger text it must give.

`<group>/<name>.json` is the expense, `<name>.beancount` the text; its first line says in words what the pair shows, and
is a person's. `settings.toml` and `chart.toml` hold for all. A `<name>.toml` says what differs for one pair:

- `books`: other pairs whose entries are in the books already, in that order;
- `without`: keys that are not there ("chart.vendors");
- `[settings]` and `[chart]`: as in those files;
- `[reference]`: what another accounting system than the ledger would say of itself.
"""

import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from pleo_export.accounting.acceptance import accept
from pleo_export.accounting.ledger.chart import Chart
from pleo_export.accounting.ledger.writer import entry_text
from pleo_export.accounting.port import EntryRefusedError, PeriodClosedError
from pleo_export.accounting.tax_codes import split_by_code
from pleo_export.domain.book import book
from pleo_export.domain.entry import Entry
from pleo_export.domain.failures import Rejection
from pleo_export.domain.item import ExportItem, decode_as_sent
from pleo_export.domain.matching import Document, match, settled_by
from pleo_export.domain.reference import ReferenceData
from pleo_export.domain.settings import CompanySettings

FOLDER = Path(__file__).parent
NO_WORDS = "; Say here in words what this pair shows."

Tree = Mapping[str, Any]
Documents = defaultdict[str | None, list[Document]]  # by vendor


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What an expense is booked with."""

    settings: CompanySettings
    chart: Chart
    reference: ReferenceData
    books: Sequence[str]

    def book(self, item: ExportItem, documents: Documents) -> Entry | Rejection:
        """Book an expense, match it with the documents of its vendor, and add it to them."""
        outcome = book(item, self.settings, self.reference)
        if isinstance(outcome, Rejection):
            return outcome
        vendor = outcome.vendor.id if outcome.vendor else None
        entry = match(
            outcome,
            documents[vendor],
            self.settings.accounts.exchange_difference,
            self.reference.accounts,
        )
        documents[vendor] = settled_by(documents[vendor], entry)
        return entry

    def recorded(self, entry: Entry) -> Entry | Rejection:
        """Return an entry as the ledger takes it, with tax that is left to the ledger split off."""
        try:
            split = split_by_code(entry, self.chart.tax_rules)
            accept(split, self.reference)
        except (EntryRefusedError, PeriodClosedError) as refused:
            return Rejection(refused.cause, str(refused))
        return split


class Pair(msgspec.Struct, frozen=True):
    """One pair, by the path of its expense."""

    path: Path

    @property
    def name(self) -> str:
        return f"{self.path.parent.name}/{self.path.stem}"

    @property
    def text_path(self) -> Path:
        return self.path.with_suffix(".beancount")

    @property
    def text(self) -> str:
        """The committed text; nothing where the pair is new."""
        return self.text_path.read_text(encoding="utf-8") if self.text_path.exists() else ""

    @property
    def words(self) -> str:
        return self.text.partition("\n")[0] or NO_WORDS

    @property
    def item(self) -> ExportItem:
        return decode_as_sent(self.path.read_bytes(), ExportItem)

    def outcome(self) -> tuple[Entry | Rejection, str]:
        """Book the expense after those that are in its books; return what became of it, and that as a text."""
        setting = _setting(self.path.with_suffix(".toml"))
        documents: Documents = defaultdict(list)
        for name in setting.books:
            assert isinstance(setting.book(Pair(FOLDER / f"{name}.json").item, documents), Entry)
        entry = setting.book(self.item, documents)
        taken = setting.recorded(entry) if isinstance(entry, Entry) else entry
        if isinstance(taken, Entry) and isinstance(entry, Entry):
            return taken, entry_text(taken, setting.chart.names, entry.fingerprint)
        assert isinstance(taken, Rejection)
        return taken, f"; rejected: {taken.type}\n; {taken.reason}\n"

    def expected(self) -> str:
        """The text that the program gives today, below the words that stand there."""
        return f"{self.words}\n{self.outcome()[1]}"


def all_pairs(folder: Path = FOLDER) -> list[Pair]:
    """Return the pairs of a folder by name."""
    return [Pair(path) for path in sorted(folder.glob("*/*.json"))]


def _setting(path: Path) -> Setting:
    changes = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    tree = _without(_merged(_defaults(), changes), changes.get("without", []))
    chart = Chart.model_validate(tree["chart"])
    return Setting(
        settings=CompanySettings.model_validate(tree["settings"]),
        chart=chart,
        reference=replace(chart.reference_data, **tree.get("reference", {})),
        books=tree.get("books", []),
    )


@cache
def _defaults() -> Tree:
    return {
        name: tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
        for name in ("settings", "chart")
    }


def _merged(base: Tree, changes: Tree) -> dict[str, Any]:
    return {**base} | {
        key: _merged(base[key], value) if isinstance(value, dict) and key in base else value
        for key, value in changes.items()
    }


def _without(tree: Tree, removed: list[str]) -> Tree:
    for dotted in removed:
        head, _, rest = dotted.partition(".")
        tree = {key: value for key, value in tree.items() if rest or key != head}
        if rest:
            tree = {**tree, head: _without(tree[head], [rest])}
    return tree
