# ruff: noqa: ASYNC240 - a test may block: nothing else runs in its loop
import errno
import os
import shutil
from datetime import date
from pathlib import Path

import msgspec
import pytest

from pleo_export.accounting.acceptance import AccountCurrencyError, InactiveAccountError
from pleo_export.accounting.ledger import LedgerConnector, LedgerSettings, connector, folder
from pleo_export.accounting.ledger.connector import DamagedEntryError, LedgerSlowError
from pleo_export.accounting.ledger.folder import LedgerFolder, LedgerFolderError, UnsettledError
from pleo_export.accounting.ledger.locks import LedgerBusyError
from pleo_export.accounting.ledger.roots import AccountsUnreadableError
from pleo_export.accounting.port import NoAnswerError, PeriodClosedError
from pleo_export.domain.catalogue import Cause
from pleo_export.testing.samples import sample_entry, sample_posting


@pytest.fixture
def root(ledger_settings: LedgerSettings) -> Path:
    return ledger_settings.folder


@pytest.fixture
def entry_file(root: Path) -> Path:
    return root / "2026/01/exp-1.beancount"


def drafts(root: Path) -> list[Path]:
    return list(root.rglob("*.tmp"))


async def test_a_deleted_entry_is_not_found_and_can_be_recorded_anew(
    ledger: LedgerConnector, entry_file: Path, root: Path
) -> None:
    await ledger.record(sample_entry())
    entry_file.unlink()
    assert await ledger.find("exp-1") is None
    changed = sample_entry(description="corrected", posting_date=date(2026, 2, 1))
    again = await ledger.record(changed)
    assert (again.created, again.fingerprint) == (True, changed.fingerprint)
    assert "corrected" in (root / "2026/02/exp-1.beancount").read_text()
    assert not entry_file.exists()


@pytest.mark.parametrize("place", ["2026/02", "2025/12", "2026/to-review"])
async def test_an_entry_moved_among_the_months_is_still_the_entry(
    ledger: LedgerConnector, entry_file: Path, root: Path, place: str
) -> None:
    first = await ledger.record(sample_entry())
    (root / place).mkdir(parents=True, exist_ok=True)
    entry_file.rename(root / place / entry_file.name)
    assert await ledger.record(sample_entry()) == msgspec.structs.replace(first, created=False)
    assert not entry_file.exists()


async def test_a_copy_of_the_ledger_elsewhere_still_knows_its_entries(
    ledger: LedgerConnector, root: Path, ledger_settings: LedgerSettings, tmp_path: Path
) -> None:
    first = await ledger.record(sample_entry())
    shutil.copytree(root, tmp_path / "copy", ignore=shutil.ignore_patterns(".*"))
    copy = LedgerConnector(ledger_settings.model_copy(update={"folder": tmp_path / "copy"}))
    assert await copy.find("exp-1") == msgspec.structs.replace(first, created=False)
    await copy.close()


async def test_what_a_bookkeeper_edited_is_read_as_it_is_now(
    ledger: LedgerConnector, entry_file: Path
) -> None:
    first = await ledger.record(sample_entry())
    entry_file.write_text(entry_file.read_text().replace("2026-01-03 *", "2026-01-31 !"))
    found = await ledger.find("exp-1")
    assert found == msgspec.structs.replace(first, created=False, posted=date(2026, 1, 31))


@pytest.mark.parametrize("text", ["", '2026-01-03 * "x"\n  pleo-id: "other"\n'])
async def test_a_file_that_lost_its_entry_is_an_error_and_never_an_absence(
    ledger: LedgerConnector, entry_file: Path, text: str
) -> None:
    await ledger.record(sample_entry())
    entry_file.write_text(text)
    with pytest.raises(DamagedEntryError, match=r"exp-1\.beancount"):
        await ledger.find("exp-1")
    with pytest.raises(DamagedEntryError):
        await ledger.record(sample_entry())
    assert entry_file.read_text() == text


