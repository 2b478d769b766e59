"""Passwords, as Argon2 keeps them. What takes long runs in threads of its own, a few at a time: each takes 64 MiB."""

import asyncio
import gzip
import re
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from pleo_export.service.page.access.errors import WeakPasswordError

PASSWORD_CHARACTERS_MIN = 12
PASSWORD_CHARACTERS_MAX = 1024
# Words that everybody tries first here; beside them, and the user's name, a password has to have something of its own.
KNOWN_WORDS = ("pleo", "export", "password", "company", "accounting", "bookkeeping", "welcome", "admin")
OWN_CHARACTERS_MIN = 5
# What people choose most, as breaches have shown: those that are long enough, the commonest first, in small letters.
COMMON = Path(__file__).with_name("common-passwords.txt.gz")
_NAME = re.compile(r"\A[\w.@+'-]{2,254}\Z")

T = TypeVar("T")

_hasher = PasswordHasher()
_threads = ThreadPoolExecutor(2, thread_name_prefix="passwords")


def read_name(text: str) -> str:
    """Return a name as it is kept. Raises WeakPasswordError where nobody can be called so."""
    name = _plain(text).strip().lower()
    if not _NAME.match(name):
        raise WeakPasswordError(
            "A name is an e-mail address, or 2 to 254 letters, digits and the signs . _ + - ' without blanks."
        )
    return name


def require_strong(password: str, name: str) -> None:
    """Raise WeakPasswordError where the password may not be taken."""
    length = len(_plain(password))
    if not PASSWORD_CHARACTERS_MIN <= length <= PASSWORD_CHARACTERS_MAX:
        raise WeakPasswordError(
            f"Choose a password of {PASSWORD_CHARACTERS_MIN} to {PASSWORD_CHARACTERS_MAX} characters."
        )
    if len(set(_of_its_own(password, name))) < OWN_CHARACTERS_MIN:
        raise WeakPasswordError(
            "Choose a password that nobody guesses: not your name, not a few signs repeated, and more than words like 'pleo'."
        )
    if _is_common(password):
        raise WeakPasswordError(
            "Choose another password: this one was found in breaches of other services, and is tried everywhere."
        )


def _is_common(password: str) -> bool:
    # Read anew each time: passwords are chosen rarely, and the list would stay in memory.
    with gzip.open(COMMON, "rt", encoding="utf-8") as lines:
        return f"{_plain(password).lower()}\n" in lines


def _of_its_own(password: str, name: str) -> str:
    """Return what is left of a password without the words that everybody tries."""
    left = _plain(password).lower()
    words = {name, *re.split(r"[\W_]+", name), *KNOWN_WORDS} - {""}
    for word in sorted(words, key=len, reverse=True):  # a short one may be part of a longer one
        left = left.replace(word, "")
    return left


async def hash_of(password: str) -> str:
    """Return what is kept of a password."""
    return await _apart(partial(_hasher.hash, _plain(password)))


async def matches(kept: str | None, password: str) -> bool:
    """Whether it is this password. None, for a user who is not known, takes as long and is never right."""
    right = await _apart(partial(_verify, kept, _plain(password)))
    return right and kept is not None


def is_outdated(kept: str) -> bool:
    """Whether the hash was made with other parameters than are right today."""
    return _hasher.check_needs_rehash(kept)


def _verify(kept: str | None, password: str) -> bool:
    nobodys = _nobodys()  # made for either, so that the first one takes no longer
    try:
        return _hasher.verify(nobodys if kept is None else kept, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    return _hasher.hash("nobody's password")


async def _apart(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(_threads, work)


def _plain(text: str) -> str:
    # The same letters are typed in more than one way.
    return unicodedata.normalize("NFKC", text[: 4 * PASSWORD_CHARACTERS_MAX].replace("\0", ""))
