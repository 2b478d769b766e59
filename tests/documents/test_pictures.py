"""What pictures look like in the files that are made of them, and which are not opened."""

from pathlib import Path

import pikepdf
import pytest
from PIL import Image

from pleo_export.documents import fit, pictures
from pleo_export.documents.errors import ReceiptUnreadableError
from pleo_export.domain.attachments import AttachmentLimits
from pleo_export.domain.entry import StoredFile
from tests.documents.samples import (
    JPEG,
    ONE_FILE,
    PDF,
    PNG,
    document,
    half_black,
    image,
    new_files,
    page_widths,
    picture,
    receipts,
    taking,
    turned,
)

pytestmark = pytest.mark.slow


async def drawn(media_type: str, content: bytes, folder: Path, wanted: str = PNG) -> Image.Image:
    """The picture as it arrives where only `wanted` is taken."""
    [file] = await fit("entry", receipts(folder, (media_type, content)), taking(wanted), folder)
    with Image.open(file.path) as made:
        made.load()
        return made


async def merged(media_type: str, content: bytes, folder: Path) -> StoredFile:
    """The picture in a PDF, on its second page."""
    [file] = await fit(
        "entry", receipts(folder, (PDF, document(100)), (media_type, content)), ONE_FILE, folder
    )
    assert file.media_type == PDF
    return file


def shown_on(page: pikepdf.Page) -> pikepdf.Stream:
    """The one picture of a page, as the PDF holds it."""
    [shown] = page.get_images().values()
    assert isinstance(shown, pikepdf.Stream)
    return shown


def seen_on(page: pikepdf.Page) -> Image.Image:
    """The one picture of a page, turned as the page is."""
    seen = pikepdf.PdfImage(shown_on(page)).as_pil_image()
    return seen.rotate(-int(page.obj.get("/Rotate", 0)), expand=True)


async def test_a_jpeg_stands_in_a_pdf_as_it_came(tmp_path: Path) -> None:
    content = picture("JPEG")
    file = await merged(JPEG, content, tmp_path)
    with pikepdf.open(file.path) as made:
        assert shown_on(made.pages[1]).read_raw_bytes() == content


@pytest.mark.parametrize("kind", ["PNG", "GIF", "TIFF", "BMP"])
async def test_other_pictures_stand_in_a_pdf_without_a_loss(kind: str, tmp_path: Path) -> None:
    before = image("P").convert("RGB")
    content = picture(kind, before.quantize() if kind == "GIF" else before)
    file = await merged(f"image/{kind.lower()}", content, tmp_path)
    with pikepdf.open(file.path) as made:
        after = seen_on(made.pages[1]).convert("RGB")
    expected = before.quantize().convert("RGB") if kind == "GIF" else before
    assert after.tobytes() == expected.tobytes()


TRANSPARENT = {
    "RGBA": Image.new("RGBA", (40, 40), (0, 0, 0, 0)),
    "LA": Image.new("LA", (40, 40), (0, 0)),
}


@pytest.mark.parametrize("before", TRANSPARENT.values(), ids=TRANSPARENT.keys())
@pytest.mark.parametrize("wanted", [JPEG, PDF])
async def test_what_shines_through_becomes_white(before: Image.Image, wanted: str, tmp_path: Path) -> None:
    content = picture("WEBP", before.convert("RGBA"), lossless=True)
    files = receipts(tmp_path, ("image/webp", content))
    [file] = await fit("entry", files, taking(wanted), tmp_path)
    if wanted == PDF:
        with pikepdf.open(file.path) as made:
            assert "/SMask" not in shown_on(made.pages[0])
            after = seen_on(made.pages[0])
    else:
        with Image.open(file.path) as opened:
            after = opened.copy()
    assert after.convert("L").getextrema() == (255, 255)


async def test_sixteen_bit_grey_stays_grey(tmp_path: Path) -> None:
    before = Image.new("I;16", (20, 20), 0x8000)
    after = await drawn("image/tiff", picture("TIFF", before), tmp_path)
    assert after.convert("L").getextrema() == (128, 128)


