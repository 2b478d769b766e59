"""Takes out of texts what must stand in no log: secrets and what identifies a person, known by their shape.

This is the net below the code, which logs no such thing on purpose. Where a shape is ambiguous it takes out too much.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet

REMOVED = "[removed]"

_SPEAKS_OF_SECRETS = (
    r"(?:password|passwd|secret|token|api[-_ ]?key|access[-_]?key|private[-_]?key|encryption[-_]?key"
    r"|signature|authorization|cookie|code[-_]verifier)"
)
# In quotes; in quotes that were escaped, once or again; or up to the next blank or bracket.
_VALUE = r"""(?:b(?=\\{0,32}["']))?(?:"(?:[^"\\]|\\.)*+"?|'(?:[^'\\]|\\.)*+'?|\\{1,32}["'][^"'\\]*+|[^\s,;}\])"']++)"""

# In this order: what is cut out as a whole comes first. None of them looks back or tries again over a long text.
_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern, re.DOTALL), replacement)
    for pattern, replacement in (
        (r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", REMOVED),
        (r"://[^\s\"'<>]++", lambda found: _bare_address(found[0])),
        (r"\?[^\s\"'<>?=]{1,64}=[^\s\"'<>]*+", f"?{REMOVED}"),
        # The values of headers and fields whose name says enough; a scheme before the value goes with it.
        (r"(?i)\b(basic|bearer)(\s{1,3}|%20)[\w+/=.~-]{4,}+", rf"\1 {REMOVED}"),
        (
            (
                rf"(?i)({_SPEAKS_OF_SECRETS}[\w-]{{0,32}}\\{{0,32}}[\"']?\s{{0,3}}[:=]\s{{0,3}})"
                rf"(?:(?:basic|bearer)\s(?:\[removed\])?)?{_VALUE}"
            ),
            rf"\1{REMOVED}",
        ),
        # Pleo's keys, webhook secrets and signatures, signed tokens.
        (r"(?:whsec|whsk|plp|plo)_[\w+/=.-]*+", REMOVED),
        (r"\bv1a?,[A-Za-z0-9+/=_-]{16,}+", REMOVED),
        (r"\beyJ[\w-]++(?:\.[\w-]*+){1,4}", REMOVED),
        (r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{22,}+={1,2}", REMOVED),
        # IBANs, whole or in groups, and e-mail addresses.
        (r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]){11,30}(?![A-Za-z0-9])", REMOVED),
        (r"(?<![\w.+-])[\w.+-]++(?:@|%40)[\w-]++(?:\.[\w-]++)++", REMOVED),
    )
)
_OPAQUE = re.compile(r"[A-Za-z0-9_-]{24,}+")
_CLASSES = tuple(re.compile(pattern) for pattern in ("[a-z]", "[A-Z]", "[0-9]"))
# Sentences speak of credentials and then go on with a colon; the name of a field does not.
_NAME_OF_SECRET = re.compile(f"{_SPEAKS_OF_SECRETS}|credential", re.IGNORECASE)


def redacted(text: str) -> str:
    """Return the text without secrets, queries of links, IBANs and e-mail addresses."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return _OPAQUE.sub(_without_opaque, text)


def redacted_value(value: object, name: str = "") -> object:
    """Return plain data (texts, numbers, lists, mappings) for any value, everything in it redacted.

    The value of a `name` that speaks of a secret goes as a whole, unless it is a number, a truth value or None.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if _NAME_OF_SECRET.search(name):
        return REMOVED
    if isinstance(value, Mapping):
        return {redacted(str(key)): redacted_value(one, str(key)) for key, one in value.items()}
    if isinstance(value, Sequence | AbstractSet) and not isinstance(value, str | bytes | bytearray):
        return [redacted_value(one) for one in value]
    return redacted(str(value))


def _bare_address(address: str) -> str:
    """Take out name and password, and everything behind the path: links are signed there."""
    _, at, rest = address.rpartition("@")
    path, *query = re.split(r"[?#]", rest, maxsplit=1)
    return (f"://{REMOVED}@{path}" if at else path) + (f"?{REMOVED}" if query else "")


def _without_opaque(found: re.Match[str]) -> str:
    """Keep words, and ids, which are written in one case; take out what mixes both cases with digits."""
    text = found[0]
    return REMOVED if all(one.search(text) for one in _CLASSES) else text
