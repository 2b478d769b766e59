"""Row C: the workflow through a proxy that breaks its calls to Pleo, cell by cell, judged by the oracle."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import aiohttp
import pytest
from aiolimiter import AsyncLimiter

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.progress import Phase
from pleo_export.pleo import limits
from pleo_export.pleo.auth import BearerToken
from pleo_export.pleo.client import PleoClient
from pleo_export.pleo.errors import PleoError
from pleo_export.pleo.files import Downloader
from pleo_export.pleo.retrying import Surroundings
from pleo_export.pleo.transport import Timeouts
from pleo_export.simulator.server import RunningSimulator
from pleo_export.testing.oracle import Evidence, Expected, check, memory_entries, pleo_side
from pleo_export.testing.proxy import ALWAYS, FAULTS, FaultProxy, Order, Plan
from pleo_export.testing.proxy.pleo import (
    EXPORT,
    EXPORT_ITEMS,
    FILE,
    GET_JOB,
    JOB_ITEMS,
    LIST_JOBS,
    SEND_EVENT,
    UPDATE_ITEMS,
)
from tests.scorecard import at_size
from tests.scorecard.plugin import Score
from tests.workflow.fault_matrix import Cell, cells
from tests.workflow.workflow_scene import ChangeSettings, Company, Scene, eid, expense

SEED = 20260601
PARTS = 8
FILES = {2: ("pdf",), 5: ("png", "pdf")}
REPLAY = "PLEO_EXPORT_CELL"
PAGE = 2
RUNS = 3
CALLS_MAX = 60
NUMBERS = range(1, 7)
EXPENSES = [expense(number, day=number, files=FILES.get(number, ())) for number in NUMBERS]
# A job is read only where it is not known whether an event was taken.
_OTHERS = {GET_JOB: [Order(FAULTS["reset after the effect"], SEND_EVENT, ALWAYS)]}
# How many calls of each kind a run makes that nothing strikes.
CALLS_AT_LEAST = {
    LIST_JOBS: 2,
    GET_JOB: 2,
    JOB_ITEMS: 3,
    EXPORT_ITEMS: 3,
    UPDATE_ITEMS: 2,
    SEND_EVENT: 2,
    FILE: 3,
}
IMPATIENT = Timeouts(connect=2.0, read=0.3)


def chosen(part: int) -> Sequence[Cell]:
    if text := os.environ.get(REPLAY):
        return [Cell.read(text)] if part == 0 else ()
    return cells(at_size(200, 1400), SEED)[part::PARTS]


def expected(number: int) -> Expected:
    totals = {("6100", "EUR"): 100 * number, ("1910", "EUR"): -100 * number}
    return Expected(totals=totals, files=len(FILES.get(number, ())))


class Trial:
    """One job of six expenses, exported through the proxy, whatever happens."""

    def __init__(self, cell: Cell, scene: Scene, proxy: FaultProxy, chance: Plan) -> None:
        self.cell, self.scene, self.proxy, self.plan = cell, scene, proxy, chance
        self.stopped_by = Counter[type[PleoError]]()
        self.waits: list[float] = []

    async def wait(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def run(self) -> None:
        """Look for work once, as the service does again and again."""
        around = Surroundings(clock=self.scene.clock.now, sleep=self.wait, random=Random(1))
        timeouts = IMPATIENT if self.cell.fault.name == "no answer" else None
        pleo = PleoClient(
            self.proxy.url,
            BearerToken(self.scene.company.token),
            around=around,
            timeouts=timeouts,
            limiter=AsyncLimiter(100_000, 1),
        )
        receipts = Downloader(self.scene.receipts, allow_private=True, around=around, timeouts=timeouts)
        try:
            async with pleo, receipts:
                await self.scene.run(pleo=pleo, receipts=receipts)
        except PleoError as error:
            self.stopped_by[type(error)] += 1

    async def take_place(self) -> None:
        """Export under the fault, as often as the job needs or the patience lasts, and then to the end without it."""
        self.job_id = await self.scene.company.job_of(*EXPENSES)
        for _ in range(RUNS):
            await self.run()
            if await self.ended():
                break
        self.proxy.plan.stop()
        await self.run()

    async def ended(self) -> bool:
        job = await self.scene.company.job(self.job_id)
        return job["status"] not in ("pending", "in_progress")

    async def problems(self) -> list[str]:
        """Tell what is not as it was specified, and what the oracle says."""
        said = [str(one) for one in check(await self.evidence())] if not self.cell.leaves_alone else []
        return [f"{self.cell}: {one}" for one in (*said, *(await self._unlike_specified()))]

    async def _unlike_specified(self) -> list[str]:
        wanted, found = self.cell.specified, []
        outcomes = await self.scene.company.outcomes(self.job_id)
        if not self.strikes:
            found.append("Nothing was struck, so it proves nothing.")
        if not await self.ended():
            found.append("The job has not ended after the fault.")
        if others := self.stopped_by.keys() - ({wanted.stops} if self.tells else set()):
            found.append(f"It was stopped by {others}, which is not specified.")
        if wanted.stops and self.always and wanted.stops not in self.stopped_by:
            found.append(f"It was not stopped by {wanted.stops.__name__}.")
        failed = [one for one in outcomes.values() if one["status"] == "failed"]
        if wanted.fails and self.tells:
            found += await self._other_failures(wanted.fails)
        elif failed:
            found.append(f"{len(failed)} expenses failed: {failed[0]['failureReason']}")
        if max(self.waits, default=0) > limits.asked_wait_seconds_max:
            found.append(f"It waited {max(self.waits)} seconds.")
        if sum(self.plan.calls.values()) > CALLS_MAX:
            found.append(f"It made {self.plan.calls} calls.")
        return found

    async def _other_failures(self, cause: Cause) -> list[str]:
        """Every strike fails one expense, with this cause, and no other expense fails."""
        async with self.scene.parts() as parts:
            items = await parts.store.items(self.job_id)
        failed = Counter(one.failure_code for one in items if one.phase is Phase.REJECTED)
        number = len(FILES) if self.cell.specified.repeated else self.strikes
        wanted = Counter({cause.value: number})
        return [] if failed == wanted else [f"Failed were {failed}, to fail were {wanted}."]

    @property
    def tells(self) -> bool:
        """Whether the fault lasts long enough to change anything."""
        return self.always or not self.cell.specified.repeated

    @property
    def strikes(self) -> int:
        return sum(one.fault == self.cell.fault.name for one in self.plan.struck)

    @property
    def always(self) -> bool:
        return self.cell.rate is ALWAYS

    async def evidence(self) -> Evidence:
        company = self.scene.company
        told = {
            f"companies/{company.id}": await company.control("GET", f"/companies/{company.id}"),
            f"companies/{company.id}/items": await company.control("GET", f"/companies/{company.id}/items"),
            "audit": await company.audit(),
        }
        return Evidence(
            books={company.id: memory_entries(self.scene.books)},
            pleo=pleo_side(told.__getitem__, [company.id]),
            expected={eid(number): expected(number) for number in NUMBERS},
            secrets=[company.token],
        )


async def trial(cell: Cell, url: str, http: aiohttp.ClientSession, folder: Path) -> Trial:
    order = Order(cell.fault, cell.call, cell.rate)
    plan = Plan([order, *_OTHERS.get(cell.call, ())], striking_seed(order, cell.seed))
    async with FaultProxy(url, plan) as proxy:
        one = Trial(cell, Scene(await Company.create(http, url), folder), proxy, plan)
        await one.take_place()
    return one


def striking_seed(order: Order, seed: int) -> int:
    """Return the first seed from this one on with which a rare fault strikes one of the first calls."""
    while True:
        plan = Plan([order], seed)
        if any(plan.strikes(0) for _ in range(CALLS_AT_LEAST[order.route])):
            return seed
        seed += 1


@pytest.fixture
async def pleo(
    simulator: RunningSimulator, pleo_settings: ChangeSettings, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The address of a Pleo with tiny pages. The largest answer is small as well: a bomb costs less then."""
    await pleo_settings(maxLimit=PAGE)
    monkeypatch.setattr(limits, "answer_bytes_max", 1024 * 1024)
    return simulator.url


@pytest.mark.slow
@pytest.mark.scorecard("C")
@pytest.mark.parametrize("part", range(PARTS))
async def test_every_fault_at_every_call_ends_as_it_is_specified(
    part: int, pleo: str, tmp_path: Path, score: Score
) -> None:
    problems, struck = list[str](), 0
    async with aiohttp.ClientSession() as http:
        for number, cell in enumerate(chosen(part)):
            (folder := tmp_path / str(number)).mkdir()
            one = await trial(cell, pleo, http, folder)
            problems += await one.problems()
            struck += one.strikes
    score.note(cells=len(chosen(part)), strikes=struck, violations=len(problems))
    assert not problems, "\n".join(
        [*problems, f"Again: {REPLAY}='{problems[0].partition(': ')[0]}' pytest -k every_fault {__file__}"]
    )


def test_the_suite_has_every_fault_and_every_call() -> None:
    inside = cells(200, SEED)
    assert {cell.fault.name for cell in inside} == set(FAULTS)
    assert {cell.call for cell in inside} == set(EXPORT)
