"""Making of an expense's files what the accounting system can take."""

import asyncio
import hashlib
import io
import re
import threading
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pleo_export.documents import errors, fit, rules, workbench
from pleo_export.domain.attachments import AttachmentLimits
from pleo_export.domain.entry import StoredFile
from pleo_export.domain.failure_types import ItemFailureType
from tests.documents.samples import (
    A4_WIDTH,
    DOCX,
    JPEG,
    ONE_FILE,
    PDF,
    PNG,
    XLSX,
    ZIP,
    document,
    image,
    new_files,
    office,
    page_widths,
    picture,
    receipt,
    receipts,
    taking,
)

pytestmark = pytest.mark.slow

REFERENCE = "entry"


async def failure_of(
    files: Sequence[StoredFile], limits: AttachmentLimits, folder: Path
) -> errors.UnfitReceiptError:
    """Fit in vain; whatever the failure, the given files stay and no other."""
    with pytest.raises(errors.UnfitReceiptError) as caught:
        await fit(REFERENCE, files, limits, folder)
    assert new_files(folder, files) == []
    assert all(file.path.exists() for file in files)
    return caught.value


def assert_true_of_its_file(file: StoredFile) -> None:
    content = file.path.read_bytes()
    assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())


async def test_files_that_are_taken_come_back_as_they_came(tmp_path: Path) -> None:
    files = receipts(
        tmp_path, (PDF, document(100)), (DOCX, office("word/document.xml")), (PNG, b"no picture")
    )
    fitting = await fit(REFERENCE, files, AttachmentLimits(several=True), tmp_path)
    assert list(fitting) == files
    assert new_files(tmp_path, files) == []


@pytest.mark.parametrize("files", [[], [(PDF, b"%PDF- whatever")]], ids=["none", "one"])
async def test_where_one_file_is_taken_one_stays_what_it_is(
    files: list[tuple[str, bytes]], tmp_path: Path
) -> None:
    given = receipts(tmp_path, *files)
    assert list(await fit(REFERENCE, given, ONE_FILE, tmp_path)) == given


async def test_pictures_and_pdfs_become_one_pdf_in_their_order(tmp_path: Path) -> None:
    files = receipts(
        tmp_path,
        (PDF, document(101, 102)),
        (JPEG, picture("JPEG")),
        (PDF, document(103, object_stream_mode=pikepdf.ObjectStreamMode.generate)),
        (PNG, picture("PNG")),
        (PDF, document(104)),
    )
    [merged] = await fit(REFERENCE, files, ONE_FILE, tmp_path)
    assert page_widths(merged) == [101, 102, A4_WIDTH, 103, A4_WIDTH, 104]
    assert merged.media_type == PDF
    assert (merged.attachment.key, merged.attachment.position) == ("entry-all", 1)
    assert_true_of_its_file(merged)
    assert new_files(tmp_path, files) == [merged.path]


async def test_the_order_of_the_files_counts_and_not_their_positions(tmp_path: Path) -> None:
    files = [receipt(tmp_path, 7, PDF, document(107)), receipt(tmp_path, 3, PDF, document(103))]
    [merged] = await fit(REFERENCE, files, ONE_FILE, tmp_path)
    assert page_widths(merged) == [107, 103]


async def test_a_form_keeps_what_was_filled_in(tmp_path: Path) -> None:
    path = tmp_path / "form"
    with pikepdf.new() as form:
        form.add_blank_page(page_size=(111, 100))
        field = form.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Annot,
                Subtype=pikepdf.Name.Widget,
                FT=pikepdf.Name.Tx,
                T=pikepdf.String("amount"),
                V=pikepdf.String("12.50"),
                Rect=[0, 0, 50, 10],
                P=form.pages[0].obj,
            )
        )
        form.pages[0].Annots = pikepdf.Array([field])
        form.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array([field]))
        form.save(path)
    files = receipts(tmp_path, (JPEG, picture("JPEG")), (PDF, path.read_bytes()))
    path.unlink()
    [merged] = await fit(REFERENCE, files, ONE_FILE, tmp_path)
    with pikepdf.open(merged.path) as made:
        assert [str(one.V) for one in made.Root.AcroForm.Fields] == ["12.50"]


