"""The page about speed: what stands between markers is generated, everything else is written by people."""

from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "explanation" / "performance.md"


def with_figures(page: str, figures: str, part: str) -> str:
    """Return the page with these figures between the markers of that part."""
    begin, end = f"<!-- {part}: begin -->", f"<!-- {part}: end -->"
    before, found, rest = page.partition(begin)
    assert found, f"the page has no {begin}"
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{figures}\n\n{end}{after}"
