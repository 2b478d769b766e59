"""Charts by day: bars with their places in a drawing, and the numbers they stand for."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

import msgspec

from pleo_export.domain.money import Money
from pleo_export.service.page.words import money
from pleo_export.store.views import DayAmount, DayOutcomes

WIDTH, HEIGHT, TOP, LEFT = 640, 120, 8, 4
CURRENCIES_DRAWN_MAX = 4


class Bar(msgspec.Struct, frozen=True):
    """A rectangle of a drawing: its place, its class in the stylesheet, and what is said where it is pointed at."""

    x: str
    y: str
    width: str
    height: str
    tone: str
    said: str


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """A drawing by day, and a table that says the same."""

    key: str
    title: str
    description: str
    bars: Sequence[Bar]
    days: tuple[date, date]
    columns: Sequence[str]
    rows: Sequence[tuple[date, Sequence[str]]]


def outcomes_chart(days: Sequence[date], found: Sequence[DayOutcomes]) -> Chart:
    """Draw how many items were recorded and how many failed."""
    by_day = {one.day: one for one in found if one.day in set(days)}
    most = max((one.recorded + one.failed for one in by_day.values()), default=0)
    bars: list[Bar] = []
    for day, one in by_day.items():
        place = days.index(day)
        said = f"{day}: {one.recorded} recorded, {one.failed} failed"
        bars += _stacked(place, len(days), (one.recorded, one.failed), most, said)
    recorded, failed = (sum(getattr(one, name) for one in by_day.values()) for name in ("recorded", "failed"))
    return Chart(
        key="outcomes",
        title="Outcomes by day",
        description=f"{recorded} items recorded and {failed} failed in {len(days)} days; at most {most} on one day. What failed stands on top.",
        bars=bars,
        days=(days[0], days[-1]),
        columns=("Recorded", "Failed"),
        rows=[(day, (str(one.recorded), str(one.failed))) for day, one in by_day.items()],
    )


def amounts_charts(days: Sequence[date], found: Sequence[DayAmount]) -> Sequence[Chart]:
    """Draw what was recorded, each currency by itself; those with the most days first."""
    by_currency: defaultdict[str, dict[date, Money]] = defaultdict(dict)
    for one in found:
        if one.day in set(days):
            by_currency[one.amount.currency][one.day] = one.amount
    largest = sorted(by_currency.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return [_amounts(days, currency, amounts) for currency, amounts in largest[:CURRENCIES_DRAWN_MAX]]


def _amounts(days: Sequence[date], currency: str, amounts: Mapping[date, Money]) -> Chart:
    most = max(abs(one.units) for one in amounts.values())
    total = sum(amounts.values(), Money(currency, 0))
    bars: list[Bar] = []
    for day, one in amounts.items():
        # What came back is drawn upwards as well, and in another colour.
        parts = (one.units, 0) if one.units >= 0 else (0, -one.units)
        bars += _stacked(days.index(day), len(days), parts, most, f"{day}: {money(one)}")
    return Chart(
        key=f"amounts-{currency}",
        title=f"Recorded by day, {currency}",
        description=f"{money(total)} recorded in {len(days)} days.",
        bars=bars,
        days=(days[0], days[-1]),
        columns=("Amount",),
        rows=[(day, (money(one),)) for day, one in amounts.items()],
    )


def _stacked(place: int, places: int, values: tuple[int, int], most: int, said: str) -> Sequence[Bar]:
    """Return a bar for what is good with one for what is bad on top of it."""
    step = Decimal(WIDTH - 2 * LEFT) / places
    floor, bars = Decimal(TOP + HEIGHT), []
    for value, tone in zip(values, ("good", "bad"), strict=True):
        if value:
            height = max(Decimal(value) * HEIGHT / most, Decimal(2))
            floor -= height
            left, top = LEFT + place * step + 2, max(floor, Decimal(0))
            bars.append(Bar(f"{left:.1f}", f"{top:.1f}", f"{step - 4:.1f}", f"{height:.1f}", tone, said))
    return bars