def invoice(*, listed: bool = True) -> bytes:
    """A page and the XML of the same invoice, named in the list of embedded files or only beside the document."""
    content = io.BytesIO()
    with pikepdf.open(io.BytesIO(document(100))) as made:
        made.attachments["factur-x.xml"] = b"<Invoice/>"
        if not listed:
            made.Root.AF = pikepdf.Array([made.attachments["factur-x.xml"].obj])
            del made.Root.Names
        made.save(content)
    return content.getvalue()


def layered() -> bytes:
    """A page with a layer that is not shown."""
    content = io.BytesIO()
    with pikepdf.open(io.BytesIO(document(100))) as made:
        layer = made.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.OCG, Name="draft"))
        made.Root.OCProperties = pikepdf.Dictionary(
            OCGs=[layer], D=pikepdf.Dictionary(OFF=pikepdf.Array([layer]))
        )
        made.save(content)
    return content.getvalue()


async def test_a_pdf_whose_lists_of_files_and_layers_are_empty_is_merged(tmp_path: Path) -> None:
    empty = pikepdf.Array()
    lists = {
        "/Names": pikepdf.Dictionary(EmbeddedFiles=pikepdf.Dictionary(Names=empty)),
        "/AF": empty,
        "/OCProperties": pikepdf.Dictionary(OCGs=empty),
    }
    files = receipts(tmp_path, (PDF, document(101)), (PDF, document(102, root=lists)))
    [merged] = await fit(REFERENCE, files, ONE_FILE, tmp_path)
    assert page_widths(merged) == [101, 102]


OTHERS = {
    "an invoice with its XML": (PDF, invoice()),
    "an invoice with its XML that is in no list": (PDF, invoice(listed=False)),
    "a PDF with layers": (PDF, layered()),
    "a Word document": (DOCX, office("word/document.xml")),
    "a text": ("text/plain", b"Taxi 12,50"),
    "a picture that cannot be opened": ("image/heic", b"\0\0\0\x18ftypheic"),
    "an encrypted PDF": (PDF, document(100, encryption=pikepdf.Encryption(owner="o", user="u"))),
    "a PDF with an owner's password only": (
        PDF,
        document(100, encryption=pikepdf.Encryption(owner="o", user="")),
    ),
    "a broken PDF": (PDF, document(100)[:-120]),
    "a PDF without pages": (PDF, document()),
    "a collection of files": (PDF, document(100, root={"/Collection": pikepdf.Dictionary()})),
    "a truncated JPEG": (JPEG, picture("JPEG", image(size=(300, 300)))[:9000]),
    "a truncated PNG": (PNG, picture("PNG")[:-900]),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
async def test_what_cannot_be_part_of_a_pdf_goes_into_a_zip_with_the_others(
    other: tuple[str, bytes], tmp_path: Path
) -> None:
    files = receipts(tmp_path, (PDF, document(100)), other, (JPEG, picture("JPEG")))
    [archive] = await fit(REFERENCE, files, ONE_FILE, tmp_path)
    assert archive.media_type == ZIP
    assert (archive.attachment.key, archive.attachment.position) == ("entry-all", 1)
    assert_true_of_its_file(archive)
    with zipfile.ZipFile(archive.path) as opened:
        assert [opened.read(name) for name in opened.namelist()] == [file.path.read_bytes() for file in files]
    assert new_files(tmp_path, files) == [archive.path]


async def test_files_in_a_zip_are_named_by_their_position_and_real_type(tmp_path: Path) -> None:
    files = receipts(
        tmp_path,
        (PDF, document(100)),
        (DOCX, office("word/document.xml")),
        (XLSX, office("xl/workbook.xml")),
        ("application/msword", b"old"),
        ("application/vnd.ms-excel", b"old"),
        ("text/plain", b"text"),
        (JPEG, picture("JPEG")),
        ("application/octet-stream", b"?"),
    )
    [archive] = await fit(REFERENCE, files, ONE_FILE, tmp_path)
    with zipfile.ZipFile(archive.path) as opened:
        assert opened.namelist() == [
            "1.pdf",
            "2.docx",
            "3.xlsx",
            "4.doc",
            "5.xls",
            "6.txt",
            "7.jpg",
            "8.bin",
        ]
        assert {member.date_time for member in opened.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
async def test_where_no_zip_is_taken_it_is_said_which_file_cannot_be_part_of_a_pdf(
    other: tuple[str, bytes], tmp_path: Path
) -> None:
    files = receipts(tmp_path, (PDF, document(100)), other)
    error = await failure_of(files, taking(PDF, several=False), tmp_path)
    assert error.position == 2
    assert error.rejection.type is ItemFailureType.RECEIPT_CONVERSION_FAILURE
    assert str(error).startswith("Receipt 2 of this expense could not be attached: ")
    assert re.search(
        r" Replace it in Pleo by a picture or a (plain )?PDF and export the expense again\.$", str(error)
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [(invoice(), "a .pdf file with embedded files"), (layered(), "a .pdf file with layers")],
    ids=["an invoice with its XML", "a PDF with layers"],
)
async def test_it_is_said_why_a_pdf_cannot_be_part_of_another(
    content: bytes, said: str, tmp_path: Path
) -> None:
    error = await failure_of(
        receipts(tmp_path, (PDF, content), (PDF, document(100))), taking(PDF, several=False), tmp_path
    )
    assert f"{said} cannot become part of a PDF. Replace it in Pleo by a picture or a plain PDF" in str(error)


async def test_where_no_pdf_is_taken_several_become_a_zip(tmp_path: Path) -> None:
    files = receipts(tmp_path, (JPEG, picture("JPEG")), (JPEG, picture("JPEG")))
    [archive] = await fit(REFERENCE, files, taking(JPEG, ZIP, several=False), tmp_path)
    assert archive.media_type == ZIP


async def test_where_neither_is_taken_several_are_too_many(tmp_path: Path) -> None:
    files = receipts(tmp_path, (JPEG, picture("JPEG")), (JPEG, picture("JPEG")))
    error = await failure_of(files, taking(JPEG, several=False), tmp_path)
    assert isinstance(error, errors.ReceiptsNotCombinedError)
    assert error.position is None
    assert "there are 2, and the accounting system takes one file only" in str(error)


@pytest.mark.parametrize(
    ("types", "expected"),
    [((JPEG, PNG, PDF), JPEG), ((PNG, PDF), PNG), ((PDF,), PDF)],
    ids=["JPEG first", "then PNG", "else PDF"],
)
@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "BMP", "AVIF"])
async def test_a_picture_of_a_kind_that_is_not_taken_becomes_one_that_is(
    kind: str, types: tuple[str, ...], expected: str, tmp_path: Path
) -> None:
    files = receipts(tmp_path, (f"image/{kind.lower()}", picture(kind)), (PDF, document(100)))
    [converted, untouched] = await fit(REFERENCE, files, taking(*types), tmp_path)
    assert converted.media_type == expected
    assert converted.attachment == files[0].attachment
    assert untouched == files[1]
    assert_true_of_its_file(converted)


