"""TOML for people: keys, values and comments of the files that we write."""

import json
import re
from collections.abc import Mapping
from enum import Enum
from typing import TypeAlias

Value: TypeAlias = str | int | tuple[str, ...] | Mapping[str, "Value"]
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def toml_key(text: str) -> str:
    """Write a key, in quotes where it needs them."""
    return text if _BARE_KEY.fullmatch(text) else toml_value(text)


def toml_value(value: object) -> str:
    """Write text, a choice or a path as a string, a whole number as it is, texts as a list, a mapping as an inline table."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(toml_line(str(key), one) for key, one in value.items())} }}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, int):
        return str(value)
    plain = value.value if isinstance(value, Enum) else value
    return json.dumps(str(plain), ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_line(key: str, value: object) -> str:
    """Write a key with its value."""
    return f"{toml_key(key)} = {toml_value(value)}"


def toml_comment(text: str) -> str:
    """Write a comment on one line, whatever the text holds."""
    return f"# {' '.join(''.join(sign if sign.isprintable() else ' ' for sign in text).split())}"
