# ruff: noqa: ASYNC240 - a test may block: nothing else runs in its loop
import errno
import hashlib
import os
import shutil
from pathlib import Path

import msgspec
import pytest

from pleo_export.accounting.acceptance import EntryGoneError
from pleo_export.accounting.ledger import LedgerConnector, LedgerSettings, folder
from pleo_export.accounting.ledger.folder import LedgerFolderError
from pleo_export.accounting.ledger.receipts import ReceiptChangedError
from pleo_export.testing.samples import sample_entry, sample_file

PNG = b"\x89PNG\r\n\x1a\n new"


@pytest.fixture
def root(ledger_settings: LedgerSettings) -> Path:
    return ledger_settings.folder


@pytest.fixture
def month(root: Path) -> Path:
    return root / "2026/01"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refuse_links_of(refused: Path, code: int, patch: pytest.MonkeyPatch) -> None:
    link = os.link

    def unless_refused(source: str | Path, target: Path) -> None:
        if Path(source) == refused:
            raise OSError(code, os.strerror(code))
        link(source, target)

    patch.setattr(os, "link", unless_refused)


async def test_a_receipt_that_changed_on_disk_is_not_filed(
    ledger: LedgerConnector, month: Path, tmp_path: Path
) -> None:
    entry, file = sample_entry(), sample_file(tmp_path)
    recorded = await ledger.record(entry)
    file.path.write_bytes(b"something else")
    with pytest.raises(ReceiptChangedError, match="Receipt 1"):
        await ledger.attach(entry, recorded, file)
    assert names(month) == ["exp-1.beancount"]


async def test_a_receipt_without_its_directive_is_taken_for_the_rest_of_an_interrupted_attempt(
    ledger: LedgerConnector, month: Path, tmp_path: Path
) -> None:
    entry, file = sample_entry(), sample_file(tmp_path)
    recorded = await ledger.record(entry)
    shutil.copy(file.path, month / "exp-1.1.pdf")
    await ledger.attach(entry, recorded, file)
    assert names(month) == ["exp-1.1.beancount", "exp-1.1.pdf", "exp-1.beancount"]
    assert (month / "exp-1.1.beancount").read_text() == (
        '2026-01-03 document Expenses:OfficeSupplies "exp-1.1.pdf" #pleo ^pleo-exp-1\n'
        f'  pleo-file: "file-1"\n  sha256: "{file.sha256}"\n'
    )


async def test_a_receipt_stands_on_the_day_of_its_entry_wherever_that_was_moved(
    ledger: LedgerConnector, month: Path, tmp_path: Path
) -> None:
    entry = sample_entry()
    recorded = await ledger.record(entry)
    text = (month / "exp-1.beancount").read_text()
    (month / "exp-1.beancount").write_text(text.replace("2026-01-03 *", "2026-01-28 *"))
    await ledger.attach(entry, recorded, sample_file(tmp_path))
    assert (month / "exp-1.1.beancount").read_text().startswith("2026-01-28 document ")


async def test_somebody_elses_file_of_that_name_is_left_alone(
    ledger: LedgerConnector, month: Path, tmp_path: Path
) -> None:
    entry, file = sample_entry(), sample_file(tmp_path)
    recorded = await ledger.record(entry)
    (month / "exp-1.1.pdf").write_bytes(b"mine")
    await ledger.attach(entry, recorded, file)
    assert (month / "exp-1.1.pdf").read_bytes() == b"mine"
    assert (month / f"exp-1.1.{file.sha256[:8]}.pdf").read_bytes() == file.path.read_bytes()
    assert f'"exp-1.1.{file.sha256[:8]}.pdf"' in (month / f"exp-1.1.{file.sha256[:8]}.beancount").read_text()


@pytest.mark.parametrize("deleted", [[], ["exp-1.beancount"]], ids=["nothing deleted", "entry deleted"])
async def test_a_receipt_that_was_replaced_by_another_is_filed_beside_the_first(
    ledger: LedgerConnector, month: Path, tmp_path: Path, deleted: list[str]
) -> None:
    entry, pdf = sample_entry(), sample_file(tmp_path, content=b"%PDF-1.4 old")
    png = msgspec.structs.replace(sample_file(tmp_path, content=PNG), media_type="image/png")
    await ledger.attach(entry, await ledger.record(entry), pdf)
    for name in deleted:
        (month / name).unlink()
    for _ in range(2):
        await ledger.attach(entry, await ledger.record(entry), png)
    assert (month / "exp-1.1.pdf").read_bytes() == b"%PDF-1.4 old"
    assert (month / f"exp-1.1.{png.sha256[:8]}.png").read_bytes() == PNG
    assert len(names(month)) == 5


