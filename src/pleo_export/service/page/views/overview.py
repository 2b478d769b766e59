"""The companies that a visitor may see, and how each stands."""

from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple

from fastapi import Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse

from pleo_export.domain.progress import Company
from pleo_export.engine import CompanyRuns
from pleo_export.engine.errors import EngineError
from pleo_export.service.page.access.guard import SignedIn, Visitor
from pleo_export.service.page.access.roles import Role
from pleo_export.service.page.parts import PageParts, Parts
from pleo_export.service.page.views.pages import Number, Paging, page_or_part, window
from pleo_export.service.page.words import State, company_state, job_state
from pleo_export.store.tables import EVERY_COMPANY

COMPANIES_A_PAGE = 50
NO_RUNS = CompanyRuns(None, None, None, 0)


async def show(
    request: Request,
    parts: Parts,
    visitor: SignedIn,
    page: Number = 1,
    search: Annotated[str, Query(max_length=200)] = "",
) -> HTMLResponse:
    """Show the companies, those in trouble first."""
    among = None if EVERY_COMPANY in visitor.roles else list(visitor.roles)
    found = await parts.store.views.companies(among, search.strip(), window(page, COMPANIES_A_PAGE))
    standing = await standing_of(parts, [line.company for line in found.rows])
    return page_or_part(
        request,
        "overview",
        now=_summary(standing.states, found.total),
        lines=found.rows,
        states=standing.states,
        job_state=job_state,
        operated=operated(visitor, [*standing.states]),
        engine_away=standing.engine_away,
        search=search,
        paging=Paging(page, COMPANIES_A_PAGE, found.total),
    )


class Standing(NamedTuple):
    """How each company stands, and what the engine does for it; where that cannot be asked, why."""

    states: Mapping[str, State]
    runs: Mapping[str, CompanyRuns]
    engine_away: str | None


async def standing_of(parts: PageParts, companies: Sequence[Company]) -> Standing:
    """Return how companies stand, by their ids."""
    ids, engine_away = [one.company_id for one in companies], None
    runs = dict.fromkeys(ids, NO_RUNS)
    try:
        runs |= await run_in_threadpool(parts.engine.runs_of_each, ids)
    except EngineError as error:
        engine_away = str(error)
    differing, now = await parts.store.views.differing(ids), parts.now()
    states = {
        one.company_id: company_state(one, runs[one.company_id], now, differing.get(one.company_id))
        for one in companies
    }
    return Standing(states, runs, engine_away)


def operated(visitor: Visitor, ids: Sequence[str]) -> frozenset[str]:
    """Return for which of the companies the visitor may press buttons."""
    return frozenset(company_id for company_id in ids if visitor.may(Role.OPERATOR, company_id))


def _summary(states: Mapping[str, State], total: int) -> str:
    troubled = sum(state.tone == "bad" for state in states.values())
    working = sum(state.word == "working" for state in states.values())
    companies = f"{total} compan{'y' if total == 1 else 'ies'}"
    return f"{companies}. On this page {working} at work, {troubled} in need of attention."
