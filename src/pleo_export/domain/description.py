"""Step 5.3, the description of an entry: a template of the company's, made to fit the accounting system's field."""

from collections.abc import Mapping
from string import Formatter

PLACEHOLDERS = frozenset(
    {
        "supplier",
        "user",
        "initials",
        "note",
        "team",
        "type",
        "attendees",
        "invoice",
        "reconciliation_id",
    }
)
_CUT = "…"


def checked_template(template: str) -> str:
    """Return the template. Raises ValueError where it cannot be filled or says nothing of an expense."""
    try:
        parts = [(name, spec, conversion) for _, name, spec, conversion in Formatter().parse(template)]
    except ValueError as error:
        raise ValueError(f"is no template ({error}); write placeholders like {{supplier}}") from None
    names = [name for name, _, _ in parts if name is not None]
    for name, spec, conversion in parts:
        if name is not None and (name not in PLACEHOLDERS or spec or conversion):
            known = ", ".join(f"{{{one}}}" for one in sorted(PLACEHOLDERS))
            written = name + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
            raise ValueError(f"holds {{{written}}}; only the plain names are allowed: {known}")
    if not names:
        raise ValueError("names nothing of the expense; use {supplier}, for example")
    return template


def fill(template: str, values: Mapping[str, str | None], characters_max: int | None) -> str:
    """Fill in what is there; the text between two placeholders goes where either of them is missing.

    Where the result is longer than `characters_max`, initials stand for the person's name; then the end is cut off.
    """
    text = _filled(template, values)
    if characters_max is None or len(text) <= characters_max:
        return text
    text = _filled(template, {**values, "user": values["initials"]})
    return text if len(text) <= characters_max else text[: characters_max - 1].rstrip() + _CUT


def initials(name: str) -> str:
    """Return the first letters of a person's names (Ada Maria Lund: AML)."""
    return "".join(part[0].upper() for part in name.replace("-", " ").split())


def _filled(template: str, values: Mapping[str, str | None]) -> str:
    text, begun = "", False
    for position, (literal, name, _, _) in enumerate(Formatter().parse(template)):
        value = None if name is None else (values[name] or "").strip()
        if position == 0 or name is None or (value and begun):
            text += literal
        if value:
            text, begun = text + value, True
    return text.strip()