async def test_an_entry_recorded_before_its_period_closed_is_still_found(
    ledger: LedgerConnector, chart_file: Path
) -> None:
    first = await ledger.record(sample_entry())
    chart_file.write_text(chart_file.read_text().replace("2025-12-31", "2026-01-31"))
    assert await ledger.record(sample_entry()) == msgspec.structs.replace(first, created=False)
    with pytest.raises(PeriodClosedError) as closed:
        await ledger.record(sample_entry("exp-2"))
    assert closed.value.next_open == date(2026, 2, 1)


async def test_a_day_before_the_accounts_opened_is_closed(ledger: LedgerConnector, chart_file: Path) -> None:
    chart_file.write_text(chart_file.read_text().replace("2025-12-31", "1960-01-01"))
    with pytest.raises(PeriodClosedError, match="1969-12-31"):
        await ledger.record(sample_entry(posting_date=date(1969, 12, 31)))


async def test_inactive_accounts_and_wrong_currencies_are_refused(ledger: LedgerConnector) -> None:
    inactive = (sample_posting("6900", 1), sample_posting("1900", -1))
    with pytest.raises(InactiveAccountError, match="6900"):
        await ledger.record(sample_entry(postings=inactive))
    dollars = (sample_posting("6200", 1, "USD"), sample_posting("1900", -1, "USD"))
    with pytest.raises(AccountCurrencyError, match="takes EUR, but the expense is in USD"):
        await ledger.record(sample_entry(postings=dollars))
    assert await ledger.find("exp-1") is None


async def test_accounts_follow_the_chart_and_those_that_left_it_stay_open(
    ledger: LedgerConnector, chart_file: Path, root: Path
) -> None:
    await ledger.record(sample_entry())
    chart_file.write_text(chart_file.read_text().replace("Expenses:OfficeSupplies", "Expenses:Paper"))
    await ledger.record(sample_entry("exp-2"))
    await ledger.record(sample_entry("exp-3"))
    accounts = (root / "accounts.beancount").read_text()
    assert accounts.count("open Expenses:Paper\n") == 1
    assert accounts.count("open Expenses:OfficeSupplies\n") == 1
    assert "Expenses:Paper" in (root / "2026/01/exp-2.beancount").read_text()


async def test_the_main_file_is_never_written_over_but_comes_back_when_it_is_gone(
    ledger: LedgerConnector, chart_file: Path, root: Path
) -> None:
    await ledger.record(sample_entry())
    main = root / "main.beancount"
    main.write_text("; mine\n")
    chart_file.write_text(chart_file.read_text() + "\n# changed\n")
    await ledger.record(sample_entry("exp-2"))
    assert main.read_text() == "; mine\n"
    main.unlink()
    await ledger.record(sample_entry("exp-3"))
    assert "include" in main.read_text()


async def test_a_draft_left_by_a_killed_writer_never_harms_the_entry_it_became(
    ledger: LedgerConnector, entry_file: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "_LOCKS", 1)
    await ledger.record(sample_entry())
    before = entry_file.read_text()
    # Killed between the link and the unlinking of the draft: both names are one file.
    os.link(entry_file, root / ".pending/0.tmp")
    await ledger.record(sample_entry("exp-2"))
    assert entry_file.read_text() == before
    assert drafts(root) == []


