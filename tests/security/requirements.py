"""The requirements of OWASP ASVS 5.0, levels 1 and 2, in words of ours, and what becomes of each of them here.

A line of asvs.txt is the number, the level, the requirement, and one of these: the tests that prove it, `= ` and the page that
documents it, `- ` and why it does not apply, or `! ` and what is missing.
"""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Requirement:
    number: str
    level: int
    words: str
    standing: str

    @property
    def applies(self) -> bool:
        return not self.standing.startswith("- ")

    @property
    def open(self) -> bool:
        return self.standing.startswith("! ")

    @property
    def proofs(self) -> list[str]:
        """What proves it, as `file::test`, or the page with its heading after `#`."""
        if not self.applies or self.open:
            return []
        return self.standing.removeprefix("= ").split("; ")

    def unproven(self) -> list[str]:
        """The proofs that are not there."""
        return [proof for proof in self.proofs if not _is_there(proof)]


def _is_there(proof: str) -> bool:
    file, _, test = proof.partition("::")
    file, _, heading = file.partition("#")
    path = ROOT / file
    if not path.is_file():
        return False
    text = path.read_text(encoding="utf-8")
    if test:
        return f"def {test}(" in text
    return not heading or f"\n## {heading}\n" in text


def requirements() -> list[Requirement]:
    """All of them, in the order of the standard."""
    lines = Path(__file__).with_name("asvs.txt").read_text(encoding="utf-8").splitlines()
    parts = (line.split(" | ") for line in lines)
    return [Requirement(number, int(level), words, standing) for number, level, words, standing in parts]