async def test_the_same_content_under_three_keys_is_filed_three_times(
    ledger: LedgerConnector, month: Path, tmp_path: Path
) -> None:
    entry = sample_entry()
    recorded = await ledger.record(entry)
    for key in ("a", "b", "c", "c", "b", "a"):
        await ledger.attach(entry, recorded, sample_file(tmp_path, key=key))
    digest = sample_file(tmp_path).sha256[:8]
    pdfs = [name for name in names(month) if name.endswith(".pdf")]
    assert pdfs == sorted(["exp-1.1.pdf", f"exp-1.1.{digest}.pdf", f"exp-1.1.{digest}.2.pdf"])


async def test_a_receipt_that_a_bookkeeper_wrote_on_is_not_filed_again(
    ledger: LedgerConnector, month: Path, tmp_path: Path
) -> None:
    entry, file = sample_entry(), sample_file(tmp_path)
    recorded = await ledger.record(entry)
    await ledger.attach(entry, recorded, file)
    (month / "exp-1.1.pdf").unlink()
    (month / "exp-1.1.pdf").write_bytes(b"%PDF-1.4 paid")
    await ledger.attach(entry, recorded, file)
    assert len(names(month)) == 3
    assert (month / "exp-1.1.pdf").read_bytes() == b"%PDF-1.4 paid"


async def test_a_receipt_that_a_bookkeeper_renamed_is_not_filed_again(
    ledger: LedgerConnector, month: Path, tmp_path: Path
) -> None:
    entry, file = sample_entry(), sample_file(tmp_path)
    recorded = await ledger.record(entry)
    await ledger.attach(entry, recorded, file)
    (month / "exp-1.1.pdf").rename(month / "paper.pdf")
    directive = month / "exp-1.1.beancount"
    directive.write_text(directive.read_text().replace("exp-1.1.pdf", "paper.pdf"))
    await ledger.attach(entry, recorded, file)
    assert names(month) == ["exp-1.1.beancount", "exp-1.beancount", "paper.pdf"]


async def test_a_receipt_whose_directive_alone_survived_a_power_failure_comes_back(
    ledger: LedgerConnector, month: Path, tmp_path: Path
) -> None:
    entry, file = sample_entry(), sample_file(tmp_path)
    recorded = await ledger.record(entry)
    await ledger.attach(entry, recorded, file)
    before = names(month)
    (month / "exp-1.1.pdf").unlink()
    await ledger.attach(entry, recorded, file)
    assert names(month) == before
    assert (month / "exp-1.1.pdf").read_bytes() == file.path.read_bytes()


async def test_a_download_on_the_same_disk_becomes_the_receipt_without_a_copy(
    ledger: LedgerConnector, month: Path, tmp_path: Path
) -> None:
    entry, file = sample_entry(), sample_file(tmp_path)
    await ledger.attach(entry, await ledger.record(entry), file)
    assert (month / "exp-1.1.pdf").samefile(file.path)
    file.path.unlink()
    assert (month / "exp-1.1.pdf").stat().st_size == file.size


