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


async def _as_remembered(_looking: Any, _job_id: str, _entry_id: str) -> Any:
    return None, Sighting()


BUGS = (
    bug(
        "compared-in-every-export",
        "An expense that was exported again is compared in its older exports too.",
        (Store, "exported_later", instead(_none_later)),
        (reconcile, "_compared", _in_every_export),
    ),
    bug(
        "books-not-looked-through",
        "Comparing takes every entry for missing, without a look into the books.",
        (reconcile, "_sighting", instead(_as_remembered)),
    ),
)
