"""The pages to look at."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import PlainTextResponse, Response

from pleo_export.simulator.auth import TheWorld
from pleo_export.simulator.companies import Company, StoredFile
from pleo_export.simulator.errors import ApiError
from pleo_export.simulator.file_routes import load_file
from pleo_export.simulator.generator import DEMO_MIN, PAYABLE_COUNT
from pleo_export.simulator.receipts import MIME_TYPES
from pleo_export.simulator.scalars import UuidText
from pleo_export.simulator.vocabulary import ItemStatus
from pleo_export.simulator.web.pictures import thumbnail
from pleo_export.simulator.web.progress import seen_job
from pleo_export.simulator.web.rendering import HEADERS, PageRoute, moment, render, render_live
from pleo_export.simulator.web.shown import (
    Tab,
    counts,
    lines,
    named,
    seen_expense,
    seen_item,
    seen_money,
    sheet,
)
from pleo_export.simulator.web.switches import GROUPS, shown

_JOBS_SHOWN = 20
_PICTURE_HEADERS = {"Cache-Control": "private, max-age=60", "X-Content-Type-Options": "nosniff"}

router = APIRouter(route_class=PageRoute, include_in_schema=False)
of_company = APIRouter(prefix="/companies/{company_id}", route_class=PageRoute, include_in_schema=False)


async def company_of(world: TheWorld, company_id: Annotated[UuidText, Path()]) -> Company:
    return world.company(company_id)


TheCompany = Annotated[Company, Depends(company_of)]
EntryId = Annotated[UuidText, Path()]
Place = Annotated[int, Path(ge=0)]


class ExpensesWanted(BaseModel):
    tab: Tab = Tab.TO_EXPORT
    sheet: int = Field(default=1, ge=1)


class ItemsWanted(BaseModel):
    """None stands for items of every status."""

    status: ItemStatus | None = None
    sheet: int = Field(default=1, ge=1)


class NoReceiptError(ApiError):
    status = 404
    type = "RECEIPT_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("The expense has no such receipt.")


@dataclass(frozen=True, slots=True)
class SeenCompany:
    """A company in a list; `moving` is how many of its jobs are not over."""

    id: str
    name: str
    currency: str
    vendor_based: bool
    expenses: int
    to_export: int
    exported: int
    moving: int


def _seen_company(company: Company) -> SeenCompany:
    found = counts(company)
    return SeenCompany(
        id=company.id,
        name=company.name,
        currency=company.default_currency,
        vendor_based=company.vendor_based,
        expenses=found[Tab.ALL],
        to_export=found[Tab.TO_EXPORT],
        exported=found[Tab.EXPORTED],
        moving=sum(job.unfinished for job in company.jobs),
    )


@router.get("/")
async def see_companies(request: Request, world: TheWorld) -> Response:
    # Asked one by one, as jobs expire when someone looks.
    companies = [_seen_company(world.company(company.id)) for company in world.companies()]
    return render_live(request, "companies.html", companies=companies)


@router.get("/clock")
async def see_clock(world: TheWorld) -> Response:
    return PlainTextResponse(moment(world.now()), headers=HEADERS)


@of_company.get("")
async def see_company(
    request: Request,
    company: TheCompany,
    wanted: Annotated[ExpensesWanted, Query()],
) -> Response:
    found = [expense for expense in company.expenses.values() if wanted.tab.shows(expense)]
    return render_live(
        request,
        "company.html",
        company=_seen_company(company),
        credentials=(company.api_key, company.access_token),
        tab=wanted.tab,
        counts=counts(company),
        listed=sheet(found, wanted.sheet, seen_expense),
        jobs=[seen_job(job) for job in company.jobs[-_JOBS_SHOWN:][::-1]],
        sizes=(DEMO_MIN, PAYABLE_COUNT),
    )


@of_company.get("/jobs/{job_id}")
async def see_job(
    request: Request,
    world: TheWorld,
    company: TheCompany,
    job_id: Annotated[UuidText, Path()],
    wanted: Annotated[ItemsWanted, Query()],
) -> Response:
    job = world.job(company, job_id)
    found = [item for item in job.items.values() if wanted.status in {None, item.status}]
    return render_live(
        request,
        "job.html",
        company=_seen_company(company),
        job=seen_job(job),
        status=wanted.status,
        listed=sheet(found, wanted.sheet, seen_item),
    )


@of_company.get("/expenses/{entry_id}")
async def see_expense(request: Request, company: TheCompany, entry_id: EntryId) -> Response:
    expense = company.expense(entry_id)
    contra = company.contra_account_of(expense)
    return render_live(
        request,
        "expense.html",
        company=_seen_company(company),
        expense=seen_expense(expense),
        lines=lines(expense),
        abroad=seen_money(expense.payload["amount"]["inSupplierCurrency"]),
        contra=named(contra),
        user=(expense.payload.get("user") or {}).get("name"),
    )


def _receipt(company: Company, entry_id: str, place: int) -> StoredFile:
    files = company.expense(entry_id).files or ()
    if place >= len(files):
        raise NoReceiptError
    return files[place]


@of_company.get("/expenses/{entry_id}/receipts/{place}")
async def see_receipt(world: TheWorld, company: TheCompany, entry_id: EntryId, place: Place) -> Response:
    """Show what its link leads to, but without an entry in the log of calls."""
    path = world.files.path(_receipt(company, entry_id, place), world.now())
    _, _, token, name = path.split("/")
    answer = await load_file(world, token, name)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


@of_company.get("/expenses/{entry_id}/receipts/{place}/picture")
async def see_picture(company: TheCompany, entry_id: EntryId, place: Place) -> Response:
    receipt = _receipt(company, entry_id, place).receipt
    if receipt.kind not in MIME_TYPES:
        raise NoReceiptError
    return Response(thumbnail(receipt), media_type="image/jpeg", headers=_PICTURE_HEADERS)


@router.get("/switches")
async def see_switches(request: Request, world: TheWorld) -> Response:
    return render(request, "switches.html", groups=[(group, shown(group, world)) for group in GROUPS])