async def test_a_download_is_on_disk_before_the_ledger_shows_it(
    ledger: LedgerConnector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, file = sample_entry(), sample_file(tmp_path)
    recorded = await ledger.record(entry)
    done: list[str] = []
    link, sync = os.link, folder.sync

    def linked(source: str | Path, target: Path) -> None:
        done.append(f"link {target.name}")
        link(source, target)

    def synced(path: Path) -> None:
        done.append(f"sync {path.name}")
        sync(path)

    monkeypatch.setattr(os, "link", linked)
    monkeypatch.setattr(folder, "sync", synced)
    await ledger.attach(entry, recorded, file)
    assert done == [f"sync {file.path.name}", "link exp-1.1.pdf", "link exp-1.1.beancount", "sync 01"]


async def test_a_receipt_that_others_could_not_read_is_copied_with_the_rights_of_the_ledger(
    ledger: LedgerConnector, month: Path, tmp_path: Path
) -> None:
    entry, file = sample_entry(), sample_file(tmp_path)
    file.path.chmod(0o600)
    await ledger.attach(entry, await ledger.record(entry), file)
    receipt = month / "exp-1.1.pdf"
    assert receipt.stat().st_mode == (month / "exp-1.beancount").stat().st_mode
    assert receipt.read_bytes() == file.path.read_bytes()


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EMLINK, errno.EPERM])
async def test_a_download_that_cannot_be_linked_is_copied(
    ledger: LedgerConnector, month: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    entry, file = sample_entry(), sample_file(tmp_path)
    recorded = await ledger.record(entry)
    refuse_links_of(file.path, code, monkeypatch)
    await ledger.attach(entry, recorded, file)
    assert not (month / "exp-1.1.pdf").samefile(file.path)
    assert (month / "exp-1.1.pdf").read_bytes() == file.path.read_bytes()


async def test_a_receipt_that_changed_on_disk_is_not_copied_either(
    ledger: LedgerConnector, month: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, file = sample_entry(), sample_file(tmp_path)
    recorded = await ledger.record(entry)
    refuse_links_of(file.path, errno.EXDEV, monkeypatch)
    file.path.write_bytes(file.path.read_bytes()[::-1])
    with pytest.raises(ReceiptChangedError, match="Receipt 1"):
        await ledger.attach(entry, recorded, file)
    assert names(month) == ["exp-1.beancount"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
async def test_a_disk_that_refuses_a_receipt_leaves_none(
    ledger: LedgerConnector, month: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    entry, file = sample_entry(), sample_file(tmp_path)
    recorded = await ledger.record(entry)
    with monkeypatch.context() as patch:
        refuse_links_of(file.path, code, patch)
        with pytest.raises(LedgerFolderError):
            await ledger.attach(entry, recorded, file)
    assert names(month) == ["exp-1.beancount"]
    await ledger.attach(entry, recorded, file)
    assert len(names(month)) == 3


async def test_receipts_follow_an_entry_that_was_moved(
    ledger: LedgerConnector, root: Path, tmp_path: Path
) -> None:
    entry, files = sample_entry(), [sample_file(tmp_path, at, bytes([at])) for at in (1, 2)]
    recorded = await ledger.record(entry)
    await ledger.attach(entry, recorded, files[0])
    (root / "2026/02").mkdir()
    (root / "2026/01/exp-1.beancount").rename(root / "2026/02/exp-1.beancount")
    for file in files:
        await ledger.attach(entry, recorded, file)
    names = [path.relative_to(root).as_posix() for path in sorted(root.glob("2026/*/*.pdf"))]
    assert names == ["2026/01/exp-1.1.pdf", "2026/02/exp-1.2.pdf"]


async def test_another_receipt_of_a_later_export_does_not_replace_the_first(
    ledger: LedgerConnector, root: Path, tmp_path: Path
) -> None:
    entry = sample_entry()
    recorded = await ledger.record(entry)
    await ledger.attach(entry, recorded, sample_file(tmp_path, 1, b"old", key="old"))
    await ledger.attach(entry, recorded, sample_file(tmp_path, 1, b"new", key="new"))
    await ledger.attach(entry, recorded, sample_file(tmp_path, 1, b"new", key="new"))
    contents = sorted(path.read_bytes() for path in root.glob("2026/01/*.pdf"))
    assert contents == [b"new", b"old"]


async def test_no_receipt_is_filed_for_an_entry_that_is_gone(
    ledger: LedgerConnector, month: Path, tmp_path: Path
) -> None:
    recorded = await ledger.record(sample_entry())
    (month / "exp-1.beancount").unlink()
    with pytest.raises(EntryGoneError):
        await ledger.attach(sample_entry(), recorded, sample_file(tmp_path))


async def test_a_file_of_unknown_type_never_becomes_part_of_the_ledger(
    ledger: LedgerConnector, root: Path, tmp_path: Path
) -> None:
    entry = sample_entry()
    recorded = await ledger.record(entry)
    file = sample_file(tmp_path, content=b"2026-01-01 open Assets:Forged\n")
    await ledger.attach(entry, recorded, msgspec.structs.replace(file, media_type="text/x-beancount"))
    assert hashlib.sha256((root / "2026/01/exp-1.1.bin").read_bytes()).hexdigest() == file.sha256
