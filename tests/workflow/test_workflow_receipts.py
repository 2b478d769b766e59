import pytest

from pleo_export.accounting.port import EntryRefusedError, ForbiddenError, UnreachableError
from pleo_export.domain.attachments import plan_attachments
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Attachment, StoredFile
from pleo_export.domain.item import ExportItem
from pleo_export.domain.job import JobEventType
from pleo_export.domain.progress import Phase
from pleo_export.pleo.errors import Facts, PleoForbiddenError
from pleo_export.pleo.receipts import ReceiptGoneError
from pleo_export.testing.faults import Verb
from pleo_export.workflow.flow import export_pending
from pleo_export.workflow.fresh_links import with_fresh_links
from tests.workflow.workflow_scene import Around, ChangeSettings, Crash, Scene, at, eid, expense, with_parts

LINKS_ARE_OVER = 25 * 3600


class NoReceipts:
    """Receipts that are gone by now."""

    async def download(self, attachment: Attachment) -> StoredFile:
        raise ReceiptGoneError(attachment.position, 404)


STANDS = f"Its entry ({eid(1)}) stands in memory all the same."


async def test_receipts_are_attached_in_pleos_order_and_nothing_stays_on_disk(scene: Scene) -> None:
    await scene.company.job_of(expense(1, files=["pdf", "png", "jpg"]))
    await scene.run_one()
    files = list(scene.books.files[eid(1)].values())
    assert [file.media_type for file in files] == ["application/pdf", "image/png", "image/jpeg"]
    assert scene.leftovers() == []


@pytest.mark.parametrize(
    ("kind", "type_", "words"),
    [
        ("gone", "receipt_download_failure", "HTTP 404"),
        ("html", "receipt_download_failure", "a web page"),
        ("oversize", "receipt_file_size_limit_exceeded", "larger than"),
    ],
)
@pytest.mark.scorecard("F")
async def test_a_receipt_that_cannot_be_had_fails_its_expense_only(
    scene: Scene, kind: str, type_: str, words: str
) -> None:
    job_id = await scene.company.job_of(expense(1, files=["pdf", kind]), expense(2, files=["pdf"]))
    await scene.run_one()
    assert scene.booked() == [2]
    outcome = (await scene.company.outcomes(job_id))[1]
    assert outcome["failureReasonType"] == type_
    assert "Receipt 2" in outcome["failureReason"]
    assert words in outcome["failureReason"]
    assert scene.leftovers() == []


class TooLate(Around):
    """Receipts that are asked for when the links of the first reading are over."""

    def __init__(self, inner: object, scene: Scene) -> None:
        super().__init__(inner)
        self.scene, self.tried = scene, 0

    async def download(self, attachment: Attachment) -> StoredFile:
        self.tried += 1
        if self.tried == 1:
            await self.scene.company.pass_time(LINKS_ARE_OVER)
        stored: StoredFile = await self.inner.download(attachment)
        return stored


async def readings(scene: Scene) -> int:
    return sum(one["path"] == "/v3/export-items" for one in await scene.company.audit())


@pytest.mark.scorecard("F")
async def test_links_that_are_too_old_are_read_anew_once_for_all_receipts(
    scene: Scene, pleo_settings: ChangeSettings
) -> None:
    await pleo_settings(expiresIn=10 * LINKS_ARE_OVER)
    await scene.company.job_of(*(expense(number, files=["pdf", "png"]) for number in (1, 2, 3)))
    async with scene.parts() as parts:
        (summary,) = await export_pending(with_parts(parts, receipts=TooLate(parts.receipts, scene)))
    assert summary.event is JobEventType.COMPLETED
    assert [len(scene.books.files[eid(number)]) for number in (1, 2, 3)] == [2, 2, 2]
    assert await readings(scene) == 2
    assert scene.leftovers() == []


@pytest.mark.scorecard("F")
async def test_receipts_that_are_gone_for_good_have_the_list_read_anew_once_only(scene: Scene) -> None:
    await scene.company.job_of(*(expense(number, files=["gone"]) for number in (1, 2, 3)))
    summary = await scene.run_one()
    assert [item.failure_code for item in summary.items] == [Cause.RECEIPT_GONE] * 3
    assert await readings(scene) == 2


