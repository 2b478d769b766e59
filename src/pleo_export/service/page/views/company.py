"""One company: how it stands, its last thirty days, and its jobs."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

from fastapi import Request
from fastapi.responses import HTMLResponse

from pleo_export.service.kinds import OAUTH
from pleo_export.service.page.access.guard import Viewing
from pleo_export.service.page.access.roles import Role
from pleo_export.service.page.parts import Parts
from pleo_export.service.page.views.charts import Chart, amounts_charts, outcomes_chart
from pleo_export.service.page.views.differing import alike
from pleo_export.service.page.views.overview import standing_of
from pleo_export.service.page.views.pages import Number, Paging, is_part, page_or_part, window
from pleo_export.service.page.words import job_state
from pleo_export.store.views import Views

JOBS_A_PAGE = 25
DAYS_SHOWN = 30


async def show(
    request: Request, parts: Parts, visitor: Viewing, company_id: str, page: Number = 1
) -> HTMLResponse:
    """Show the company."""
    views, now = parts.store.views, parts.now()
    company = await parts.store.company(company_id)
    standing = await standing_of(parts, [company])
    state = standing.states[company_id]
    jobs = await views.jobs(company_id, window(page, JOBS_A_PAGE))
    charts = [] if is_part(request) else await _charts(views, company_id, now)
    return page_or_part(
        request,
        "company",
        now=f"{company.name}: {state.word}.",
        company=company,
        state=state,
        runs=standing.runs[company_id],
        engine_away=standing.engine_away,
        jobs=jobs.rows,
        job_state=job_state,
        differences=alike(await parts.store.differences(company_id)),
        paging=Paging(page, JOBS_A_PAGE, jobs.total),
        charts=charts,
        connected=OAUTH in await views.secrets_kept(company_id),
        can_connect=parts.settings.oauth_client_id is not None,
        operates=visitor.may(Role.OPERATOR, company_id),
        administers=visitor.may(Role.ADMINISTRATOR, company_id),
    )


async def _charts(views: Views, company_id: str, now: datetime) -> Sequence[Chart]:
    """Draw the last days, today with them: the outcomes, then what was recorded in each currency."""
    today = now.astimezone(UTC).date()
    days = [today - timedelta(days=ago) for ago in reversed(range(DAYS_SHOWN))]
    since = datetime.combine(days[0], time(), UTC)
    outcomes = outcomes_chart(days, await views.outcomes_by_day(company_id, since))
    return [outcomes, *amounts_charts(days, await views.amounts_by_day(company_id, since))]
