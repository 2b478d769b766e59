"""Vendors that were created with an entry: a small file each, beside the bookkeeper's chart and never in it.

vendors/<name>.toml    id, name and tax identifier; a person may add an account of the vendor's own
"""

import json
from pathlib import Path

from msgspec.structs import replace

from pleo_export.accounting.acceptance import knows
from pleo_export.accounting.ledger.chart import (
    Chart,
    ChartInvalidError,
    ChartVendor,
    ledger_vendor,
    missing_account,
    read_table,
)
from pleo_export.accounting.ledger.folder import Pen
from pleo_export.accounting.ledger.shelf import Kept, Shelf
from pleo_export.accounting.ledger.syntax import safe_name
from pleo_export.domain.entry import EntryVendor
from pleo_export.domain.reference import LedgerVendor, ReferenceData

_HEAD = "# Created with an entry. `account` may name a payable account of the vendor's own."


class Vendors:
    """The vendors below a ledger's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "vendors"
        self._shelf = Shelf(
            str(self._folder),
            lambda name: name.endswith(".toml"),
            lambda path: read_table(Path(path), ChartVendor),
        )

    def listed(self, chart: Chart) -> ReferenceData:
        """Return the chart with the vendors that were created since; the chart's own come first.

        Where the chart keeps no list of vendors, there is none. Raises ChartInvalidError and OSError.
        """
        data = chart.reference_data
        if data.vendors is None or not (created := self._shelf.read()):
            return data
        vendors = {vendor.id: vendor for vendor in data.vendors}
        for one in created:
            vendors.setdefault(one.said.id, _vendor(one, chart))
        return replace(data, vendors=tuple(vendors.values()))

    def keep(self, pen: Pen, vendor: EntryVendor, books: ReferenceData) -> None:
        """Make a vendor's file, unless `books` list it or another writer has just made it. Raises OSError."""
        if not knows(books, vendor):
            pen.create(self._folder / f"{safe_name(vendor.id)}.toml", [_text_of(vendor).encode()])


def _vendor(kept: Kept[ChartVendor], chart: Chart) -> LedgerVendor:
    if problems := [*missing_account("account", kept.said.account, chart)]:
        raise ChartInvalidError(Path(kept.path), problems)
    return ledger_vendor(kept.said)


def _text_of(vendor: EntryVendor) -> str:
    values = [
        ("id", vendor.id),
        ("name", vendor.name or vendor.id),
        ("tax_identifier", vendor.tax_identifier),
    ]
    return "\n".join(
        [_HEAD, *(f"{key} = {_quoted(value)}" for key, value in values if value is not None), ""]
    )


def _quoted(text: str) -> str:
    """Write a string of TOML: that of JSON, but for one character that TOML wants escaped as well."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
