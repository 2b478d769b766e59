"""`make golden`: writes new pairs, and changed ones only where it is told to."""

import difflib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.golden.pairs import FOLDER, Pair, all_pairs


def regenerate(folder: Path, *, overwrite: bool) -> tuple[Sequence[Pair], str]:
    """Write the texts of new pairs, and of changed ones where `overwrite` allows it.

    Return the pairs that were refused, and a report with the differences.
    """
    refused: list[Pair] = []
    report: list[str] = []
    for pair in all_pairs(folder):
        before, after = pair.text, pair.expected()
        if before == after:
            continue
        is_new = "\n" not in before.rstrip("\n")  # nothing yet, or the words only
        report += _difference(pair, before, after)
        if is_new or overwrite:
            pair.text_path.write_text(after, encoding="utf-8")
        else:
            refused.append(pair)
    return refused, "".join(report)


def _difference(pair: Pair, before: str, after: str) -> Iterator[str]:
    return difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        fromfile=f"{pair.name}, as it stands",
        tofile=f"{pair.name}, as the program books it",
    )


def main() -> None:
    refused, report = regenerate(FOLDER, overwrite="--overwrite" in sys.argv[1:])
    sys.stdout.write(report)
    if refused:
        sys.exit(
            f"{len(refused)} pairs would change and were left as they are."
            " Where the new text is right, run `make golden OVERWRITE=1`."
        )


if __name__ == "__main__":
    main()
