"""Row C of the scorecard as data: every fault at every call at every rate, and what is specified to happen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Self

from pleo_export.domain.catalogue import Cause
from pleo_export.pleo import errors
from pleo_export.testing.proxy import ALWAYS, FAULTS, IN_FIFTY, IN_TEN, ONCE, Rate, Route
from pleo_export.testing.proxy.faults import Fault, Strikes
from pleo_export.testing.proxy.pleo import EXPORT, EXPORT_ITEMS, FILE, JOB_ITEMS, LIST_JOBS, LISTS, SEND_EVENT

_UNKNOWN = "unknown enum values"
RATES = (ONCE, IN_FIFTY, IN_TEN, ALWAYS)
_CALLS = {
    Strikes.ANY: EXPORT,
    Strikes.JSON: [call for call in EXPORT if call not in (SEND_EVENT, FILE)],
    Strikes.LIST: LISTS,
    Strikes.EXPENSES: [EXPORT_ITEMS],
}

Error = type[errors.PleoError]


@dataclass(frozen=True)
class Specified:
    """What happens where a fault strikes.

    `stops` is what a run ends with that gets nothing but the fault; the next run goes on from there. `fails` is what the
    struck expense fails with, and no other. Neither: all is as without the fault. `repeated` says that this takes as many
    strikes in a row as there are tries, so that a rare fault changes nothing; otherwise one strike is enough.
    """

    stops: Error | None = None
    fails: Cause | None = None
    repeated: bool = True


NOTHING = Specified()
RATE_LIMITED = Specified(stops=errors.PleoRateLimitedError)
UNAVAILABLE = Specified(stops=errors.PleoUnavailableError)
NO_ANSWER = Specified(stops=errors.PleoNoAnswerError)
UNREADABLE = Specified(stops=errors.PleoUnreadableAnswerError)
# The job was read after it, and stood as before.
NOT_APPLIED = Specified(stops=errors.EventNotAppliedError)
NO_RECEIPT = Specified(fails=Cause.RECEIPT_UNAVAILABLE)


def _at_once(what: Error | Cause) -> Specified:
    if isinstance(what, Cause):
        return Specified(fails=what, repeated=False)
    return Specified(stops=what, repeated=False)


@dataclass(frozen=True)
class _Row:
    """What a fault does to a call that reads or may run twice, to an event, and to a receipt."""

    call: Specified
    event: Specified = NOTHING
    file: Specified = NO_RECEIPT


_UNREADABLE_ITEM = _at_once(Cause.EXPENSE_UNREADABLE)
_UNBOOKABLE = _at_once(Cause.AMOUNT_UNBOOKABLE)
_REFUSED = _at_once(Cause.RECEIPT_NOT_A_FILE)
_HARMLESS = _Row(NOTHING, NOTHING, NOTHING)
_STATUS = {
    "429": _Row(RATE_LIMITED, RATE_LIMITED),
    "500": _Row(UNAVAILABLE, NOT_APPLIED),
    "503": _Row(UNAVAILABLE, NOT_APPLIED),
    "502": _Row(UNAVAILABLE),
    "504": _Row(UNAVAILABLE),
}
_BY_NAME = {
    "reset before the effect": _Row(NO_ANSWER, NOT_APPLIED),
    "reset after the effect": _Row(NO_ANSWER),
    "no answer": _Row(NO_ANSWER, NOT_APPLIED),
    "half an answer": _Row(NO_ANSWER),
    "late": _HARMLESS,
    "a page to sign in": _Row(UNREADABLE, NOT_APPLIED, _REFUSED),
    "a redirect": _Row(
        _at_once(errors.PleoRedirectedError),
        _at_once(errors.PleoRedirectedError),
        _at_once(Cause.RECEIPT_LINK),
    ),
    "HTML in place of the answer": _Row(UNREADABLE, file=_REFUSED),
    "an empty answer": _Row(UNREADABLE, file=_at_once(Cause.RECEIPT_EMPTY)),
    "gzip bomb": _Row(UNREADABLE, file=_at_once(Cause.RECEIPT_TOO_LARGE)),
    "wrong content type": _HARMLESS,
    "truncated JSON": _Row(UNREADABLE),
    "no UTF-8": _Row(UNREADABLE),
    "nested beyond reason": _Row(UNREADABLE),
    "unknown members": _HARMLESS,
    "duplicated elements": _HARMLESS,
    "reordered elements": _HARMLESS,
    _UNKNOWN: _HARMLESS,
    "a cursor that was never given": _Row(_at_once(errors.ValidationFailedError)),
    "no cursor though there is more": _Row(UNREADABLE),
    "pages in a circle": _Row(_at_once(errors.RepeatingCursorError)),
    "a broken amount": _Row(_UNBOOKABLE),
    "an exponent beyond reason": _Row(_UNBOOKABLE),
    "an amount as text": _HARMLESS,
    "an amount of thirty digits": _Row(_UNBOOKABLE),
    "no amount": _Row(_UNREADABLE_ITEM),
    "an unknown currency": _Row(_UNBOOKABLE),
}
# Where the one call differs from others. An element that cannot even be named is missing, and its page is not.
_AT = {
    ("no UTF-8", EXPORT_ITEMS): _at_once(Cause.EXPENSE_NOT_SENT),
    (_UNKNOWN, EXPORT_ITEMS): _at_once(Cause.KIND_UNKNOWN),
    ("pages in a circle", LIST_JOBS): NOTHING,  # one job is one page
}


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix, and the seed of its chance."""

    fault: Fault
    call: Route
    rate: Rate
    seed: int

    def __str__(self) -> str:
        return f"{self.fault.name}|{self.call.name}|{self.rate.name}|{self.seed}"

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the cell that is written like this."""
        fault, call, rate, seed = text.split("|")
        (route,) = (one for one in EXPORT if one.name == call)
        (often,) = (one for one in RATES if one.name == rate)
        return cls(FAULTS[fault], route, often, int(seed))

    @property
    def leaves_alone(self) -> bool:
        """Whether an item of an unknown status is left as it is, because nobody knows what it means."""
        return self.fault.name == _UNKNOWN and self.call == JOB_ITEMS

    @property
    def specified(self) -> Specified:
        """What is to happen."""
        name = self.fault.name
        if (there := _AT.get((name, self.call))) is not None:
            return there
        row = _STATUS.get(name[:3]) or _BY_NAME[name]
        return row.event if self.call == SEND_EVENT else row.file if self.call == FILE else row.call


def cells(number: int, seed: int) -> Sequence[Cell]:
    """Return so many cells: every fault at every call first, at a rate by chance; then the rest, then all anew."""
    return [cell for cell, _ in zip(_cells(Random(seed)), range(number), strict=False)]


def _cells(chance: Random) -> Iterator[Cell]:
    pairs = [(fault, call) for fault in FAULTS.values() for call in _CALLS[fault.strikes]]
    while True:
        chance.shuffle(pairs)
        rates = {pair: chance.sample(RATES, len(RATES)) for pair in pairs}
        for turn, (fault, call) in product(range(len(RATES)), pairs):
            yield Cell(fault, call, rates[fault, call][turn], chance.randrange(1_000_000))
