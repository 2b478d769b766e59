"""Compares Pleo, our memory and the books by itself: each export once it has ended, and daily while something differs."""

import logging
from datetime import datetime, timedelta

from pleo_export.clock import Clock
from pleo_export.observe import logs
from pleo_export.service.companies import Companies
from pleo_export.service.sources import SAID, looking_at
from pleo_export.store import Store
from pleo_export.store.errors import StoreLockedError
from pleo_export.store.reconciling import Due
from pleo_export.workflow.reconcile import compare

LOOK_SECONDS = 600.0
DAYS = timedelta(days=30)
AGAIN = timedelta(days=1)
PAUSE = timedelta(hours=1)  # where a company could not be compared
COMPARE = "compare"  # the cause of a run that compares once it has exported

log = logging.getLogger(__name__)


class Reconciling:
    """Compares what is due, one company after the other. Any number of processes may do so: one of them takes a company."""

    def __init__(self, store: Store, companies: Companies, clock: Clock) -> None:
        self._store, self._companies, self._clock = store, companies, clock
        self._put_off: dict[str, datetime] = {}

    async def run(self) -> None:
        """Compare again and again. Ends by being cancelled only."""
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except Exception:  # the service's edge: the next look may find the database again
                log.exception("it could not be seen which exports are to be compared")

    async def look(self) -> None:
        """Compare every company that is due now. Raises StoreError."""
        for due in await self._due():
            await self._look_at(due.company_id)

    async def at_once(self, company_id: str) -> None:
        """Compare what is due of a company, whether or not that was put off. Raises StoreError."""
        self._put_off.pop(company_id, None)
        await self._look_at(company_id)

    async def _look_at(self, company_id: str) -> None:
        with logs.about(company=company_id):
            try:
                async with self._store.exclusively(f"comparing {company_id}"):
                    await self._compare(company_id)
            except StoreLockedError:
                return  # another process is at it
            except SAID as error:
                self._put_off[company_id] = self._clock.now() + PAUSE
                log.warning("Pleo and the books were not compared: %s", error)

    async def _due(self) -> list[Due]:
        now = self._clock.now()
        due = await self._store.reconcile_due(now - DAYS, now - AGAIN)
        return [one for one in due if now >= self._put_off.get(one.company_id, now)]

    async def _compare(self, company_id: str) -> None:
        """Compare the exports of a company that are due still, and after a restored database all that Pleo knows."""
        due = next((one for one in await self._due() if one.company_id == company_id), None)
        if due is None:
            return
        since = self._clock.now() - DAYS if due.everything else None
        differing = expenses = 0
        async with looking_at(self._store, self._companies, company_id, lambda _: None) as looking:
            async for compared in compare(looking, due.job_ids, since):
                expenses += compared.expenses
                differing += len(compared.found) + len(compared.unaccounted) if compared.ended else 0
        log.log(
            logging.WARNING if differing else logging.INFO,
            "Pleo, our memory and the books were compared: %d expenses, %d differ",
            expenses,
            differing,
        )
