"""One item: the expense beside its entry, and everything that became of it."""

from collections.abc import Sequence

import msgspec
from fastapi import Request
from fastapi.responses import HTMLResponse

from pleo_export.domain.entry import Entry, Posting
from pleo_export.domain.grouping import rejection_of
from pleo_export.domain.progress import ItemProgress, JobProgress, Phase, Settled
from pleo_export.domain.reconciling import ENTRY_LOST
from pleo_export.service.page.access.errors import NotHereError
from pleo_export.service.page.access.guard import Viewing
from pleo_export.service.page.access.roles import Role
from pleo_export.service.page.parts import Parts
from pleo_export.service.page.views.pages import page_or_part
from pleo_export.service.page.words import advice, cause_name, item_state
from pleo_export.store.errors import UnknownItemError


class Legs(msgspec.Struct, frozen=True):
    """Postings that sum to zero, and what they are for."""

    title: str
    postings: Sequence[Posting]


async def show(  # noqa: PLR0913, PLR0917  what the request consists of
    request: Request, parts: Parts, visitor: Viewing, company_id: str, job_id: str, entry_id: str
) -> HTMLResponse:
    """Show the item."""
    views = parts.store.views
    try:
        item = await views.item(company_id, job_id, entry_id)
    except UnknownItemError:
        raise NotHereError from None
    job = await views.job(company_id, job_id)
    explanation = await views.explanation(company_id, job_id, entry_id)
    rejection = rejection_of(item)
    differences = await parts.store.differences(company_id, job_id, entry_id)
    unsettled, by_hand = _unsettled(item, job), item.settled_how is Settled.BY_HAND
    operates = visitor.may(Role.OPERATOR, company_id)
    return page_or_part(
        request,
        "item",
        now=f"This expense: {item_state(item).word}{', but Pleo and the books differ' if differences else ''}.",
        company=await parts.store.company(company_id),
        item=item,
        job=job,
        state=item_state(item),
        cause=None if rejection is None else cause_name(rejection.cause),
        rejection=rejection,
        advice=None if rejection is None else advice(rejection),
        explanation=explanation,
        legs=[] if explanation is None or explanation.entry is None else legs(explanation.entry),
        attempts=await views.attempts(company_id, entry_id),
        item_state=item_state,
        looks_up=operates and unsettled and (item.unknown or item.phase is Phase.INTENDED),
        takes_by_hand=operates
        and (unsettled or by_hand or any(one.kind in ENTRY_LOST for one in differences)),
        by_hand=by_hand,
        differences=differences,
    )


def legs(entry: Entry) -> Sequence[Legs]:
    """Return the postings of an entry by what they are for."""
    all_legs = (
        Legs("Entry", entry.postings),
        Legs("Payment that settles it at once", entry.settlement),
        Legs("Settling against each other", entry.clearing),
    )
    return [one for one in all_legs if one.postings]


def _unsettled(item: ItemProgress, job: JobProgress) -> bool:
    """Whether a person may still say what became of the item."""
    return item.phase is Phase.REJECTED or (item.phase is Phase.INTENDED and not job.open)
