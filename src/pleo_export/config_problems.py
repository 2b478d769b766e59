"""What is wrong with a setting, told to the person who wrote it: the key, the value, what it means."""

import difflib
from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from pleo_export.toml_text import toml_key

# Where pydantic's words are for programmers.
_SECTION = "must be a section of its own: [name] on one line, its settings below"
_WORDS = {
    "dict_type": _SECTION,
    "model_type": _SECTION,
    "string_pattern_mismatch": "must begin with http:// or https://",
    "string_too_short": "must not be empty",
    "string_type": "must be text: put it into quotes",
}
_OF_THE_KEY = "[key]"  # how pydantic marks that the key of a table is wrong, not its value


def told(detail: ErrorDetails, tree: Mapping[str, Any], settings: type[BaseModel]) -> str:
    """Tell one problem that pydantic found in `tree`, which was read as `settings`."""
    location = [str(part) for part in detail["loc"]]
    if not location:  # the file as a whole
        return detail["msg"].removeprefix("Value error, ")
    if location[-1] == _OF_THE_KEY:
        return _wrong_key(location[:-1], settings)
    if detail["type"] == "extra_forbidden":
        return _wrong_key(location, settings)
    key, meaning = _dotted(location), _meaning(location, settings)
    if detail["type"] == "missing":
        return f"{key} is missing; add it. {meaning}".rstrip()
    message = _WORDS.get(detail["type"]) or detail["msg"].removeprefix("Value error, ").removesuffix(".")
    value: object = tree
    for part in location:
        value = value.get(part, {}) if isinstance(value, Mapping) else value
    # An address may hold a password, and that of a receiver is often a secret as a whole.
    hidden = "@" in str(value) or location[-1] == "webhook_url"
    shown = "(not shown)" if hidden else repr(value)
    return f"{key} = {shown}: {message}. {meaning}".rstrip()


def _wrong_key(location: Sequence[str], settings: type[BaseModel]) -> str:
    close = difflib.get_close_matches(location[-1], _keys(_type_at(location[:-1], settings)), n=1)
    meant = f" (did you mean {_dotted([*location[:-1], close[0]])}?)" if close else ""
    return f"{_dotted(location)}: there is no such setting{meant}; correct or remove it"


def _dotted(location: Sequence[str]) -> str:
    return ".".join(map(toml_key, location))


def _meaning(location: Sequence[str], settings: type[BaseModel]) -> str:
    """Return the description of a setting; an entry of a table has that of the table."""
    for length in range(len(location), 0, -1):
        parent = _type_at(location[: length - 1], settings)
        if isinstance(parent, type) and issubclass(parent, BaseModel):
            field = parent.model_fields.get(location[length - 1])
            return (field.description if field is not None else None) or ""
    return ""


def _type_at(location: Sequence[str], settings: type[BaseModel]) -> Any:
    """Return the model or the table that stands at a place of the file, None for anything else."""
    kind: Any = settings
    for part in location:
        if get_origin(kind) is dict:
            inner = get_args(kind)[1]
        else:
            field = kind.model_fields.get(part)
            inner = None if field is None else field.annotation
        kind = next((one for one in (inner, *get_args(inner)) if _has_keys(one)), None)
        if kind is None:
            return None
    return kind


def _has_keys(kind: Any) -> bool:
    return get_origin(kind) is dict or (isinstance(kind, type) and issubclass(kind, BaseModel))


def _keys(kind: Any) -> Collection[str]:
    """Return the keys that may stand in a section, or in a table whose keys are a choice."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind.model_fields
    named = next(iter(get_args(kind)), None)
    return [one.value for one in named] if isinstance(named, type) and issubclass(named, Enum) else ()
