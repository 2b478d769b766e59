"""What it means where Pleo, our memory and the books do not say the same of an expense: every case of the table."""

import re
from itertools import product
from typing import Any

import pytest

from pleo_export.domain.job import ItemStatus
from pleo_export.domain.progress import ItemProgress, Phase, Settled
from pleo_export.domain.reconciling import Difference, Fix, Seen, Sighting, difference, not_reported

ABSENT, THERE = Sighting(), Sighting(external_id="JE-1")


def item(phase: Phase, **more: Any) -> ItemProgress:
    return ItemProgress(job_id="job-1", accounting_entry_id="e1", position=0, phase=phase, **more)


RECORDED = item(Phase.RECORDED, external_id="JE-1")
REJECTED = item(Phase.REJECTED)
UNKNOWN = item(Phase.REJECTED, unknown=True)
BY_HAND = item(Phase.RECORDED, external_id="hand-7", settled_how=Settled.BY_HAND)
BEGINNINGS = (None, item(Phase.PLANNED), item(Phase.INTENDED))


def kind(
    pleo: str | None, here: ItemProgress | None, entry: Sighting, pleo_id: str | None = None
) -> str | None:
    told = difference(Seen(pleo=pleo, pleo_id=pleo_id, here=here, entry=entry), "ledger")
    return None if told is None else told.kind


@pytest.mark.parametrize(
    ("pleo", "here", "there", "absent"),
    [
        ("successful", RECORDED, None, Difference.ENTRY_MISSING),
        *(("successful", here, Difference.NOT_REMEMBERED, Difference.ENTRY_MISSING) for here in BEGINNINGS),
        ("successful", REJECTED, Difference.NOT_REMEMBERED, Difference.ENTRY_MISSING),
        ("successful", UNKNOWN, Difference.NOT_REMEMBERED, Difference.ENTRY_MISSING),
        ("failed", RECORDED, Difference.PLEO_DIFFERS, Difference.ENTRY_GONE),
        *(("failed", here, Difference.ENTRY_STANDS, None) for here in BEGINNINGS),
        ("failed", REJECTED, Difference.ENTRY_STANDS, None),
        ("failed", UNKNOWN, Difference.ENTRY_STANDS, Difference.NOTHING_STANDS),
        ("abandoned", RECORDED, Difference.PLEO_DIFFERS, Difference.ENTRY_GONE),
        ("abandoned", REJECTED, Difference.ENTRY_STANDS, None),
        ("pending", None, Difference.ENTRY_STANDS, None),
        ("in_progress", RECORDED, Difference.PLEO_DIFFERS, Difference.ENTRY_GONE),
        ("in_progress", REJECTED, Difference.ENTRY_STANDS, Difference.LEFT_OPEN),
        ("in_progress", UNKNOWN, Difference.ENTRY_STANDS, Difference.NOTHING_STANDS),
        (None, RECORDED, None, Difference.ENTRY_GONE),
        (None, REJECTED, Difference.ENTRY_STANDS, None),
    ],
)
def test_what_each_case_means(
    pleo: str | None, here: ItemProgress | None, there: str | None, absent: str | None
) -> None:
    assert (kind(pleo, here, THERE), kind(pleo, here, ABSENT)) == (there, absent)


def test_what_a_person_recorded_by_hand_need_not_be_found() -> None:
    assert kind("successful", BY_HAND, ABSENT) is None
    assert kind("failed", BY_HAND, ABSENT) == Difference.PLEO_DIFFERS
    assert kind("successful", BY_HAND, ABSENT, pleo_id="JE-1") is None, (
        "Pleo was told of the entry that was lost"
    )
    assert kind(None, BY_HAND, ABSENT) is None


def test_an_entry_that_stands_without_its_receipts_was_told_of() -> None:
    assert kind("failed", item(Phase.REJECTED, external_id="JE-1"), THERE) is None


def test_another_entry_than_the_known_one_is_named() -> None:
    told = difference(Seen(pleo="successful", pleo_id="JE-9", here=RECORDED, entry=THERE), "ledger")
    assert told is not None
    assert told.kind is Difference.OTHER_ID
    assert told.sentence == "Its entry in ledger is JE-1, but JE-9 is the one that Pleo was told of."
    assert kind("successful", item(Phase.RECORDED, external_id="JE-2"), THERE) == Difference.OTHER_ID


def test_content_and_damage_come_before_everything_else() -> None:
    other = Sighting(external_id="JE-1", same=False)
    damaged = Sighting(damaged="the file is empty.")
    for pleo, here in product((None, *ItemStatus), (None, RECORDED, REJECTED, UNKNOWN)):
        assert kind(pleo, here, other) == Difference.OTHER_CONTENT
        assert kind(pleo, here, damaged) == Difference.ENTRY_DAMAGED


def test_no_sentence_has_an_empty_place() -> None:
    for pleo, here, entry in product(
        (None, *ItemStatus), (None, RECORDED, UNKNOWN, BY_HAND), (ABSENT, THERE)
    ):
        told = difference(Seen(pleo=pleo, pleo_id=None, here=here, entry=entry), "ledger")
        assert told is None or not re.search(r"[{}]|  | [.,]", told.sentence), told.sentence


def test_only_what_records_nothing_can_be_fixed() -> None:
    fixes = {one: one.fix for one in Difference if one.fix is not None}
    assert fixes == {
        Difference.NOT_REPORTED: Fix.REPORT,
        Difference.NOT_REMEMBERED: Fix.ADOPT,
        Difference.ENTRY_STANDS: Fix.ADOPT,
    }


def test_an_open_job_lacks_only_what_pleo_was_not_told() -> None:
    refused = item(Phase.RECORDED, report_problem="no")
    assert [entry for entry, _ in not_reported([RECORDED], {"e1": "in_progress"})] == ["e1"]
    assert list(not_reported([RECORDED], {"e1": "successful"})) == []
    assert list(not_reported([item(Phase.INTENDED)], {"e1": "in_progress"})) == []
    assert list(not_reported([refused], {"e1": "in_progress"})) == []
