"""Receipts that the accounting system takes otherwise than Pleo has them, and receipts that are missing."""

from collections.abc import Sequence
from typing import Any

import pikepdf
import pytest
from msgspec.structs import replace

from pleo_export.accounting.memory import MemoryConnector
from pleo_export.accounting.port import Capabilities, EntryRefusedError, ForbiddenError, Recorded
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Entry, StoredFile
from pleo_export.domain.progress import Phase
from pleo_export.domain.settings import AttachmentFailure, BookkeepingSettings
from pleo_export.testing.faults import FaultyConnector, Verb
from tests.workflow.workflow_scene import Around, ChangeSettings, Scene, Watched, eid, expense

WITHOUT = BookkeepingSettings(attachment_failure=AttachmentFailure.RECORD_WITHOUT)


def takes(scene: Scene, **limits: Any) -> None:
    """Let the accounting system take other files than it does."""
    connector = MemoryConnector(scene.books)
    connector.capabilities = replace(MemoryConnector.capabilities, **limits)
    scene.connector = Watched(FaultyConnector(connector, scene.faults))


class Reader(Around):
    """A connector that reads the pages of each PDF while it is there."""

    def __init__(self, inner: object) -> None:
        super().__init__(inner)
        self.pages = list[int]()

    async def attach(self, entry: Entry, recorded: Recorded, file: StoredFile) -> None:
        with pikepdf.open(file.path) as document:
            self.pages.append(len(document.pages))
        await self.inner.attach(entry, recorded, file)


class Refuser(Around):
    """A connector that takes no file of an expense."""

    @property
    def capabilities(self) -> Capabilities:
        found: Capabilities = self.inner.capabilities
        return found

    async def attach(self, entry: Entry, recorded: Recorded, file: StoredFile) -> None:
        raise EntryRefusedError("the shelf is full", Cause.RECEIPT_CHANGED, position=1)


def filed(scene: Scene) -> Sequence[StoredFile]:
    return list(scene.books.files.get(eid(1), {}).values())


async def test_several_receipts_become_one_pdf_in_order_where_one_file_is_taken(scene: Scene) -> None:
    takes(scene, several_attachments=False)
    reader = Reader(scene.connector)
    await scene.company.job_of(expense(1, files=["png", "jpg"]))
    await scene.run_one(connector=reader)
    (file,) = filed(scene)
    assert (file.media_type, file.attachment.key) == ("application/pdf", f"{eid(1)}-all")
    assert reader.pages == [2]
    assert scene.leftovers() == []


@pytest.mark.slow
async def test_the_one_pdf_is_there_once_after_a_second_export(scene: Scene) -> None:
    takes(scene, several_attachments=False)
    await scene.company.job_of(expense(1, files=["png", "jpg"]))
    await scene.run_one()
    await scene.company.press_export(1)
    await scene.run_one()
    assert len(filed(scene)) == 1


async def test_a_picture_that_is_too_large_is_made_smaller(scene: Scene) -> None:
    takes(scene, attachment_bytes_max=30_000)
    await scene.company.job_of(expense(1, files=["jpg"]))
    await scene.run_one()
    (file,) = filed(scene)
    assert file.size <= 30_000
    assert scene.leftovers() == []


async def test_what_cannot_be_made_to_fit_fails_the_expense_and_nothing_is_recorded(scene: Scene) -> None:
    takes(scene, attachment_bytes_max=100)
    await scene.company.job_of(expense(1, files=["pdf"]), expense(2))
    summary = await scene.run_one()
    assert scene.booked() == [2]
    failed = next(item for item in summary.items if item.phase is Phase.REJECTED)
    assert failed.failure_type == "receipt_file_size_limit_exceeded"
    assert scene.leftovers() == []


@pytest.mark.parametrize("kind", ["gone", "html", "oversize"])
async def test_an_expense_is_recorded_without_a_receipt_where_the_company_wants_that(
    scene: Scene, kind: str
) -> None:
    scene.bookkeeping = WITHOUT
    job_id = await scene.company.job_of(expense(1, files=["pdf", kind, "png"]))
    (item,) = (await scene.run_one()).items
    assert item.phase is Phase.RECORDED
    assert item.note is not None
    assert item.note.startswith("Recorded without all of its receipts. Receipt 2 of this expense")
    (missing,) = scene.books.entries[eid(1)].missing_files
    assert "Receipt 2" in missing
    assert [file.attachment.position for file in filed(scene)] == [1, 3]
    assert (await scene.company.outcomes(job_id))[1]["status"] == "successful"
    assert scene.leftovers() == []


