"""The buttons: each asks first and says what will happen, is noted with who pressed it, and then done."""

import asyncio
from collections.abc import Sequence
from typing import Annotated
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from pleo_export.domain.by_hand import PLEO_STAYS, entry_given, told_in_the_audit, what_it_means
from pleo_export.domain.progress import Company, ItemProgress, Settled
from pleo_export.service.page.access.errors import NotHereError
from pleo_export.service.page.access.guard import Operating
from pleo_export.service.page.parts import FORM_BYTES_MAX, PageParts, Parts
from pleo_export.service.page.rendering import HEADERS, render
from pleo_export.service.page.settling import NotSettledError, look_up, record_by_hand
from pleo_export.service.reconciling import COMPARE
from pleo_export.store.errors import ContradictionError, UnknownItemError

NOT_FOUND = (
    "The accounting system surely holds no entry with the reference of this expense, so it was not recorded from here.",
    "Export it again in Pleo; or, if you have recorded it yourself, mark it as recorded by hand.",
)
NOT_MARKED = "This expense was not marked"

Confirmed = Annotated[str, Form(alias="confirmed")]
ExternalId = Annotated[str, Form()]

router = APIRouter(max_body_size=FORM_BYTES_MAX)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a person is asked, or told: without a `button` there is nothing to confirm.

    With `asks_entry` the id of an entry is asked for first; `entry` is the one that was given.
    """

    title: str
    sentences: Sequence[str]
    back: str
    back_to: str
    button: str | None = None
    danger: bool = False
    problem: str | None = None
    entry: str | None = None
    asks_entry: bool = False


def shown(request: Request, asked: Asked, status: int = 200) -> Response:
    """Return the page that asks."""
    return render(request, "confirm.html", status, **msgspec.structs.asdict(asked))


def gone_to(address: str) -> Response:
    """Send the browser on, after something was done."""
    return RedirectResponse(address, 303, headers=HEADERS)


def company_address(company_id: str) -> str:
    """Return where the company is shown."""
    return f"/companies/{quote(company_id, safe='')}"


def item_address(item: ItemProgress, company_id: str) -> str:
    """Return where the item is shown."""
    job, entry = (quote(one, safe="") for one in (item.job_id, item.accounting_entry_id))
    return f"{company_address(company_id)}/jobs/{job}/items/{entry}"


@router.post("/companies/{company_id}/check")
async def check(
    request: Request, parts: Parts, visitor: Operating, company_id: str, confirmed: Confirmed = ""
) -> Response:
    """Look for export jobs of the company now."""
    company = await parts.store.company(company_id)
    what = f"Pleo is asked now whether export jobs of {company.name} are waiting."
    then = "Those that are waiting are exported, as they would be some minutes later without you."
    asked = _about(company_id, company.name, "Check for export jobs?", what, then)
    if (question := _question(request, company, asked, "Check now", confirmed)) is not None:
        return question
    await asyncio.to_thread(parts.engine.fire, company_id, "button")
    await parts.store.note_action(visitor.name, company_id, "check")
    return gone_to(asked.back)


@router.post("/companies/{company_id}/compare")
async def compare(
    request: Request, parts: Parts, visitor: Operating, company_id: str, confirmed: Confirmed = ""
) -> Response:
    """Compare anew now what differed when it was compared last."""
    company = await parts.store.company(company_id)
    what = f"The exports of {company.name} in which something differs are compared again with Pleo and the books."
    then = "Nothing is recorded and nothing is told to Pleo by it. What is settled by then disappears here."
    asked = _about(company_id, company.name, "Compare Pleo and the books?", what, then)
    if (question := _question(request, company, asked, "Compare now", confirmed)) is not None:
        return question
    await parts.store.reconcile_again(company_id)
    await asyncio.to_thread(parts.engine.fire, company_id, COMPARE)
    await parts.store.note_action(visitor.name, company_id, "compare")
    return gone_to(asked.back)


@router.post("/companies/{company_id}/pause")
async def pause(
    request: Request, parts: Parts, visitor: Operating, company_id: str, confirmed: Confirmed = ""
) -> Response:
    """Begin nothing more for the company."""
    company = await parts.store.company(company_id)
    what = f"Nothing more is begun for {company.name}; a job that runs is finished."
    then = "Its further jobs wait in Pleo, and expire there after an hour, until you resume it."
    asked = _about(company_id, company.name, "Pause this company?", what, then)
    if not confirmed:
        return shown(request, msgspec.structs.replace(asked, button="Pause", danger=True))
    await parts.store.pause(company_id)
    await parts.store.note_action(visitor.name, company_id, "pause")
    return gone_to(asked.back)


@router.post("/companies/{company_id}/resume")
async def resume(
    request: Request, parts: Parts, visitor: Operating, company_id: str, confirmed: Confirmed = ""
) -> Response:
    """Work for a paused company again."""
    company = await parts.store.company(company_id)
    what = f"Export jobs of {company.name} are exported again, those first that are waiting in Pleo now."
    asked = _about(company_id, company.name, "Resume this company?", what)
    if not confirmed:
        return shown(request, msgspec.structs.replace(asked, button="Resume"))
    await parts.store.resume(company_id)
    await parts.store.note_action(visitor.name, company_id, "resume")
    await asyncio.to_thread(parts.engine.fire, company_id, "resumed")
    return gone_to(asked.back)


@router.post("/companies/{company_id}/jobs/{job_id}/items/{entry_id}/look-up")
async def look_up_item(  # noqa: PLR0913, PLR0917  what the request consists of
    request: Request,
    parts: Parts,
    visitor: Operating,
    company_id: str,
    job_id: str,
    entry_id: str,
    confirmed: Confirmed = "",
) -> Response:
    """Settle an unknown item by looking its entry up in the accounting system."""
    item = await _item(parts, company_id, job_id, entry_id)
    asked = Asked(
        title="Look this expense up?",
        sentences=(
            "The accounting system is asked whether an entry with this expense's reference stands there. Nothing is recorded.",
            "If there is one, the expense counts as recorded here.",
            PLEO_STAYS,
        ),
        back=item_address(item, company_id),
        back_to="Back to the expense",
    )
    if not confirmed:
        return shown(request, msgspec.structs.replace(asked, button="Look it up"))
    try:
        settled = await look_up(parts, company_id, item, visitor.name)
    except (NotSettledError, ContradictionError) as error:
        await _note_item(parts, visitor.name, company_id, item, "look-up", f"no outcome: {error}")
        refused = isinstance(error, ContradictionError)
        told = _told(asked, "The look-up came to no outcome", problem=str(error))
        return shown(request, told, 409 if refused else 503)
    if settled is None:
        await _note_item(parts, visitor.name, company_id, item, "look-up", "no entry")
        return shown(request, _told(asked, "No entry was found", *NOT_FOUND))
    await _note_item(parts, visitor.name, company_id, item, "look-up", f"entry {settled.external_id}")
    return gone_to(asked.back)


@router.post("/companies/{company_id}/jobs/{job_id}/items/{entry_id}/recorded-by-hand")
async def recorded_by_hand(  # noqa: PLR0913, PLR0917  what the request consists of
    request: Request,
    parts: Parts,
    visitor: Operating,
    company_id: str,
    job_id: str,
    entry_id: str,
    external_id: ExternalId = "",
    confirmed: Confirmed = "",
) -> Response:
    """Mark an item as recorded by hand: one that failed, or whose entry was lost."""
    item = await _item(parts, company_id, job_id, entry_id)
    given = entry_given(external_id)
    asked = Asked(
        title="Mark this expense as recorded by hand?",
        sentences=what_it_means(item),
        back=item_address(item, company_id),
        back_to="Back to the expense",
        entry=given or item.external_id,
    )
    try:
        await parts.store.to_settle(company_id, job_id, entry_id, Settled.BY_HAND)
        if given is not None and confirmed:
            await record_by_hand(parts, company_id, item, given, visitor.name)
    except ContradictionError as error:
        return shown(request, _told(asked, NOT_MARKED, problem=str(error)), 409)
    if given is None:
        problem = "This is no id of an entry." if external_id.strip() else None
        return shown(
            request,
            msgspec.structs.replace(asked, asks_entry=True, problem=problem, entry=item.external_id),
            400 if problem else 200,
        )
    if not confirmed:
        question = f"The entry's id is {given}. Is that right?"
        sentences = (*asked.sentences, question)
        return shown(
            request, msgspec.structs.replace(asked, sentences=sentences, button="Mark as recorded by hand")
        )
    await _note_item(parts, visitor.name, company_id, item, "recorded-by-hand", f"entry {given}")
    return gone_to(asked.back)


def _about(company_id: str, name: str | None, title: str, *sentences: str) -> Asked:
    return Asked(
        title=title,
        sentences=sentences,
        back=company_address(company_id),
        back_to=f"Back to {name or company_id}",
    )


def _question(
    request: Request, company: Company, asked: Asked, button: str, confirmed: str
) -> Response | None:
    """Return what comes before the engine is fired: the question, or that the company is paused; None once confirmed."""
    if company.paused_at is not None:
        paused = "The company is paused, so nothing is done for it. Resume it first."
        return shown(request, msgspec.structs.replace(asked, sentences=(), problem=paused), 409)
    return None if confirmed else shown(request, msgspec.structs.replace(asked, button=button))


def _told(asked: Asked, title: str, *sentences: str, problem: str | None = None) -> Asked:
    return Asked(title=title, sentences=sentences, back=asked.back, back_to=asked.back_to, problem=problem)


async def _item(parts: PageParts, company_id: str, job_id: str, entry_id: str) -> ItemProgress:
    """Return an item of the company. Raises NotHereError for all others."""
    try:
        return await parts.store.views.item(company_id, job_id, entry_id)
    except UnknownItemError:
        raise NotHereError from None


async def _note_item(  # noqa: PLR0913, PLR0917  one fact each
    parts: PageParts, who: str, company_id: str, item: ItemProgress, action: str, outcome: str
) -> None:
    await parts.store.note_action(who, company_id, action, told_in_the_audit(item, outcome))
