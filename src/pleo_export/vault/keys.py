"""Where encryption keys come from: the environment, or a file."""

import binascii
import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path

from pleo_export.vault.errors import MissingKeyError, UnusableKeyError

VARIABLE = "PLEO_EXPORT_ENCRYPTION_KEY"
FILE_VARIABLE = "PLEO_EXPORT_ENCRYPTION_KEY_FILE"

key_bytes = 32  # AES-256


def new_key() -> str:
    """Make a key: the base64 text of 32 random bytes."""
    return b64encode(os.urandom(key_bytes)).decode("ascii")


def read_keys(text: str, source: str) -> tuple[bytes, ...]:
    """Read keys, one on each line, newest first. `source` is named in errors.

    Raises UnusableKeyError, also where there is no key at all.
    """
    keys = tuple(_key(line, source) for line in text.split())
    if not keys:
        raise UnusableKeyError(source, "is empty")
    return keys


def configured_keys(environment: Mapping[str, str]) -> tuple[bytes, ...]:
    """Return the keys the environment holds, else those of the file it names. Raises MissingKeyError, UnusableKeyError."""
    if text := environment.get(VARIABLE, "").strip():
        return read_keys(text, f"The environment variable {VARIABLE}")
    if name := environment.get(FILE_VARIABLE, "").strip():
        return _from_file(Path(name))
    raise MissingKeyError


def _from_file(path: Path) -> tuple[bytes, ...]:
    source = f"The key file {path}"
    try:
        text = path.read_text(encoding="ascii")
    except OSError as error:
        raise UnusableKeyError(source, f"cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise UnusableKeyError(source, "holds something that is no key") from None
    return read_keys(text, source)


def _key(line: str, source: str) -> bytes:
    # The causes are dropped: they may show a part of the key.
    try:
        key = b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        raise UnusableKeyError(source, "holds something that is not base64") from None
    if len(key) != key_bytes:
        raise UnusableKeyError(source, f"holds a key of {len(key)} bytes") from None
    return key
