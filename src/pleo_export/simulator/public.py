"""The Export API v3."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request
from starlette.responses import Response

from pleo_export.simulator.answers import problems, reply, reply_page
from pleo_export.simulator.auth import SCHEMES, ItemReader, JobReader, JobWriter, TheWorld, require_own
from pleo_export.simulator.companies import Company, Expense
from pleo_export.simulator.errors import (
    UPDATES_MAX,
    AccessDeniedError,
    IllegalStatusChangeError,
    InvalidBodyError,
    InvalidParameterError,
    JobAlreadyInProgressError,
    JobFinishedError,
    JobItemNotFoundError,
    JobNotFoundError,
    MissingContraAccountsError,
    ScopeMissingError,
    TooManyCallsError,
    TooManyUpdatesError,
    UnauthenticatedError,
    UnreadableBodyError,
)
from pleo_export.simulator.jobs import Job, JobItem
from pleo_export.simulator.messages import (
    CreateJob,
    CreateJobEvent,
    ExportItemPage,
    JobData,
    JobItemData,
    JobItemPage,
    JobPage,
    SearchJobItems,
    UpdateJobItem,
    UpdateResult,
)
from pleo_export.simulator.paging import Collection
from pleo_export.simulator.parameters import JobId, OptionalId, Paging
from pleo_export.simulator.scalars import UuidText
from pleo_export.simulator.vocabulary import ItemStatus, JobStatus, JsonObject
from pleo_export.simulator.world import World

# A parameter that is wrong, a caller without a credential and one who calls too often can happen to every call.
router = APIRouter(
    prefix="/v3",
    dependencies=SCHEMES,
    responses=problems(UnauthenticatedError, ScopeMissingError, InvalidParameterError, TooManyCallsError),
)
_BODY_PROBLEMS = (InvalidParameterError, InvalidBodyError, UnreadableBodyError)

_JOB_KEYS: dict[str, Callable[[Job], object]] = {
    "id": lambda job: job.id,
    "status": lambda job: job.status,
    "createdAt": lambda job: job.created_at,
    "startedAt": lambda job: job.started_at,
    "lastUpdatedAt": lambda job: job.last_updated_at,
    "completedAt": lambda job: job.completed_at,
}
_ITEM_KEYS: dict[str, Callable[[JobItem], object]] = {
    "accountingEntryId": lambda item: item.entry_id,
    "status": lambda item: item.status,
    "exportedAt": lambda item: item.exported_at,
}
_EXPENSE_KEYS: dict[str, Callable[[JobItem], object]] = {
    "accountingEntryId": lambda item: item.entry_id,
    "date": lambda item: item.expense.payload["date"],
    "type": lambda item: item.expense.payload["type"],
}


def _with_status(status: ItemStatus | None) -> Callable[[JobItem], bool] | None:
    return None if status is None else lambda item: item.status is status


def _items_of(job: Job) -> Collection[JobItem]:
    return Collection(list(job.items.values()), lambda item: item.entry_id, _ITEM_KEYS)


@router.post(
    "/export-job-events",
    tags=["Export jobs"],
    status_code=202,
    response_class=Response,
    responses=problems(JobNotFoundError, IllegalStatusChangeError, *_BODY_PROBLEMS),
)
async def create_job_event(world: TheWorld, company: JobWriter, event: CreateJobEvent) -> Response:
    job = world.job(company, event.job_id)
    job.apply(event, world.now(), refuse_unfinished=world.settings.refuse_unfinished)
    return Response(status_code=202)


@router.get(
    "/export-jobs", tags=["Export jobs"], response_model=JobPage, responses=problems(AccessDeniedError)
)
async def list_jobs(
    world: TheWorld,
    company: JobReader,
    paging: Paging,
    company_id: OptionalId = None,
    statuses: Annotated[list[JobStatus] | None, Query()] = None,
) -> Response:
    """Jobs of the company, newest first: a client that wants the oldest has to sort."""
    require_own(company, company_id)
    jobs = Collection(company.jobs[::-1], lambda job: job.id, _JOB_KEYS)
    return reply_page(world, jobs, paging, Job.as_json, lambda job: not statuses or job.status in statuses)


@router.post(
    "/export-jobs",
    tags=["Export jobs"],
    status_code=201,
    response_model=JobData,
    responses=problems(
        AccessDeniedError, JobAlreadyInProgressError, MissingContraAccountsError, *_BODY_PROBLEMS
    ),
)
async def create_job(world: TheWorld, company: JobWriter, order: CreateJob) -> Response:
    require_own(company, order.company_id)
    if any(job.unfinished for job in company.jobs):
        raise JobAlreadyInProgressError
    wanted = order.accounting_entry_ids
    if unknown := [entry_id for entry_id in wanted if entry_id not in company.expenses]:
        raise InvalidBodyError(f"There is no accounting entry {unknown[0]}.")
    expenses = [company.expenses[entry_id] for entry_id in wanted]
    _require_contra_accounts(company, {e.wallet_currency for e in expenses if e.moves_wallet})
    job = world.export(
        company,
        wanted,
        vendor_based=bool(order.options and order.options.vendor_based_bookkeeping),
        created_by=order.employee_id,
        is_interactive=order.is_interactive is not False,
    )
    return reply({"data": job.as_json()}, 201)


def _require_contra_accounts(company: Company, currencies: set[str] | frozenset[str]) -> None:
    if missing := company.missing_contra_currencies(currencies):
        raise MissingContraAccountsError(missing)


@router.get(
    "/export-jobs/{job_id}",
    tags=["Export jobs"],
    response_model=JobData,
    responses=problems(JobNotFoundError),
)
async def read_job(world: TheWorld, company: JobReader, job_id: JobId) -> Response:
    return reply({"data": world.job(company, job_id).as_json()})


@router.get(
    "/export-jobs/{job_id}/items",
    tags=["Export job items"],
    response_model=JobItemPage,
    responses=problems(JobNotFoundError),
)
async def list_job_items(
    world: TheWorld, company: JobReader, paging: Paging, job_id: JobId, status: ItemStatus | None = None
) -> Response:
    items = _items_of(world.job(company, job_id))
    return reply_page(world, items, paging, JobItem.as_json, _with_status(status))


@router.put(
    "/export-jobs/{job_id}/items",
    tags=["Export job items"],
    response_model=UpdateResult,
    responses=problems(JobNotFoundError, TooManyUpdatesError, JobFinishedError, *_BODY_PROBLEMS),
)
async def update_job_items(
    world: TheWorld,
    company: JobWriter,
    job_id: JobId,
    # The limit is only told in the description: more elements answer 413, not 400.
    changes: Annotated[list[UpdateJobItem], Body(json_schema_extra={"maxItems": UPDATES_MAX})],
) -> Response:
    job = world.job(company, job_id)
    if len(changes) > UPDATES_MAX:
        raise TooManyUpdatesError
    settings = world.settings
    accepted, errors = job.update_items(
        changes, world.now(), refresh=settings.item_updates_refresh, final_stays=settings.final_items_stay
    )
    return reply({"data": [item.as_json() for item in accepted], "errors": errors})


@router.get(
    "/export-job-items",
    tags=["Export job items"],
    response_model=JobItemData,
    responses=problems(AccessDeniedError, JobItemNotFoundError),
)
async def read_job_item(
    company: JobReader, accounting_entry_id: UuidText, company_id: OptionalId = None
) -> Response:
    """Return the item of the expense in the last job that held it."""
    require_own(company, company_id)
    expense = company.expenses.get(accounting_entry_id)
    if expense is None or expense.attempt is None:
        raise JobItemNotFoundError
    return reply({"data": expense.attempt.as_json()})


@router.post(
    "/export-job-items:search",
    tags=["Export job items"],
    deprecated=True,
    response_model=JobItemPage,
    responses=problems(AccessDeniedError, *_BODY_PROBLEMS),
)
async def search_job_items(
    world: TheWorld, company: JobReader, paging: Paging, wanted: SearchJobItems, company_id: OptionalId = None
) -> Response:
    """Return the items of the expenses, each in the last job that held it."""
    require_own(company, company_id)
    expenses = (company.expenses.get(entry_id) for entry_id in dict.fromkeys(wanted.accounting_entry_ids))
    attempts = [expense.attempt for expense in expenses if expense and expense.attempt]
    items = Collection(attempts, lambda item: item.entry_id, _ITEM_KEYS)
    return reply_page(world, items, paging, JobItem.as_json, _with_status(wanted.status))


@router.get(
    "/export-items",
    tags=["Export items"],
    response_model=ExportItemPage,
    responses=problems(JobNotFoundError, JobFinishedError, InvalidParameterError, MissingContraAccountsError),
)
async def list_export_items(
    request: Request, world: TheWorld, company: ItemReader, paging: Paging, job_id: UuidText
) -> Response:
    """Every item of the job, finished ones included, with fresh links to its receipts."""
    job = world.job(company, job_id)
    if not job.unfinished:
        raise JobFinishedError
    _require_contra_accounts(company, job.contra_currencies)
    items = Collection(list(job.items.values()), lambda item: item.entry_id, _EXPENSE_KEYS)
    base_url = str(request.base_url).rstrip("/")
    return reply_page(
        world, items, paging, lambda item: _export_item(world, company, job, item.expense, base_url)
    )


def _export_item(world: World, company: Company, job: Job, expense: Expense, base_url: str) -> JsonObject:
    item = expense.payload | {
        "accountingEntryId": expense.entry_id,
        "companyId": company.id,
        "contraAccount": company.contra_account_of(expense),
        "files": None,
    }
    item["_links"] = item.get("_links") or {
        "web": {"exportItem": f"https://app.pleo.example/e/{expense.entry_id}"}
    }
    if expense.files is not None:
        now = world.now()
        item["files"] = [
            {
                "url": base_url + world.files.path(file, now),
                "type": file.receipt.media_type,
                "size": file.receipt.size,
            }
            for file in expense.files
        ]
    if not job.vendor_based:
        item |= {"vendor": None, "bookkeeping": None}
    return item
