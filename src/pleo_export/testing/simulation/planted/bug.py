"""What a planted bug is: a name, a sentence, and what it changes in the program while it is planted."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch


@dataclass(frozen=True)
class Change:
    """One attribute that is another one while the bug is planted. `made` makes it from what was there."""

    owner: Any
    name: str
    made: Callable[[Any], Any]


@dataclass(frozen=True)
class Bug:
    """A fault that somebody might have put into the program."""

    name: str
    sentence: str
    changes: tuple[Change, ...]

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Let the program have the bug while the body runs."""
        with ExitStack() as stack:
            for change in self.changes:
                before = change.owner.__dict__.get(change.name)  # not bound to its class
                stack.enter_context(patch.object(change.owner, change.name, change.made(before)))
            yield


def bug(name: str, sentence: str, *changes: tuple[Any, str, Callable[[Any], Any]]) -> Bug:
    """Describe a bug."""
    return Bug(name, sentence, tuple(Change(*change) for change in changes))


def instead(value: Any) -> Callable[[Any], Any]:
    """Put something in the place of what was there."""
    return lambda _before: value