@pytest.mark.parametrize("call", ["link", "fsync"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
async def test_a_disk_that_refuses_leaves_nothing_and_says_what_to_do(
    ledger: LedgerConnector, root: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    await ledger.record(sample_entry("exp-0"))

    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        with pytest.raises(LedgerFolderError, match="has space") as refused:
            await ledger.record(sample_entry())
    assert str(root) in str(refused.value)
    assert await ledger.find("exp-1") is None
    assert drafts(root) == []
    assert (await ledger.record(sample_entry())).created


async def test_a_failure_after_the_entry_is_in_its_place_is_no_answer(
    ledger: LedgerConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ledger.record(sample_entry("exp-0"))

    def refuse(directory: Path) -> None:
        raise OSError(errno.EIO, directory.name)

    with monkeypatch.context() as patch:
        patch.setattr(folder, "sync", refuse)
        with pytest.raises(NoAnswerError) as unsettled:
            await ledger.record(sample_entry())
    assert type(unsettled.value) is UnsettledError
    assert not (await ledger.record(sample_entry())).created


async def test_an_entry_is_not_said_to_stand_before_the_disk_has_confirmed_it(
    ledger: LedgerConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ledger.record(sample_entry())  # as if its writer had been killed before it heard of that

    def refuse(directory: Path) -> None:
        raise OSError(errno.EIO, directory.name)

    monkeypatch.setattr(connector, "sync", refuse)
    with pytest.raises(LedgerFolderError):
        await ledger.find("exp-1")


@pytest.mark.parametrize("code", [errno.EIO, errno.ETIMEDOUT, errno.ESTALE, errno.ENOTCONN, errno.EHOSTDOWN])
async def test_a_file_server_that_loses_the_answer_is_no_answer(
    ledger: LedgerConnector, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    await ledger.record(sample_entry("exp-0"))
    link = os.link

    def link_and_fail(source: Path, target: Path) -> None:
        link(source, target)
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", link_and_fail)
        with pytest.raises(UnsettledError):
            await ledger.record(sample_entry())
    assert await ledger.find("exp-1") is not None


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
async def test_a_disk_that_refuses_a_name_has_surely_recorded_nothing(
    ledger: LedgerConnector, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    await ledger.record(sample_entry("exp-0"))

    def refuse(_source: Path, _target: Path) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", refuse)
        with pytest.raises(LedgerFolderError):
            await ledger.record(sample_entry())
    assert await ledger.find("exp-1") is None


async def test_an_accounts_file_in_another_encoding_is_named_and_stays(
    ledger: LedgerConnector, root: Path
) -> None:
    await ledger.record(sample_entry("exp-0"))
    accounts = root / "accounts.beancount"
    latin = accounts.read_text("utf-8").encode() + "; Büro\n".encode("latin-1")
    accounts.write_bytes(latin)
    ledger._roots._followed = None  # as another process has it
    with pytest.raises(AccountsUnreadableError, match=r"accounts\.beancount is not in UTF-8"):
        await ledger.record(sample_entry())
    assert [one.cause for one in await ledger.check()] == [Cause.ACCOUNTS_FILE_UNREADABLE]
    assert accounts.read_bytes() == latin
    assert await ledger.find("exp-1") is None


async def test_looking_up_waits_for_a_writer_that_may_still_finish(
    ledger: LedgerConnector, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ledger.record(sample_entry("exp-0"))
    monkeypatch.setattr(folder, "LOCK_SECONDS", 0.05)
    with LedgerFolder(root).writing("exp-1"), pytest.raises(LedgerBusyError):
        await ledger.find("exp-1")


async def test_a_disk_that_hangs_is_no_answer(
    ledger: LedgerConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector, "VERB_SECONDS", 0.05)
    with LedgerFolder(ledger._settings.folder).writing("exp-1"), pytest.raises(NoAnswerError) as slow:
        await ledger.record(sample_entry())
    assert type(slow.value) is LedgerSlowError


async def test_a_month_that_cannot_be_read_is_an_error_and_never_an_absence(
    ledger: LedgerConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ledger.record(sample_entry())

    stat = os.stat

    def refuse(path: str, **options: bool) -> os.stat_result:
        if str(path).endswith("exp-2.beancount"):
            raise PermissionError(errno.EACCES, path)
        return stat(path, **options)

    monkeypatch.setattr(os, "stat", refuse)
    with pytest.raises(LedgerFolderError):
        await ledger.find("exp-2")


async def test_looking_into_a_ledger_that_is_not_there_makes_none(
    ledger: LedgerConnector, root: Path
) -> None:
    assert await ledger.find("exp-1") is None
    await ledger.check()
    assert not root.exists()
