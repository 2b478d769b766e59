"""Expenses as Pleo may send them, and as it may not: from the shapes of our models, which are the published ones."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from pleo_export.domain.item import BookkeepingMethod, ExportItem, ItemSubType, ItemType, TaxType
from pleo_export.testing.expenses import REFERENCE, as_json
from tests.domain.test_mapping_properties import expenses

# Words with a meaning here, so that much of what is made up comes far.
WORDS: dict[str, list[str]] = {
    "type": [one.value for kinds in (ItemType, TaxType) for one in kinds],
    "subType": [one.value for one in ItemSubType],
    "method": [one.value for one in BookkeepingMethod],
    "currency": ["EUR", "SEK", "JPY", "KWD", "XXX", "eur"],
    "code": [*(REFERENCE.accounts or ()), *(REFERENCE.tax_codes or ()), "nordic", "CC-100", "gone", ""],
    "groupCode": [*(REFERENCE.dimensions or ()), "NOWHERE"],
}
INSTANTS = st.datetimes().map(lambda moment: f"{moment.isoformat()}Z")
NUMBERS = st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False)


def sent(shape: inspect.Type, name: str = "") -> st.SearchStrategy[Any]:
    """JSON values that the published shape allows."""
    match shape:
        case inspect.StructType(fields=fields):
            parts = {
                field.encode_name: sent(field.type, field.encode_name)
                for field in fields
                if field.name != "as_sent"
            }
            needed = {field.encode_name for field in fields if field.required}
            return st.fixed_dictionaries(
                {key: value for key, value in parts.items() if key in needed},
                optional={key: value for key, value in parts.items() if key not in needed},
            )
        case inspect.UnionType(types=types):
            return st.one_of([sent(one, name) for one in types])
        case inspect.VarTupleType(item_type=inner):
            return st.lists(sent(inner, name), max_size=3)
        case inspect.DictType(value_type=inner):
            return st.dictionaries(st.text(max_size=5), sent(inner), max_size=2)
        case inspect.StrType() if name in WORDS:
            return st.sampled_from(WORDS[name]) | st.text(max_size=8)
        case _:
            return SIMPLE[type(shape)]


SIMPLE: dict[type[inspect.Type], st.SearchStrategy[Any]] = {
    inspect.StrType: st.text(max_size=12),
    inspect.DecimalType: NUMBERS,
    inspect.IntType: st.integers(-(2**63), 2**63),
    inspect.DateTimeType: INSTANTS,
    inspect.NoneType: st.none(),
}
ALLOWED = sent(inspect.type_info(ExportItem)).map(msgspec.json.encode)

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    NUMBERS,
    st.text(max_size=6),
    st.sampled_from(["NaN", "1e999999999", "-0", "", "\ud7ff", "\0", "2026-13-45T99:99:99Z", [], {}, [[]]]),
    st.integers(10**30, 10**40).map(str),
).map(deepcopy)  # what is drawn is put into a reply, and changed there


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON value: what it is in, and under which key."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(pairs):
        yield value, key
        yield from places(inner)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """An expense that can be booked, with some of its values gone, exchanged or doubled."""
    item = msgspec.json.decode(as_json(draw(expenses())))
    for _ in range(draw(st.integers(1, 3))):
        inside, key = draw(st.sampled_from(list(places(item))))
        if isinstance(inside, dict) and draw(st.booleans()):
            del inside[key]
        else:
            inside[key] = draw(JUNK)
        if not item:
            break
    return msgspec.json.encode(item)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """An expense of which some bytes are others, or the end is missing."""
    raw = bytearray(as_json(draw(expenses())))
    for _ in range(draw(st.integers(0, 4))):
        raw[draw(st.integers(0, len(raw) - 1))] = draw(st.integers(0, 255))
    return bytes(raw[: draw(st.integers(0, len(raw)))] if draw(st.booleans()) else raw)
