"""Vendors that were created with an entry: a file each, which a person may add to."""

# ruff: noqa: ASYNC240 - a test may block: nothing else runs in its loop
import errno
import os
from pathlib import Path

import pytest

from pleo_export.accounting.acceptance import UnknownAccountError
from pleo_export.accounting.ledger import LedgerConnector, LedgerSettings
from pleo_export.accounting.ledger.chart import ChartInvalidError
from pleo_export.accounting.ledger.folder import LedgerFolderError
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import EntryVendor
from pleo_export.domain.reference import LedgerVendor
from pleo_export.testing.samples import sample_bill, sample_posting

NEW = EntryVendor("vendor-7", 'Søren & "Co"', create=True, tax_identifier="DK1")


@pytest.fixture
def file(ledger_settings: LedgerSettings) -> Path:
    return ledger_settings.folder / "vendors/vendor-7.toml"


async def listed(ledger: LedgerConnector) -> dict[str, LedgerVendor]:
    return {vendor.id: vendor for vendor in (await ledger.reference_data()).vendors or ()}


async def test_a_created_vendor_reads_like_this(ledger: LedgerConnector, file: Path) -> None:
    await ledger.record(sample_bill(vendor=NEW))
    assert file.read_text(encoding="utf-8") == (
        """\
# Created with an entry. `account` may name a payable account of the vendor's own.
id = "vendor-7"
name = "Søren & \\"Co\\""
tax_identifier = "DK1"
"""
    )
    assert await listed(ledger) == {
        "V-1001": LedgerVendor("V-1001", "Nordic Paper ApS", account="2400"),
        "vendor-7": LedgerVendor("vendor-7", 'Søren & "Co"', tax_identifier="DK1"),
    }


async def test_what_a_person_adds_counts_and_is_never_written_over(
    ledger: LedgerConnector, file: Path
) -> None:
    await ledger.record(sample_bill(vendor=NEW))
    file.write_text(file.read_text(encoding="utf-8") + 'account = "2400"\nactive = false\n', encoding="utf-8")
    await ledger.record(sample_bill("bill-2", vendor=NEW))
    vendor = (await listed(ledger))["vendor-7"]
    assert (vendor.account, vendor.active) == ("2400", False)


async def test_a_vendor_that_moved_into_the_chart_is_the_charts(
    ledger: LedgerConnector, chart_file: Path
) -> None:
    await ledger.record(sample_bill(vendor=NEW))
    with chart_file.open("a", encoding="utf-8") as chart:
        chart.write('\n[[vendors]]\nid = "vendor-7"\nname = "Soren"\n')
    assert (await listed(ledger))["vendor-7"] == LedgerVendor("vendor-7", "Soren")


@pytest.mark.parametrize("identity", ["a b/c", 'x"\n[[accounts]]\\', "bell\x07 delete\x7f", "ø" * 300])
async def test_any_id_and_name_can_be_kept(ledger: LedgerConnector, identity: str) -> None:
    await ledger.record(sample_bill(vendor=EntryVendor(identity, identity, create=True)))
    assert (await listed(ledger))[identity].name == identity


async def test_a_vendor_without_a_name_is_called_by_its_id(ledger: LedgerConnector) -> None:
    await ledger.record(sample_bill(vendor=EntryVendor("vendor-8", "", create=True)))
    assert (await listed(ledger))["vendor-8"].name == "vendor-8"


async def test_a_chart_without_vendors_takes_anyone_and_keeps_nobody(
    ledger: LedgerConnector, chart_file: Path, file: Path
) -> None:
    before, _, rest = chart_file.read_text(encoding="utf-8").partition("[[vendors]]")
    chart_file.write_text(before + rest[rest.index("[dimensions]") :], encoding="utf-8")
    assert (await ledger.record(sample_bill(vendor=NEW))).created
    assert (await ledger.reference_data()).vendors is None
    assert not file.parent.exists()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('account = "7"', "account = '7': add that account to the chart"),
        ("acount = 1", "acount = 1: there is no such key"),
        ("=", "no TOML text"),
    ],
)
async def test_a_mistake_in_a_vendors_file_is_told_with_the_file(
    ledger: LedgerConnector, file: Path, line: str, told: str
) -> None:
    await ledger.record(sample_bill(vendor=NEW))
    with file.open("a", encoding="utf-8") as text:
        text.write(line)
    with pytest.raises(ChartInvalidError, match=told) as invalid:
        await ledger.reference_data()
    assert str(file) in str(invalid.value)
    found = await ledger.check()
    assert [one.cause for one in found] == [Cause.CHART_INVALID]
    assert str(file) in found[0].problem


async def test_a_refused_entry_creates_nobody(ledger: LedgerConnector, file: Path) -> None:
    wrong = (sample_posting("9999", 1), sample_posting("1900", -1))
    with pytest.raises(UnknownAccountError):
        await ledger.record(sample_bill(vendor=NEW, postings=wrong))
    assert not file.exists()


async def test_an_entry_that_failed_after_its_vendor_is_recorded_at_the_next_attempt(
    ledger: LedgerConnector, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def full(source: str, target: Path) -> None:
        if target.suffix == ".beancount" and target.stem == "bill-1":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        link(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", full)
        with pytest.raises(LedgerFolderError):
            await ledger.record(sample_bill(vendor=NEW))
    assert await ledger.find("bill-1") is None
    assert (await ledger.record(sample_bill(vendor=NEW))).created
    assert [path.name for path in file.parent.iterdir()] == ["vendor-7.toml"]
