"""`make reference`: writes the pages into docs/reference."""

from pathlib import Path

from tests.docs.pages import PAGES

FOLDER = Path(__file__).parents[3] / "docs" / "reference"

if __name__ == "__main__":
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")
