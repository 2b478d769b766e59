"""Bugs of recording: what is written down when, and what is sent to the accounting system."""

import re
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from pleo_export.accounting.port import EntryRefusedError, NoAnswerError
from pleo_export.domain.entry import Entry
from pleo_export.domain.matching import document_of
from pleo_export.domain.money import Money, exponent
from pleo_export.store.errors import ContradictionError
from pleo_export.store.exports import Exports
from pleo_export.testing.simulation.planted.bug import bug, instead
from pleo_export.testing.simulation.process import current
from pleo_export.workflow import fetch, record
from pleo_export.workflow.outcomes import Outcomes
from pleo_export.workflow.payables import Payables
from pleo_export.workflow.record import _Recorder

LATEST = datetime.max.replace(tzinfo=UTC)


async def _nothing(*_args: object) -> None:
    """Do nothing."""


def _intend_after(before: Any) -> Any:
    async def record_then_intend(self: Any, entry: Entry) -> Any:
        result = await before(self, entry)
        with suppress(ContradictionError):
            await self._parts.store.intend(self._job.id, entry.reference)
        return result

    return record_then_intend


async def _always_create(self: Any, turn: Any) -> None:
    await self._create(turn)


def _as_if_planned(before: Any) -> Any:
    async def forget_then_create(self: Any, turn: Any) -> None:
        if turn.work.entry_id in self._asked_again:
            await before(self, turn)  # only what a life before this one had begun
        else:
            await self._create(turn)

    return forget_then_create


def _repeating(_before: Any) -> Any:
    async def send(self: Any, entry: Entry) -> Any:
        return await self._calls.make(lambda: self._parts.connector.record(entry))

    return send


def _giving_up(before: Any) -> Any:
    async def send(self: Any, entry: Entry) -> Any:
        try:
            return await before(self, entry)
        except NoAnswerError as error:
            raise EntryRefusedError("it did not answer") from error

    return send


def _other_reference(before: Any) -> Any:
    def book(*args: Any) -> Any:
        entry = before(*args)
        first = re.match("process 1 ", current().name)
        return (
            replace(entry, reference=f"{entry.reference}-again")
            if isinstance(entry, Entry) and not first
            else entry
        )

    return book


def _one_unit_more(before: Any) -> Any:
    def book(*args: Any) -> Any:
        entry = before(*args)
        if not isinstance(entry, Entry):
            return entry
        legs = list(entry.postings)
        for place, unit in ((0, 1), (-1, -1)):
            amount = legs[place].amount
            legs[place] = replace(legs[place], amount=Money(amount.currency, amount.units + unit), value=None)
        same = legs[0].amount.currency == legs[-1].amount.currency
        return replace(entry, postings=tuple(legs)) if same and len(legs) > 1 else entry

    return book


def _through_float(_before: Any) -> Any:
    def from_hundredths(kind: type[Money], currency: str, value: Decimal) -> Money:
        return kind(currency, int(float(value) / 100 * 10 ** exponent(currency)))  # 1998 for 19.99

    return classmethod(from_hundredths)


def _raising(_before: Any) -> Any:
    async def fault(_self: Any, _work: Any, error: Exception, **_begun: object) -> None:
        raise error

    return fault


def _by_id(_before: Any) -> Any:
    return lambda _expense, entry_id: (LATEST, entry_id)


def _not_noted(_before: Any) -> Any:
    def recorded(self: Payables, entry: Entry) -> None:
        if entry.owed is not None:
            vendor = entry.vendor.id if entry.vendor else None
            own = document_of(entry)
            self._known[vendor] = [*self._in_hand[vendor], *([own] if own else [])]

    return recorded


BUGS = (
    bug(
        "intent-not-written",
        "Nothing is written down before the accounting system is called.",
        (_Recorder, "_intend", instead(_nothing)),
    ),
    bug(
        "intent-after-call",
        "What was intended is written down once the accounting system has answered.",
        (_Recorder, "_intend", instead(_nothing)),
        (_Recorder, "_record", _intend_after),
    ),
    bug(
        "no-look-up",
        "After a lost answer the expense is sent again without a look-up.",
        (_Recorder, "_find_or_record", instead(_always_create)),
    ),
    bug(
        "leftovers-recorded-blindly",
        "What a dead process had begun is recorded again as if nobody had begun it.",
        (_Recorder, "_find_or_record", _as_if_planned),
    ),
    bug(
        "unanswered-repeated",
        "A call without an answer is repeated at once where nothing but a look-up guards against a second entry.",
        (_Recorder, "_send", _repeating),
    ),
    bug(
        "unanswered-is-refused",
        "An expense fails because no answer came, although its entry may stand.",
        (_Recorder, "_send", _giving_up),
    ),
    bug(
        "other-reference-after-restart",
        "After a restart an expense gets another reference.",
        (record, "book", _other_reference),
    ),
    bug("one-unit-more", "An amount is one minor unit too large.", (record, "book", _one_unit_more)),
    bug("money-as-float", "Amounts pass through a float.", (Money, "from_hundredths", _through_float)),
    bug("order-by-id", "Expenses are recorded in the order of their ids.", (fetch, "in_order", _by_id)),
    bug(
        "one-fails-all",
        "A fault with one expense ends the work on all of them.",
        (Outcomes, "fault", _raising),
    ),
    bug(
        "bill-settled-twice",
        "What one payment settles is forgotten before the next one of the job comes.",
        (Payables, "recorded", _not_noted),
    ),
    bug(
        "not-fenced",
        "A worker that was taken over goes on writing.",
        (Exports, "ensure_lease", instead(_nothing)),
        (Exports, "_write", lambda _before: lambda self, change: self._writer.run(change)),
    ),
)
