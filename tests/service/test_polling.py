"""Which companies are looked at, and when."""

from datetime import datetime, timedelta

import pytest

from pleo_export.domain.progress import LastLook
from pleo_export.engine import EngineUnreachableError
from pleo_export.service.polling import LOOK_SECONDS, Polling
from tests.store.stores import NOON


class Scene:
    """A store and an engine in one, on a clock that a test moves."""

    def __init__(self, *companies: str) -> None:
        self.time = NOON
        self.away = False
        self.looks = {company: LastLook(company, None, troubled=False) for company in companies}
        self.fired: list[tuple[str, str]] = []
        self.draws: list[float] = []

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    async def last_looks(self) -> list[LastLook]:
        return list(self.looks.values())

    def fire(self, company_id: str, cause: str) -> bool:
        if self.away:
            raise EngineUnreachableError("the url", "it is away")
        self.fired.append((company_id, cause))
        return True

    def draw(self) -> float:
        self.draws.append(0.5)
        return self.draws[-1]

    def polling(self, minutes: float = 5) -> Polling:
        return Polling(self, self, self, minutes, self.draw)

    async def seconds_until_fired(self, polling: Polling) -> float:
        """Look as often as the service does, until something is fired; return how long that took."""
        began, already = self.time, len(self.fired)
        while len(self.fired) == already:
            await self.sleep(LOOK_SECONDS)
            await polling.fire_due()
        return (self.time - began).total_seconds()


async def test_every_company_is_looked_at_at_the_start_and_then_after_each_interval() -> None:
    scene = Scene("a", "b")
    polling = scene.polling()
    await polling.fire_due()
    assert await scene.seconds_until_fired(polling) == 300
    assert scene.fired == [("a", "start"), ("b", "start"), ("a", "poll"), ("b", "poll")]


async def test_a_company_that_could_not_be_fired_is_due_at_the_next_look_still() -> None:
    scene = Scene("a")
    polling = scene.polling()
    scene.away = True
    with pytest.raises(EngineUnreachableError):
        await polling.fire_due()
    scene.away = False
    assert await scene.seconds_until_fired(polling) == LOOK_SECONDS
    assert scene.fired == [("a", "start")]


async def test_the_interval_is_drawn_once_for_each_turn() -> None:
    scene = Scene("a")
    polling = scene.polling()
    await polling.fire_due()
    for turn in range(1, 6):
        await scene.seconds_until_fired(polling)
        assert len(scene.draws) == turn + 1


@pytest.mark.parametrize(("drawn", "seconds"), [(0.0, 270), (0.5, 300), (1.0, 330)])
async def test_the_interval_varies_by_a_tenth(drawn: float, seconds: float) -> None:
    scene = Scene("a")
    polling = Polling(scene, scene, scene, 5, lambda: drawn)
    await polling.fire_due()
    assert await scene.seconds_until_fired(polling) == seconds


async def test_whoever_looked_meanwhile_puts_the_next_look_off() -> None:
    scene = Scene("a")
    polling = scene.polling()
    await polling.fire_due()
    scene.looks["a"] = LastLook("a", NOON + timedelta(minutes=4), troubled=False)
    assert await scene.seconds_until_fired(polling) == 9 * 60


async def test_a_company_in_trouble_is_looked_at_every_five_minutes_however_seldom_the_others_are() -> None:
    scene = Scene("a", "b")
    scene.looks["b"] = LastLook("b", None, troubled=True)
    polling = scene.polling(minutes=600)
    await polling.fire_due()
    assert await scene.seconds_until_fired(polling) == 300
    assert scene.fired[2:] == [("b", "poll")]


@pytest.mark.parametrize("troubled", [False, True])
async def test_a_clock_that_is_set_back_keeps_no_company_waiting(*, troubled: bool) -> None:
    scene = Scene("a")
    polling = scene.polling()
    await polling.fire_due()
    scene.looks["a"] = LastLook("a", scene.time, troubled=troubled)
    scene.time -= timedelta(hours=3)
    assert await scene.seconds_until_fired(polling) == LOOK_SECONDS
    assert await scene.seconds_until_fired(polling) == 300, "what was looked at in the future is passed over"


async def test_another_machine_whose_clock_is_ahead_changes_nothing() -> None:
    scene = Scene("a")
    polling = scene.polling()
    await polling.fire_due()
    scene.looks["a"] = LastLook("a", scene.time + timedelta(hours=3), troubled=False)
    assert await scene.seconds_until_fired(polling) == 300