def three_pages(kind: str) -> tuple[str, bytes]:
    pages = [Image.new("RGB", (40, 50), color) for color in ("red", "green", "blue")]
    return f"image/{kind.lower()}", picture(kind, pages[0], save_all=True, append_images=pages[1:])


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "WEBP"])
async def test_a_picture_with_several_pages_becomes_a_pdf_with_all_of_them(kind: str, tmp_path: Path) -> None:
    files = receipts(tmp_path, three_pages(kind))
    [converted] = await fit(REFERENCE, files, taking(JPEG, PDF), tmp_path)
    assert converted.media_type == PDF
    assert page_widths(converted) == [A4_WIDTH] * 3


async def test_a_picture_with_several_pages_is_not_reduced_to_one(tmp_path: Path) -> None:
    error = await failure_of(receipts(tmp_path, three_pages("TIFF")), taking(JPEG, PNG), tmp_path)
    assert isinstance(error, errors.ReceiptKindError)


@pytest.mark.parametrize("media_type", [DOCX, "image/heic", PDF, "application/octet-stream"])
async def test_what_is_not_taken_and_no_picture_is_told(media_type: str, tmp_path: Path) -> None:
    files = receipts(tmp_path, (JPEG, picture("JPEG")), (media_type, b"whatever"))
    error = await failure_of(files, taking(JPEG), tmp_path)
    assert isinstance(error, errors.ReceiptKindError)
    assert error.rejection.type is ItemFailureType.RECEIPT_CONVERSION_FAILURE
    assert str(error).startswith("Receipt 2 of this expense could not be attached: it is a ")