async def test_each_missing_receipt_is_told(scene: Scene) -> None:
    scene.bookkeeping = WITHOUT
    await scene.company.job_of(expense(1, files=["gone", "pdf", "html"]))
    (item,) = (await scene.run_one()).items
    first, third = scene.books.entries[eid(1)].missing_files
    assert "Receipt 1" in first
    assert "Receipt 3" in third
    assert item.note == f"Recorded without all of its receipts. {first} {third}"


async def test_a_receipt_that_the_accounting_system_refuses_is_told_as_well(scene: Scene) -> None:
    scene.bookkeeping = WITHOUT
    await scene.company.job_of(expense(1, files=["pdf"]))
    (item,) = (await scene.run_one(connector=Refuser(scene.connector))).items
    assert item.phase is Phase.RECORDED
    assert item.note is not None
    assert "Receipt 1 changed on disk" in item.note


class Remover(Around):
    """A connector whose entry a person deletes before its files are attached."""

    def __init__(self, inner: object, scene: Scene, *, says: bool) -> None:
        super().__init__(inner)
        self._scene, self._says = scene, says

    async def attach(self, entry: Entry, recorded: Recorded, file: StoredFile) -> None:
        del self._scene.books.entries[entry.reference]
        if not self._says:
            raise EntryRefusedError("no such document")
        await self.inner.attach(entry, recorded, file)


@pytest.mark.parametrize(("says", "cause"), [(True, Cause.ENTRY_GONE), (False, Cause.ENTRY_REFUSED)])
async def test_an_entry_that_is_gone_is_no_missing_receipt_whatever_the_system_calls_it(
    scene: Scene, *, says: bool, cause: Cause
) -> None:
    scene.bookkeeping = WITHOUT
    await scene.company.job_of(expense(1, files=["pdf"]))
    (item,) = (await scene.run_one(connector=Remover(scene.connector, scene, says=says))).items
    assert (item.phase, item.failure_code) == (Phase.REJECTED, cause)


async def test_a_right_that_is_missing_for_receipts_only_is_told_with_the_recorded_expense(
    scene: Scene, pleo_settings: ChangeSettings
) -> None:
    await pleo_settings(expiresIn=60)
    scene.bookkeeping = WITHOUT
    await scene.company.job_of(expense(1, files=["pdf"]))
    scene.faults.order(Verb.ATTACH, ForbiddenError("the right to upload"), times=100)
    (item,) = (await scene.settle(rounds=2)).items
    assert item.phase is Phase.RECORDED
    assert item.note is not None
    assert "the right to upload" in item.note


async def test_a_receipt_that_is_missing_is_told_beside_those_that_could_not_be_attached(
    scene: Scene, pleo_settings: ChangeSettings
) -> None:
    await pleo_settings(expiresIn=60)
    scene.bookkeeping = WITHOUT
    await scene.company.job_of(expense(1, files=["gone", "pdf"]))
    scene.faults.order(Verb.ATTACH, ForbiddenError("the right to upload"), times=100)
    (item,) = (await scene.settle(rounds=2)).items
    assert item.phase is Phase.RECORDED
    assert "Receipt 1" in str(item.note)
    assert "the right to upload" in str(item.note)


async def test_the_one_file_has_the_same_key_whatever_it_was_made_of(scene: Scene) -> None:
    takes(scene, several_attachments=False)
    await scene.company.job_of(expense(1, files=["png"]))
    await scene.run_one()
    (file,) = filed(scene)
    assert file.attachment.key == f"{eid(1)}-all"


@pytest.mark.slow
async def test_a_system_without_attachments_fails_the_expense_unless_it_may_stand_without(
    scene: Scene,
) -> None:
    takes(scene, attachments=False)
    await scene.company.job_of(expense(1, files=["pdf"]), expense(2))
    summary = await scene.run_one()
    assert {item.failure_code for item in summary.items} == {None, Cause.ATTACHMENTS_UNSUPPORTED}
    scene.bookkeeping = WITHOUT
    await scene.company.press_export(1)
    (item,) = (await scene.run_one()).items
    assert item.phase is Phase.RECORDED
    assert filed(scene) == []


@pytest.mark.slow
async def test_an_entry_that_stood_there_is_completed_or_the_missing_receipt_is_told(scene: Scene) -> None:
    scene.bookkeeping = WITHOUT
    await scene.company.job_of(expense(1, files=["pdf", "gone"]))
    await scene.crash_after_recording()
    (item,) = (await scene.run_one()).items
    assert item.phase is Phase.RECORDED
    assert item.note is not None
    assert "Receipt 2" in item.note
    assert len(filed(scene)) == 1
