"""Names as people write them, compared where they have to be."""

import re
import unicodedata


def plain_name(name: str) -> str:
    """Return the name without case, accents and repeated spaces."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return " ".join("".join(one for one in letters if not unicodedata.combining(one)).split())


def share_a_word(one: str, other: str) -> bool:
    """Whether two names have a word in common, initials aside: what any two spellings of a person's name have."""
    return not _words(one).isdisjoint(_words(other))


def are_one(one: str, other: str) -> bool:
    """Whether two names are the same but for the order of their words, as in "Lund, Ada", and initials."""
    return _words(one) == _words(other) != set()


def _words(name: str) -> set[str]:
    return {word for word in re.split(r"[\W_]+", plain_name(name)) if len(word) > 1}