async def test_a_file_that_was_converted_before_a_failure_does_not_stay(tmp_path: Path) -> None:
    files = receipts(tmp_path, ("image/gif", picture("GIF")), (DOCX, office("word/document.xml")))
    assert isinstance(await failure_of(files, taking(PDF), tmp_path), errors.ReceiptKindError)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_a_picture_that_is_too_large_is_made_smaller(kind: str, tmp_path: Path) -> None:
    content = picture(kind, image(size=(1700, 1500)), quality=98)
    limit = len(content) // 4
    files = receipts(tmp_path, (f"image/{kind.lower()}", content))
    [smaller] = await fit(REFERENCE, files, AttachmentLimits(several=True, bytes_max=limit), tmp_path)
    assert smaller.media_type == JPEG
    assert smaller.size <= limit
    assert_true_of_its_file(smaller)
    assert new_files(tmp_path, files) == [smaller.path]


async def test_a_picture_is_made_smaller_inside_a_pdf_where_only_pdfs_are_taken(tmp_path: Path) -> None:
    content = picture("JPEG", image(size=(1700, 1500)), quality=98)
    limit = len(content) // 4
    files = receipts(tmp_path, (JPEG, content))
    [smaller] = await fit(REFERENCE, files, taking(PDF, bytes_max=limit), tmp_path)
    assert (smaller.media_type, len(page_widths(smaller))) == (PDF, 1)
    assert smaller.size <= limit


async def test_pictures_in_a_merged_pdf_are_made_smaller_and_its_other_pages_stay(tmp_path: Path) -> None:
    content = picture("JPEG", image(size=(1500, 1700)), quality=98)
    limit = len(content) // 2
    files = receipts(tmp_path, (PDF, document(101)), (JPEG, content), (PDF, document(102)))
    [merged] = await fit(REFERENCE, files, AttachmentLimits(several=False, bytes_max=limit), tmp_path)
    assert page_widths(merged) == [101, A4_WIDTH, 102]
    assert merged.size <= limit
    assert new_files(tmp_path, files) == [merged.path]


MEBIBYTE = 1024**2
TOO_LARGE = {
    "a PDF": (PDF, document(100) + bytes(2 * MEBIBYTE)),
    "a text": ("text/plain", b"x" * (MEBIBYTE + 1)),
    "a picture": (JPEG, picture("JPEG", image(size=(1400, 1400)), quality=60)),
}


