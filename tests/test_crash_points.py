"""The places where a test may let the process die: named, reached, and harmless where nothing is ordered."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pleo_export import crash_points
from pleo_export.crash_points import NAMES, UnknownCrashPointError, ordered, reach, struck_by

SOURCE = Path(crash_points.__file__).parent


def test_every_name_stands_in_the_code_once_and_every_place_has_a_name() -> None:
    reached = [
        name
        for path in SOURCE.rglob("*.py")
        for name in re.findall(r'reach\("([\w.]+)"\)', path.read_text(encoding="utf-8"))
    ]
    assert sorted(reached) == sorted(NAMES)


def test_a_place_is_silent_unless_something_is_ordered() -> None:
    reached: list[str] = []
    reach("item.intended")
    with struck_by(reached.append):
        reach("entry.kept")
    reach("item.recorded")
    assert reached == ["entry.kept"]


def deaths(order: str, *reached: str) -> list[int]:
    """At which of these places the order kills."""
    died: list[int] = []
    strike: Callable[[str], None] = ordered(order, lambda: died.append(place))
    for place, name in enumerate(reached):  # noqa: B007 the order's function looks at it
        strike(name)
    return died


def test_an_order_kills_at_the_place_and_time_it_names() -> None:
    assert deaths("item.intended", "job.seen", "item.intended", "item.intended") == [1]
    assert deaths("item.intended:2", "item.intended", "job.seen", "item.intended") == [2]


def test_the_same_seed_kills_at_the_same_places() -> None:
    first, again = (deaths("seed=7,one_in=5", *["job.seen"] * 100) for _ in range(2))
    assert first == again
    assert 5 < len(first) < 50
    assert deaths("seed=8,one_in=5", *["job.seen"] * 100) != first


def test_a_place_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UnknownCrashPointError, match=r"no crash point of that name\. There are: engine"):
        ordered("item.intendet", lambda: None)
