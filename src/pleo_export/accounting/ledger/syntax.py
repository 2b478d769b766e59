"""How texts, names and keys of any content are written in Beancount's syntax, and read back."""

import hashlib
import re
import unicodedata
from collections.abc import Container

# A reference of at most this many plain characters is a file name and a link as it stands.
NAME_CHARACTERS_MAX = 100

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]")
_LINE_ENDS = re.compile(r"\r\n|[\r\u2028\u2029]")
# Control characters but tab and line feed; lone surrogates, which UTF-8 cannot carry.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"})
_UNESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_ROOTS = frozenset({"Assets", "Liabilities", "Equity", "Income", "Expenses"})


def readable(text: str) -> str:
    """Return `text` as the ledger keeps it: every line end is a line feed, other control characters are spaces."""
    return _SURROGATES.sub("\ufffd", _CONTROLS.sub(" ", _LINE_ENDS.sub("\n", text)))


def quoted(text: str) -> str:
    """Write a string on one line, whatever it holds. A long note stays one line: Beancount limits lines, not length."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'  # nearly every text, without three passes over it
    return f'"{readable(text).translate(_ESCAPES)}"'


def unquoted(inner: str) -> str:
    """Read what stands between the quotes of a string."""
    return re.sub(r"\\(.)", lambda escape: _UNESCAPES.get(escape[1], escape[1]), inner, flags=re.DOTALL)


def safe_name(identity: str) -> str:
    """Return a file name and link for an identity; different identities never share one.

    It has no dot: what belongs to an entry (`<name>.1.pdf`) is never taken for another entry.
    """
    plain = _NOT_IN_A_NAME.sub("_", identity)
    if plain == identity and 0 < len(plain) <= NAME_CHARACTERS_MAX:
        return plain
    digest = hashlib.sha256(identity.encode(errors="surrogatepass")).hexdigest()[:16]
    return f"{plain[:64]}-{digest}"


def metadata_key(name: str, taken: Container[str]) -> str:
    """Return a metadata key for any name (`COST_CENTRE` gives `cost-centre`) that is none of `taken`."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    key = re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")
    if not key[:1].isalpha() or len(key) == 1:
        key = f"dimension-{key}".rstrip("-")
    unique, number = key, 1
    while unique in taken:
        number += 1
        unique = f"{key}-{number}"
    return unique


def is_account_name(name: str) -> bool:
    """Whether Beancount takes `name` for an account: a root, then parts that start with a capital or a digit."""
    root, *parts = name.split(":")
    return root in _ROOTS and bool(parts) and all(map(_is_account_part, parts))


def _is_account_part(part: str) -> bool:
    kinds = [unicodedata.category(character) for character in part]
    return kinds[:1] in (["Lu"], ["Nd"]) and all(
        kind in {"Lu", "Ll", "Lt", "Lm", "Lo", "Nd"} or character == "-"
        for character, kind in zip(part, kinds, strict=True)
    )


def slug(title: str) -> str:
    """Return the part of an address that Fava makes of a ledger's title."""
    words = re.sub(r"[^\s\w-]", "", unicodedata.normalize("NFKC", title)).strip().lower()
    return re.sub(r"[-\s]+", "-", words)