def left_is_black(drawn: Image.Image) -> bool:
    grey = drawn.convert("L")
    width, height = grey.size
    shades = [grey.getpixel((width * x // 4, height // 2)) for x in (1, 3)]
    assert all(isinstance(shade, int) for shade in shades)
    return [int(str(shade)) < 128 for shade in shades] == [True, False]


def stored_as(upright: Image.Image, orientation: int) -> Image.Image:
    """The pixels of a JPEG that shows `upright` to whoever minds its orientation."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    return upright.transpose(undo[orientation]) if orientation in undo else upright


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_a_picture_is_turned_upright_where_it_is_drawn_anew(orientation: int, tmp_path: Path) -> None:
    after = await drawn(JPEG, turned(orientation, stored_as(half_black(), orientation)), tmp_path)
    assert after.size == (80, 40)
    assert left_is_black(after)
    assert after.getexif().get(0x0112) is None


TURNS = {1: 0, 2: 0, 3: 180, 4: 0, 5: 0, 6: 90, 7: 0, 8: 270}


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_a_page_shows_a_picture_upright(orientation: int, tmp_path: Path) -> None:
    file = await merged(JPEG, turned(orientation, stored_as(half_black(), orientation)), tmp_path)
    with pikepdf.open(file.path) as made:
        assert int(made.pages[1].obj.get("/Rotate", 0)) == TURNS[orientation]
        seen = seen_on(made.pages[1])
    assert seen.size == (80, 40)
    assert left_is_black(seen)


async def test_a_long_receipt_fits_on_a_page(tmp_path: Path) -> None:
    file = await merged(JPEG, picture("JPEG", image(size=(60, 2000))), tmp_path)
    assert page_widths(file) == [100, 595]


async def test_a_picture_longer_than_a_jpeg_can_be_is_made_as_long_as_one_can_be(tmp_path: Path) -> None:
    after = await drawn("image/tiff", picture("TIFF", Image.new("L", (66_000, 100))), tmp_path, JPEG)
    assert max(after.size) == 65_500


async def test_a_photograph_with_a_preview_is_one_page(tmp_path: Path) -> None:
    photograph = image(size=(100, 120))
    content = picture("MPO", photograph, save_all=True, append_images=[photograph.resize((50, 60))])
    assert len(page_widths(await merged(JPEG, content, tmp_path))) == 2


@pytest.mark.parametrize("mode", ["L", "CMYK"])
async def test_a_grey_or_printers_jpeg_becomes_a_page(mode: str, tmp_path: Path) -> None:
    assert len(page_widths(await merged(JPEG, picture("JPEG", image(mode)), tmp_path))) == 2


async def test_a_jpeg_with_a_damaged_colour_profile_becomes_a_page(tmp_path: Path) -> None:
    content = picture("JPEG", image("L"), icc_profile=b"no profile" * 20)
    assert len(page_widths(await merged(JPEG, content, tmp_path))) == 2


async def test_what_a_picture_tells_beside_what_it_shows_is_not_kept_in_a_new_one(tmp_path: Path) -> None:
    secret = b"taken at home"
    content = picture("JPEG", comment=secret, icc_profile=secret * 20, exif=Image.Exif())
    [file] = await fit("entry", receipts(tmp_path, (JPEG, content)), taking(PNG), tmp_path)
    assert secret not in file.path.read_bytes()


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\0" * 500, b"%!PS-Adobe-3.0 EPSF-3.0\n"])
async def test_what_is_no_picture_after_all_is_refused(content: bytes, tmp_path: Path) -> None:
    files = receipts(tmp_path, ("image/gif", content))
    with pytest.raises(ReceiptUnreadableError, match=r"Receipt 1 of this expense .* it is damaged"):
        await fit("entry", files, taking(PNG), tmp_path)
    assert new_files(tmp_path, files) == []


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "AVIF"])
async def test_a_truncated_picture_is_refused(kind: str, cut: float, tmp_path: Path) -> None:
    whole = picture(kind, image(size=(200, 200)))
    files = receipts(tmp_path, (f"image/{kind.lower()}", whole[: int(len(whole) * cut)]))
    wanted = PNG if kind == "JPEG" else JPEG
    with pytest.raises(ReceiptUnreadableError, match="is damaged"):
        await fit("entry", files, taking(wanted), tmp_path)
    assert new_files(tmp_path, files) == []


@pytest.mark.parametrize("limits", [taking(JPEG), taking(PDF)], ids=["as a picture", "as a page"])
@pytest.mark.parametrize("side", [8000, 13_000, 20_000], ids=["64 MP", "169 MP", "400 MP"])
async def test_a_small_file_that_is_a_huge_picture_is_refused(
    side: int, limits: AttachmentLimits, tmp_path: Path
) -> None:
    files = receipts(tmp_path, (PNG, picture("PNG", Image.new("1", (side, side)))))
    with pytest.raises(ReceiptUnreadableError, match="has more than 52 megapixels"):
        await fit("entry", files, limits, tmp_path)
    assert new_files(tmp_path, files) == []


async def test_a_picture_with_too_many_pages_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "FRAMES_MAX", 2)
    pages = [Image.new("1", (9, 9)) for _ in range(3)]
    files = receipts(
        tmp_path, ("image/tiff", picture("TIFF", pages[0], save_all=True, append_images=pages[1:]))
    )
    with pytest.raises(ReceiptUnreadableError, match="has more than 2 pages"):
        await fit("entry", files, taking(PDF), tmp_path)
    assert new_files(tmp_path, files) == []


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "WEBP"])
async def test_a_picture_whose_pages_are_too_large_together_is_refused(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "FILE_PIXELS_MAX", 3_000_000)
    pages = [Image.new("L", (1000, 1000), shade) for shade in (0, 80, 160, 240)]
    contents = [picture(kind, pages[0], save_all=True, append_images=pages[1:last]) for last in (3, 4)]
    within, beyond = (receipts(tmp_path, (f"image/{kind.lower()}", content)) for content in contents)
    [converted] = await fit("entry", within, taking(PDF), tmp_path)
    assert len(page_widths(converted)) == 3
    with pytest.raises(ReceiptUnreadableError, match="has more than 3 megapixels on all its pages together"):
        await fit("entry", beyond, taking(PDF), tmp_path)
    assert new_files(tmp_path, [*within, *beyond]) == [converted.path]


# What seems to be a marker is none there.
FILM = b"\0\0\0\x18ftypmp42" + b"\xff\xda" * 500


@pytest.mark.parametrize(
    "content", [picture("JPEG") + FILM, picture("JPEG", comment=FILM)], ids=["behind it", "within it"]
)
async def test_a_photograph_with_a_film_is_a_photograph(content: bytes, tmp_path: Path) -> None:
    assert len(page_widths(await merged(JPEG, content, tmp_path))) == 2


@pytest.mark.parametrize("preview", [b"no", picture("JPEG")], ids=["no preview", "a preview with an end"])
async def test_a_jpeg_that_is_drawn_again_and_again_is_refused(preview: bytes, tmp_path: Path) -> None:
    content = picture("JPEG", progressive=True, comment=preview)
    scan = content.rindex(b"\xff\xda")
    files = receipts(tmp_path, (JPEG, content[:scan] + content[scan:-2] * 101 + content[scan:]))
    with pytest.raises(ReceiptUnreadableError, match="is drawn in more than 100 passes"):
        await fit("entry", files, taking(PNG), tmp_path)