@pytest.mark.parametrize("file", TOO_LARGE.values(), ids=TOO_LARGE.keys())
async def test_what_stays_too_large_is_told_with_its_position_its_size_and_the_limit(
    file: tuple[str, bytes], tmp_path: Path
) -> None:
    files = receipts(tmp_path, (PDF, document(100)), file)
    error = await failure_of(files, AttachmentLimits(several=True, bytes_max=MEBIBYTE // 2), tmp_path)
    assert isinstance(error, errors.ReceiptOverLimitError)
    assert error.rejection.type is ItemFailureType.RECEIPT_FILE_SIZE_LIMIT_EXCEEDED
    assert re.fullmatch(
        r"Receipt 2 of this expense could not be attached: it has \d\.\d MiB, and the accounting system takes at"
        r" most 0\.5 MiB\. Replace it in Pleo by a smaller file and export the expense again\.",
        str(error),
    )


async def test_a_picture_that_can_only_stay_what_it_is_is_told_to_be_too_large(tmp_path: Path) -> None:
    gif = "image/gif"
    files = receipts(tmp_path, (gif, picture("GIF", image(size=(200, 200)))))
    error = await failure_of(files, taking(gif, bytes_max=9000), tmp_path)
    assert isinstance(error, errors.ReceiptOverLimitError)


def test_a_size_just_above_the_limit_never_reads_like_the_limit() -> None:
    said = str(errors.ReceiptOverLimitError(1, 5 * MEBIBYTE + 1, 5 * MEBIBYTE))
    assert "it has 5.1 MiB, and the accounting system takes at most 5.0 MiB." in said


@pytest.mark.parametrize("limits", [ONE_FILE, taking(ZIP, several=False)], ids=["as a PDF", "as a ZIP"])
async def test_what_is_too_large_together_is_told(limits: AttachmentLimits, tmp_path: Path) -> None:
    half = (JPEG, picture("JPEG", image(size=(1400, 1400)), quality=50))
    files = receipts(tmp_path, half, half)
    small = msgspec.structs.replace(limits, bytes_max=len(half[1]) * 3 // 2)
    error = await failure_of(files, small, tmp_path)
    assert isinstance(error, errors.ReceiptsOverLimitError)
    assert error.rejection.type is ItemFailureType.RECEIPT_FILE_SIZE_LIMIT_EXCEEDED
    assert "The receipts of this expense could not be attached: all 2 combined have " in str(error)


@pytest.mark.parametrize("limits", [ONE_FILE, taking(PDF, several=False, bytes_max=400_000)])
async def test_the_same_files_give_the_same_bytes_at_every_attempt(
    limits: AttachmentLimits, tmp_path: Path
) -> None:
    contents = [(PDF, document(101)), (JPEG, picture("JPEG", image(size=(900, 900)))), (PNG, picture("PNG"))]
    made = [
        (await fit(REFERENCE, receipts(tmp_path, *contents), limits, tmp_path))[0].sha256 for _ in range(3)
    ]
    assert len(set(made)) == 1


async def test_the_same_files_give_the_same_zip_at_every_attempt(tmp_path: Path) -> None:
    contents = [(PDF, document(101)), (DOCX, office("word/document.xml"))]
    made = [
        (await fit(REFERENCE, receipts(tmp_path, *contents), ONE_FILE, tmp_path))[0].sha256 for _ in range(2)
    ]
    assert made[0] == made[1]


@pytest.mark.parametrize("types", [(PDF,), (ZIP,)], ids=["merging", "zipping"])
async def test_a_full_disk_is_told_and_leaves_nothing(
    types: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = receipts(tmp_path, (JPEG, picture("JPEG")), (PDF, document(100)))
    monkeypatch.setattr(workbench.Workbench, "new", lambda _: Path("/dev/full"))
    error = await failure_of(files, taking(*types, several=False), tmp_path)
    assert isinstance(error, errors.ReceiptsNotPreparedError)
    assert "could not be prepared here (No space left on device)" in str(error)


async def test_a_cancelled_call_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop, begun, may_end = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    fit_now = rules.fit_now

    def slowly(*given: Any) -> Sequence[StoredFile]:
        loop.call_soon_threadsafe(begun.set)
        may_end.wait()
        return fit_now(*given)

    monkeypatch.setattr(rules, "fit_now", slowly)
    files = receipts(tmp_path, (PDF, document(100)), (PDF, document(101)))
    task = asyncio.create_task(fit(REFERENCE, files, ONE_FILE, tmp_path))
    await begun.wait()
    task.cancel()
    loop.call_soon(may_end.set)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert new_files(tmp_path, files) == []


KINDS = {
    "pdf": (PDF, document(101)),
    "jpeg": (JPEG, picture("JPEG", image(size=(500, 400)))),
    "png": (PNG, picture("PNG")),
    "webp": ("image/webp", picture("WEBP")),
    "docx": (DOCX, office("word/document.xml")),
    "broken": (PDF, b"%PDF-1.4 and no more"),
}


@settings(max_examples=60, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4),
    several=st.booleans(),
    bytes_max=st.sampled_from([None, 60_000, 3000]),
    types=st.none() | st.frozensets(st.sampled_from([PDF, ZIP, JPEG, PNG])),
)
def test_whatever_comes_is_either_made_fit_or_refused_and_nothing_else_stays(
    *, kinds: list[str], several: bool, bytes_max: int | None, types: frozenset[str] | None
) -> None:
    limits = AttachmentLimits(several=several, bytes_max=bytes_max, types=types)
    with TemporaryDirectory() as name:
        folder = Path(name)
        files = receipts(folder, *(KINDS[kind] for kind in kinds))
        fitting: Sequence[StoredFile] = ()
        with suppress(errors.UnfitReceiptError):
            fitting = rules.fit_now(REFERENCE, files, limits, folder)
        assert len(fitting) in ((0, len(files)) if several else (0, 1))
        for file in fitting:
            assert limits.take(file.media_type)
            assert file.size <= limits.largest
            assert_true_of_its_file(file)
        assert set(new_files(folder, files)) == {file.path for file in fitting} - {
            file.path for file in files
        }
