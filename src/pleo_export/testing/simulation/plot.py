"""What one run is about: what is exported, by whom, into what, and in which weather. All of it follows from the seed."""

from random import Random

import msgspec

from pleo_export.testing.simulation import stage
from pleo_export.testing.simulation.weather import Forecast, forecast

EXPIRES_IN = 3600


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """One run. Defaults are the calmest there is.

    `jobs` hold expenses of the month `pool`. `unique` says whether the accounting system prevents a second entry itself,
    `page` is how much Pleo sends at once, `neighbours` whether another company exports at the same time. Pleo sends
    `strangers` as another company's. After `patience` seconds of silence a call of the workflow ends. A job `may_expire` where
    Pleo gives it so little time that the weather can last longer, and `updates_refresh` says whether item updates put that off;
    `final_stays`, whether the first final word on an expense counts there, or the last one.
    """

    pool: int
    jobs: tuple[tuple[str, ...], ...]
    forecast: Forecast = Forecast()
    unique: bool = True
    concurrency: int = 4
    page: int = 100
    neighbours: bool = False
    strangers: frozenset[str] = frozenset()
    patience: float | None = None
    expires_in: int = EXPIRES_IN
    updates_refresh: bool = True
    final_stays: bool = True

    @property
    def may_expire(self) -> bool:
        """Whether bad weather can outlast a job."""
        return self.expires_in < EXPIRES_IN


def whole_month(pool: int) -> Plot:
    """Return the plot in which nothing goes wrong."""
    return Plot(pool=pool, jobs=(tuple(sorted(stage.month(pool))),))


def plot(draw: Random, more: Random) -> Plot:
    """Draw a plot; how jobs expire and what becomes of final words, and who pays twice, has a chance of its own."""
    pool = draw.randrange(stage.POOLS)
    references = draw.sample(sorted(stage.month(pool).keys() - {stage.PAID_AGAIN}), draw.randint(2, 12))
    parts = min(len(references), draw.choice((1, 1, 2, 3)))
    jobs = [tuple(references[start::parts]) for start in range(parts)]
    expires_in, updates_refresh = (
        more.choice((EXPIRES_IN, EXPIRES_IN, EXPIRES_IN, 60)),
        more.choice((True, False)),
    )
    if more.randrange(4) == 0:
        jobs[0] += tuple(one for one in stage.paid_twice(pool) if one not in references)
    return Plot(
        pool=pool,
        jobs=tuple(jobs),
        forecast=forecast(draw),
        unique=draw.choice((True, False)),
        concurrency=draw.choice((1, 2, 4, 4)),
        page=draw.choice((1, 2, 3, 5, 100)),
        neighbours=draw.randrange(7) == 0,
        strangers=frozenset(references[: draw.choice((0,) * 9 + (1,))]),
        patience=draw.choice((None, 60.0)),
        expires_in=expires_in,
        updates_refresh=updates_refresh,
        final_stays=more.choice((True, False)),
    )
