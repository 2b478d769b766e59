# ruff: noqa: ASYNC240 - a test may block: nothing else runs in its loop
"""How much memory a large receipt takes, in a process of its own; a server on loopback stands for the file host."""

import asyncio
import random
import sys
from pathlib import Path

import pikepdf
import pytest

from tests.documents.samples import JPEG, PDF, image, picture
from tests.pleo.misbehaving_server import answers, serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not Path("/proc/self/status").exists(), reason="only Linux tells a process's peak memory"
    ),
]

ROOT = Path(__file__).parents[2]
LARGE_BYTES = 30 * 1024 * 1024
KIBIBYTES_MORE_MAX = 32 * 1024


async def peak_kibibytes(*arguments: str) -> int:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.documents.memory_child",
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await child.communicate()
    assert child.returncode == 0
    return int(output)


async def peak_of_download(size: int, folder: Path) -> int:
    folder.mkdir()
    content = b"%PDF-1.7\n" + random.Random(1).randbytes(size - 9)
    async with serving(answers(200, raw=content)) as server:
        peak = await peak_kibibytes("download", f"{server.url}/receipt", str(size), str(folder))
    [filed] = folder.glob("ledger/**/*.pdf")
    assert filed.stat().st_size == size
    return peak


async def test_a_large_receipt_is_downloaded_and_attached_in_little_memory(tmp_path: Path) -> None:
    small = await peak_of_download(1024, tmp_path / "small")
    large = await peak_of_download(LARGE_BYTES, tmp_path / "large")
    assert large - small < KIBIBYTES_MORE_MAX


def scanned(path: Path, pages: int, bytes_a_page: int) -> Path:
    """A PDF like those of scanners: one picture a page."""
    with pikepdf.new() as made:
        for number in range(pages):
            made.add_blank_page()
            scan = made.make_stream(random.Random(number).randbytes(bytes_a_page))
            scan.update(
                {
                    "/Type": pikepdf.Name.XObject,
                    "/Subtype": pikepdf.Name.Image,
                    "/Filter": pikepdf.Name.DCTDecode,
                }
            )
            made.pages[-1].Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Scan=scan))
        made.save(path)
    return path


async def peak_of_merge(scan: Path) -> int:
    photograph = scan.with_suffix(".jpg")
    photograph.write_bytes(picture("JPEG", image(size=(1000, 1500)), quality=95))
    made = scan.with_suffix(".made")
    made.mkdir()
    peak = await peak_kibibytes("merge", str(made), str(scan), PDF, str(photograph), JPEG)
    [merged] = made.iterdir()
    assert merged.stat().st_size > scan.stat().st_size
    return peak


# qpdf holds each scan twice while it copies it, so the largest one decides and not the file.
@pytest.mark.parametrize(
    ("pages", "kibibytes_more_max"), [(10, KIBIBYTES_MORE_MAX), (1, 2 * KIBIBYTES_MORE_MAX)]
)
async def test_merging_a_large_pdf_takes_no_more_memory_than_its_largest_scan_twice(
    pages: int, kibibytes_more_max: int, tmp_path: Path
) -> None:
    small = await peak_of_merge(scanned(tmp_path / "small.pdf", 1, 100))
    large = await peak_of_merge(scanned(tmp_path / "large.pdf", pages, LARGE_BYTES // pages))
    assert large - small < kibibytes_more_max
