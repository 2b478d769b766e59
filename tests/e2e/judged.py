"""What the oracle finds in a company of an end-to-end test."""

from collections.abc import Mapping

from pleo_export.testing.oracle import Evidence, Expected, check, ledger_entries, pleo_side
from tests.e2e.story import API_KEY, COMPANY_ID, Story, assert_ledger_clean


def assert_promises_kept(story: Story, expected: Mapping[str, Expected]) -> None:
    """No invariant is broken, `bean-check` finds the ledger in order, and no receipt lies about."""
    pleo = pleo_side(lambda path: story.bookkeeper.call("GET", path), [COMPANY_ID])
    evidence = Evidence(
        books={COMPANY_ID: ledger_entries(story.books)},
        pleo=pleo,
        expected=expected,
        texts={path.name: path.read_text(encoding="utf-8") for path in story.folder.glob("*.log")},
        secrets=[API_KEY],
    )
    violations = check(evidence)
    assert not violations, "\n".join(map(str, violations))
    assert_ledger_clean(story.books)
    assert [path for path in story.folder.glob("*.receipts/*/*") if path.is_file()] == []