@pytest.mark.scorecard("F")
async def test_links_are_read_anew_again_where_those_that_were_are_over(
    scene: Scene, pleo_settings: ChangeSettings
) -> None:
    await pleo_settings(expiresIn=10 * LINKS_ARE_OVER)
    job_id = await scene.company.running_job_of(expense(1, files=["gone"]), expense(2, files=["pdf"]))
    async with scene.parts() as parts:
        read = [item async for item in parts.pleo.export_items(job_id) if isinstance(item, ExportItem)]
        links = {item.accounting_entry_id: plan_attachments(item)[0] for item in read}
        receipts = with_fresh_links(parts, job_id).receipts
        with pytest.raises(ReceiptGoneError):
            await receipts.download(links[eid(1)])
        await scene.company.pass_time(LINKS_ARE_OVER)
        scene.clock.advance(LINKS_ARE_OVER)
        assert (await receipts.download(links[eid(2)])).media_type == "application/pdf"


@pytest.mark.scorecard("F")
async def test_a_link_that_cannot_be_renewed_fails_its_expense_only(scene: Scene) -> None:
    class RefusesTheSecondReading(Around):
        read = 0

        def export_items(self, job_id: str) -> object:
            self.read += 1
            if self.read > 1:
                raise PleoForbiddenError(Facts(method="GET", path="/v3/export-items", status=403))
            return self.inner.export_items(job_id)

    await scene.company.job_of(expense(1, files=["gone"]), expense(2, files=["pdf"]))
    async with scene.parts() as parts:
        (summary,) = await export_pending(with_parts(parts, pleo=RefusesTheSecondReading(parts.pleo)))
    assert summary.event is JobEventType.COMPLETED_WITH_ERRORS
    assert scene.booked() == [2]


async def test_nothing_stays_on_disk_when_a_connector_fails(scene: Scene) -> None:
    await scene.company.job_of(expense(1, files=["pdf", "png"]))
    scene.connector.before = at("record", 1, ZeroDivisionError())
    await scene.run_one()
    assert scene.leftovers() == []


@pytest.mark.slow
async def test_a_refused_attachment_fails_the_expense_and_names_its_entry(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1, files=["pdf"]))
    refused = EntryRefusedError(position=1, cause=Cause.RECEIPT_CHANGED)
    scene.faults.order(Verb.ATTACH, refused)
    await scene.run_one()
    outcome = (await scene.company.outcomes(job_id))[1]
    assert outcome["failureReasonType"] == "receipt_upload_failure"
    assert outcome["failureReason"] == f"{refused} {STANDS}"
    again = await scene.company.press_export(1)
    assert (await scene.run_one()).event == "completed"
    assert len(scene.books.files[eid(1)]) == 1
    assert await scene.company.statuses(again) == {1: "successful"}


@pytest.mark.parametrize("error", [UnreachableError("down"), ForbiddenError("right")])
async def test_an_attachment_that_cannot_be_made_now_is_made_later(scene: Scene, error: Exception) -> None:
    await scene.company.job_of(expense(1, files=["pdf"]))
    scene.faults.order(Verb.ATTACH, error, times=3 if isinstance(error, UnreachableError) else 1)
    assert (await scene.settle(rounds=1)).event == "completed"
    assert scene.connector.asked("record") == [eid(1)]
    assert len(scene.books.files[eid(1)]) == 1


@pytest.mark.slow
async def test_an_attachment_that_cannot_be_made_at_all_is_told_with_its_entry(
    scene: Scene, pleo_settings: ChangeSettings
) -> None:
    await pleo_settings(expiresIn=60)
    await scene.company.job_of(expense(1, files=["pdf"]))
    scene.faults.order(Verb.ATTACH, UnreachableError("down"), times=100)
    (item,) = (await scene.settle(rounds=2)).items
    assert (item.failure_type, item.unknown) == ("receipt_upload_failure", False)
    assert str(item.failure_reason).endswith(STANDS)


async def test_a_receipt_that_vanished_after_the_entry_was_made_is_told_with_its_entry(scene: Scene) -> None:
    await scene.company.job_of(expense(1, files=["pdf"]))
    scene.connector.before = at("attach", 1, Crash())
    await scene.crash()
    (item,) = (await scene.run_one(receipts=NoReceipts())).items
    assert (item.phase, item.external_id) == (Phase.REJECTED, eid(1))
    assert str(item.failure_reason).endswith(STANDS)
