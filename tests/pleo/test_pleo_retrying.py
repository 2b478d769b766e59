"""When a call is repeated, how long is waited, and when an outage ends the repeating."""

from random import Random

import pytest

from pleo_export.pleo import limits
from pleo_export.pleo.retrying import CallError, Repeat, Retrier
from tests.pleo.misbehaving_server import Waits


class SafeError(CallError):
    repeat = Repeat.SAFE


class UnclearError(CallError):
    repeat = Repeat.UNCLEAR


class Failing:
    """Fails as often as told, then returns how often it was called."""

    def __init__(self, times: int, error: Exception) -> None:
        self.calls, self._times, self._error = 0, times, error

    async def __call__(self) -> int:
        self.calls += 1
        if self.calls <= self._times:
            raise self._error
        return self.calls


def always(_: CallError) -> bool:
    return True


@pytest.mark.parametrize(
    ("error", "repeatable", "expected"),
    [
        (SafeError(), False, True),
        (SafeError(), True, True),
        (UnclearError(), True, True),
        (UnclearError(), False, False),
        (CallError(), True, False),
    ],
)
def test_the_class_of_an_error_decides_whether_a_call_is_repeated(
    error: CallError, *, repeatable: bool, expected: bool
) -> None:
    assert error.may_repeat(repeatable=repeatable) is expected


async def test_waits_are_drawn_between_nothing_and_a_doubling_bound() -> None:
    waits = Waits()
    with pytest.raises(SafeError):
        await Retrier(waits.around).run(Failing(99, SafeError()), always)
    draws = Random(7)
    assert waits.seconds == [draws.uniform(0, bound) for bound in (1, 2, 4, 8)]


async def test_no_wait_is_longer_than_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "tries_max", 12)
    waits = Waits()
    with pytest.raises(SafeError):
        await Retrier(waits.around).run(Failing(99, SafeError()), always)
    assert len(waits.seconds) == 11
    assert max(waits.seconds) <= limits.backoff_seconds_max


async def test_what_is_not_worth_it_and_what_is_no_call_error_ends_at_once() -> None:
    for error, worth in ((SafeError(), False), (RuntimeError(), True)):
        failing = Failing(99, error)
        with pytest.raises(type(error)):
            await Retrier(Waits().around).run(failing, lambda _, worth=worth: worth)  # type: ignore[misc]
        assert failing.calls == 1


@pytest.mark.parametrize(("timed_out", "price"), [(False, 5), (True, 10)])
async def test_a_lasting_outage_uses_the_tokens_up_and_then_nothing_is_repeated(
    *, timed_out: bool, price: int
) -> None:
    waits = Waits()
    retrier = Retrier(waits.around)
    error = SafeError()
    error.timed_out = timed_out
    for _ in range(200):
        with pytest.raises(SafeError):
            await retrier.run(Failing(99, error), always)
    assert len(waits.seconds) == limits.retry_tokens_max // price


@pytest.mark.slow
async def test_success_gives_tokens_back_one_by_one() -> None:
    waits = Waits()
    retrier = Retrier(waits.around)
    for _ in range(200):
        with pytest.raises(SafeError):
            await retrier.run(Failing(99, SafeError()), always)
    waits.seconds.clear()
    for _ in range(limits.retry_tokens_per_retry):
        await retrier.run(Failing(0, SafeError()), always)
    with pytest.raises(SafeError):
        await retrier.run(Failing(99, SafeError()), always)
    assert len(waits.seconds) == 1
