"""Every requirement that applies has its proof, and the page says so."""

import re

import pytest

from tests.scorecard.plugin import Score
from tests.security.page import PAGE, page
from tests.security.requirements import requirements


@pytest.mark.scorecard("K")
def test_every_requirement_that_applies_is_proven_or_said_to_be_open(score: Score) -> None:
    every = requirements()
    applying = [one for one in every if one.applies]
    missing = {one.number: one.unproven() for one in applying if one.unproven()}
    unmet = sum(one.open for one in applying)
    score.note(
        requirements=len(every),
        applying=len(applying),
        proven=len(applying) - unmet - len(missing),
        unproven=unmet + len(missing),
    )
    assert missing == {}


def test_the_requirements_are_those_of_levels_one_and_two_each_once() -> None:
    every = requirements()
    assert len(every) == len({one.number for one in every}) == 253
    assert {one.level for one in every} == {1, 2}
    assert all(re.fullmatch(r"([1-9]|1[0-7])\.\d\.\d+", one.number) for one in every)
    assert all(len(one.standing) > len("- no") for one in every)


def test_the_page_is_what_the_requirements_give() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m tests.security`"
