import pytest
from bench.bound import Limits, lower_bound


def test_a_thousand_expenses_at_twenty_milliseconds() -> None:
    # 13 calls before the first entry (list, start, first pages, nine more pages, the first file), 200 x 2 to record, 2 at the end.
    assert lower_bound(1_000, Limits(0.02, 5)) == pytest.approx(0.26 + 8.0 + 0.04)


def test_more_calls_at_once_leave_the_calls_that_follow_each_other() -> None:
    one, many = lower_bound(1_000, Limits(0.02, 1)), lower_bound(1_000, Limits(0.02, 1_000))
    assert one == pytest.approx(0.26 + 40.0 + 0.04)
    # Then ten updates of a hundred follow each other.
    assert many == pytest.approx(0.26 + 0.2 + 0.04)


def test_a_rate_limit_decides_where_it_is_slower_than_the_latency() -> None:
    assert lower_bound(1_000, Limits(0.02, 5, rate=8.3, burst=10)) == pytest.approx(0.3 + 1_990 / 8.3)


def test_work_of_our_own_counts_where_nothing_else_takes_longer() -> None:
    assert lower_bound(1_000, Limits(0.0, 16), cpu_per_item=0.0009) == pytest.approx(0.9)
