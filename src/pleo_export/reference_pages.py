"""Writes the reference pages that follow from tables in the code: `python -m pleo_export.reference_pages docs/reference`."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from pleo_export.bookkeeping_page import bookkeeping_page
from pleo_export.errors_page import errors_page

PAGES: Mapping[str, Callable[[], str]] = {"bookkeeping.md": bookkeeping_page, "errors.md": errors_page}


def main() -> None:
    """Write every page into the folder that the command names."""
    folder = Path(sys.argv[1])
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
