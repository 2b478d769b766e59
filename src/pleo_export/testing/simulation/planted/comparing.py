"""Bugs of comparing Pleo, our memory and the books."""

from typing import Any

from pleo_export.domain.reconciling import Sighting
from pleo_export.store import Store
from pleo_export.testing.simulation.planted.bug import bug, instead
from pleo_export.workflow import reconcile


async def _none_later(_self: Any, _job_id: str) -> set[str]:
    return set()


def _in_every_export(before: Any) -> Any:
    async def compared(looking: Any, job_id: str, case: Any, _superseded: Any) -> Any:
        return await before(looking, job_id, case, set())

    return compared


def _as_remembered(before: Any) -> Any:
    async def sighting(looking: Any, job_id: str, entry_id: str) -> Any:
        found, sighting = await before(looking, job_id, entry_id)
        remembered = {one.accounting_entry_id: one.external_id for one in await looking.store.items(job_id)}
        return found, sighting if found else Sighting(external_id=remembered.get(entry_id))

    return sighting


BUGS = (
    bug(
        "compared-in-every-export",
        "An expense that was exported again is compared in its older exports too.",
        (Store, "exported_later", instead(_none_later)),
        (reconcile, "_compared", _in_every_export),
    ),
    bug(
        "memory-for-books",
        "Comparing takes what is remembered for what stands in the books.",
        (reconcile, "_sighting", _as_remembered),
    ),
)
