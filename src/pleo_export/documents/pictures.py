"""Pictures: opened with suspicion, drawn anew upright, without transparency, and smaller where asked."""

import mmap
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from PIL import Image, ImageOps

from pleo_export.documents.errors import ReceiptUnreadableError
from pleo_export.documents.workbench import Workbench
from pleo_export.domain.entry import StoredFile
from pleo_export.domain.file_kinds import JPEG, PNG

# The pictures that can be opened, and as what: a file's content must not choose among all the formats there are,
# some of which start other programs.
PICTURES: dict[str, tuple[str, ...]] = {
    JPEG: ("JPEG", "MPO"),
    PNG: ("PNG",),
    "image/gif": ("GIF",),
    "image/webp": ("WEBP",),
    "image/tiff": ("TIFF",),
    "image/bmp": ("BMP",),
    "image/x-ms-bmp": ("BMP",),
    "image/avif": ("AVIF",),
}
# Further frames of these are thumbnails, or movement, and no pages.
_STILL = (JPEG, PNG)

# Just above what the cameras of phones take (50 megapixels); a picture needs up to 11 bytes a pixel while it is drawn.
PIXELS_MAX = 52_000_000
FRAMES_MAX = 100
# Of all frames of a file together: thirty pages of A4 at 300 dots per inch, half a minute's work at most.
FILE_PIXELS_MAX = 260_000_000
# A progressive JPEG is drawn as often as it has scans: usually ten times, and a hostile one all day.
JPEG_SCANS_MAX = 100

# What decoders mind between the data of a JPEG: the end, and the beginning of a segment whose length follows.
_MARKER = re.compile(rb"\xff[\xc0-\xcf\xd9-\xfe]")
_SCAN, _END = b"\xff\xda", b"\xff\xd9"
_ORIENTATION = 0x0112
_MIRRORED = (2, 4, 5, 7)
# Whatever Pillow's decoders were seen to raise for damaged files.
_DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    EOFError,
    MemoryError,
    RuntimeError,
    struct.error,
)

# Pillow would only mention it.
warnings.simplefilter("error", Image.DecompressionBombWarning)

Form = Literal["JPEG", "PNG"]


class Step(NamedTuple):
    """How far a picture is reduced: its longest edge in pixels, and the quality where it becomes a JPEG."""

    edge: int
    quality: int


FULL = Step(65_500, 92)  # as it is, unless it is longer than a JPEG can be
# The last one still shows the small print of a receipt that fills the picture.
SMALLER = (Step(3000, 80), Step(2400, 70), Step(1800, 60), Step(1400, 50))


def draw(file: StoredFile, form: Form, step: Step, bench: Workbench) -> list[Path]:
    """Draw a picture anew, each of its frames as a file.

    Raises ReceiptUnreadableError, and OSError where our disk fails.
    """
    paths: list[Path] = []
    for frame in _frames(file, form, step):
        frame.info.clear()  # comments, colour profiles, and what else would be written along
        path = bench.new()
        frame.save(path, form, **({"quality": step.quality} if form == "JPEG" else {}))
        paths.append(path)
    return paths


def is_plain_jpeg(file: StoredFile) -> bool:
    """Whether a picture can stand in a PDF as it is. Raises ReceiptUnreadableError, also for a truncated JPEG."""
    if file.media_type != JPEG:
        return False
    with _opened(file) as image:
        image.draft(None, (1, 1))  # reads all of it, in an eighth of its size
        image.load()
        return image.mode in ("L", "RGB", "CMYK") and image.getexif().get(_ORIENTATION) not in _MIRRORED


def _frames(file: StoredFile, form: Form, step: Step) -> Iterator[Image.Image]:
    still, pixels = file.media_type in _STILL, 0
    with _opened(file) as image:
        for number in range(FRAMES_MAX + 1):
            try:
                image.seek(number)
            except EOFError:
                return
            if number == FRAMES_MAX:
                raise ReceiptUnreadableError(file.attachment.position, f"has more than {FRAMES_MAX} pages")
            _refuse_bomb(image, file)
            pixels += image.width * image.height
            if pixels > FILE_PIXELS_MAX:
                raise _bomb(file, FILE_PIXELS_MAX, " on all its pages together")
            # The next frame may be drawn over this one, which therefore stays as it is.
            yield _drawn(image if still else image.copy(), form, step)
            if still:
                return


@contextmanager
def _opened(file: StoredFile) -> Iterator[Image.Image]:
    position = file.attachment.position
    try:
        if file.media_type == JPEG and _scans(file.path) > JPEG_SCANS_MAX:
            raise ReceiptUnreadableError(position, f"is drawn in more than {JPEG_SCANS_MAX} passes")
        with Image.open(file.path, formats=PICTURES[file.media_type]) as image:
            _refuse_bomb(image, file)
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _bomb(file, PIXELS_MAX) from None
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ReceiptUnreadableError(position, "is damaged") from error


def _scans(path: Path) -> int:
    """Count how often a JPEG's picture is drawn: not the preview in one of its segments, nor the film behind its end."""
    scans = at = 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        while (marker := _MARKER.search(content, at)) and marker[0] != _END:
            scans += marker[0] == _SCAN
            length = int.from_bytes(content[marker.end() : marker.end() + 2])
            at = marker.end() + max(length, 2)
    return scans


def _refuse_bomb(image: Image.Image, file: StoredFile) -> None:
    if image.width * image.height > PIXELS_MAX:
        raise _bomb(file, PIXELS_MAX)


def _bomb(file: StoredFile, pixels_max: int, where: str = "") -> ReceiptUnreadableError:
    return ReceiptUnreadableError(
        file.attachment.position, f"has more than {pixels_max // 1_000_000} megapixels{where}"
    )


def _drawn(image: Image.Image, form: Form, step: Step) -> Image.Image:
    image.draft(None, (step.edge, step.edge))  # a JPEG is not decoded larger than needed
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    flat = _flat(image)
    if flat.mode == "1" and (form == "JPEG" or max(flat.size) > step.edge):
        flat = flat.convert("L")
    flat.thumbnail((step.edge, step.edge))
    return flat


def _flat(image: Image.Image) -> Image.Image:
    """Lay a picture on white paper, in one of the modes that JPEG or PNG has and every PDF reader knows."""
    if image.has_transparency_data:
        over = image.convert("RGBA")
        paper = Image.new("RGB", image.size, "white")
        paper.paste(over, mask=over.getchannel("A"))
        return paper
    if image.mode.startswith("I;16"):  # converted at once, all but the darkest grey would become white
        return image.convert("I").point(lambda level: level * (1 / 256)).convert("L")
    return image if image.mode in ("1", "L", "RGB") else image.convert("RGB")
