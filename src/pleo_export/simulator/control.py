"""The hands of a test: companies, expenses, the Export button, the clock and the log. No credentials."""

from collections import Counter
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Query
from pydantic import Field, StrictBool, ValidationError
from starlette.responses import Response

from pleo_export.simulator.answers import problems, reply
from pleo_export.simulator.auth import TheWorld
from pleo_export.simulator.companies import Company
from pleo_export.simulator.errors import (
    CompanyExistsError,
    CompanyNotFoundError,
    ExpenseExistsError,
    ExpenseLockedError,
    ExpenseNotFoundError,
    InvalidBodyError,
    InvalidParameterError,
    UnreadableBodyError,
)
from pleo_export.simulator.export_item import Expense
from pleo_export.simulator.generator import Scenario, WrongCountError, generate
from pleo_export.simulator.messages import JobData
from pleo_export.simulator.orders import Order, apply
from pleo_export.simulator.scalars import CurrencyCode, Shape, UuidText, timestamp
from pleo_export.simulator.vocabulary import ExpiredStyle, JsonObject, Trouble
from pleo_export.simulator.webhooks import job_created
from pleo_export.simulator.world import NewCompany

_BODY_PROBLEMS = (InvalidBodyError, UnreadableBodyError, InvalidParameterError)
_GENERATE_MAX = 100_000
_LATENCY_MAX_SECONDS = 600
_ADVANCE_MAX_SECONDS = 366 * 24 * 3600

router = APIRouter(prefix="/control", tags=["Control"], responses=problems(*_BODY_PROBLEMS))

CompanyId = Annotated[UuidText, Path()]
EntryId = Annotated[UuidText, Path()]


class ContraAccount(Order):
    code: str
    name: str


class CompanyOrder(Order):
    id: UuidText | None = None
    name: str
    default_currency: CurrencyCode = "EUR"
    vendor_based_bookkeeping: StrictBool = False
    contra_accounts: dict[CurrencyCode, ContraAccount] | None = Field(
        default=None,
        description="By currency; left out: 1910 to 1917 for EUR, DKK, SEK, GBP, USD, NOK, JPY, KWD.",
    )
    api_key: str | None = Field(default=None, min_length=1, pattern="^[!-9;-~]+$")
    access_token: str | None = Field(default=None, min_length=1, pattern="^[!-~]+$")


class CompanyCreated(Shape):
    id: UuidText
    api_key: str
    access_token: str


class CompanyChange(Order):
    vendor_based_bookkeeping: StrictBool | None = None
    contra_accounts: dict[CurrencyCode, ContraAccount] | None = None


class GenerateOrder(Order):
    seed: int = 0
    count: int = Field(ge=1, le=_GENERATE_MAX)
    scenario: Scenario = "plain"
    receipts: Literal[0, 1] = Field(default=1, description="Receipts an expense, in scenario plain.")


class ExportOrder(Order):
    accounting_entry_ids: list[UuidText] | None = Field(
        default=None, description="Left out: all unexported ones."
    )


class Ids(Shape):
    ids: list[UuidText]


class Advance(Order):
    advance_seconds: float = Field(ge=0, le=_ADVANCE_MAX_SECONDS, allow_inf_nan=False)


class Now(Shape):
    now: str


class SettingsChange(Order):
    """Limits in records, `expiresIn` in seconds and for jobs created from now on."""

    default_limit: int | None = Field(default=None, ge=1)
    max_limit: int | None = Field(default=None, ge=1)
    expires_in: int | None = Field(default=None, ge=1, le=_ADVANCE_MAX_SECONDS)
    expired_style: ExpiredStyle | None = None
    refuse_unfinished: StrictBool | None = None
    item_updates_refresh: StrictBool | None = Field(
        default=None,
        description="Whether an item update refreshes `lastUpdatedAt`, and so puts the expiry off.",
    )
    final_items_stay: StrictBool | None = Field(
        default=None,
        description="Whether the final status of an item refuses every other one; else the last one counts.",
    )
    calls_per_minute: int | None = Field(
        default=None, ge=0, description="For each credential; 0 sets no limit."
    )


class TroubleSettingsChange(Order):
    """What is to go wrong with calls: with the next ones, then by lot with a share of all (0 to 1)."""

    kind: Trouble | None = None
    calls: str | None = Field(
        default=None, min_length=1, description="Method and path, with * for anything: `PUT /v3/*/items`."
    )
    next_calls: int | None = Field(default=None, ge=0)
    share: float | None = Field(default=None, ge=0, le=1)
    seed: int | None = Field(default=None, description="The same seed strikes the same calls.")
    latency_seconds: float | None = Field(default=None, ge=0, le=_LATENCY_MAX_SECONDS)
    retry_after: str | None = Field(
        default=None, pattern="^[ -~]*$", description="What 429 asks for; empty: nothing."
    )


@router.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@router.post(
    "/companies", status_code=201, response_model=CompanyCreated, responses=problems(CompanyExistsError)
)
async def create_company(world: TheWorld, order: CompanyOrder) -> Response:
    contra = order.contra_accounts
    company = world.add_company(
        NewCompany(
            id=order.id,
            name=order.name,
            default_currency=order.default_currency,
            vendor_based=order.vendor_based_bookkeeping,
            contra_accounts=None if contra is None else _plain(contra),
            api_key=order.api_key,
            access_token=order.access_token,
        )
    )
    return reply({"id": company.id, "apiKey": company.api_key, "accessToken": company.access_token}, 201)


def _plain(contra_accounts: dict[str, ContraAccount]) -> dict[str, JsonObject]:
    return {currency: account.model_dump() for currency, account in contra_accounts.items()}


@router.get("/companies/{company_id}", responses=problems(CompanyNotFoundError))
async def see_company(world: TheWorld, company_id: CompanyId) -> Response:
    """Return what the web app shows."""
    return _seen(world.company(company_id))


@router.get("/companies/{company_id}/items", responses=problems(CompanyNotFoundError))
async def see_items(world: TheWorld, company_id: CompanyId) -> Response:
    """Return how every item of every job of the company stands, oldest job first."""
    jobs = world.company(company_id).jobs
    return reply([item.as_json() for job in jobs for item in job.items.values()])


def _seen(company: Company) -> Response:
    return reply(
        {
            "id": company.id,
            "name": company.name,
            "defaultCurrency": company.default_currency,
            "vendorBasedBookkeeping": company.vendor_based,
            "contraAccounts": company.contra_accounts,
            "walletMovements": company.wallet_movements(),
            "spend": company.spend(),
            "expenses": [expense.as_seen_in_the_web_app() for expense in company.expenses.values()],
            "jobs": [
                job.as_json() | {"itemCounts": Counter(item.status for item in job.items.values())}
                for job in company.jobs
            ],
        }
    )


@router.patch("/companies/{company_id}", responses=problems(CompanyNotFoundError))
async def change_company(world: TheWorld, company_id: CompanyId, change: CompanyChange) -> Response:
    """Replace the contra accounts as a whole, or switch vendor-based bookkeeping for later exports."""
    company = world.company(company_id)
    if change.contra_accounts is not None:
        company.contra_accounts = _plain(change.contra_accounts)
    if change.vendor_based_bookkeeping is not None:
        company.vendor_based = change.vendor_based_bookkeeping
    return _seen(company)


@router.post(
    "/companies/{company_id}/expenses",
    status_code=201,
    response_model=Ids,
    responses=problems(CompanyNotFoundError, ExpenseExistsError),
)
async def add_expenses(world: TheWorld, company_id: CompanyId, expenses: list[Expense]) -> Response:
    """Put complete export items into the company, `files` being a list of `{"kind": ...}`."""
    payloads = [expense.model_dump(by_alias=True, exclude_unset=True) for expense in expenses]
    return reply({"ids": world.add_expenses(world.company(company_id), payloads)}, 201)


@router.post(
    "/companies/{company_id}/expenses:generate",
    status_code=201,
    response_model=Ids,
    responses=problems(CompanyNotFoundError, ExpenseExistsError),
)
async def generate_expenses(world: TheWorld, company_id: CompanyId, order: GenerateOrder) -> Response:
    """Made-up expenses, the same ones for the same seed; a seed can be used once in a company."""
    company = world.company(company_id)
    try:
        generated = generate(
            order.seed, order.count, order.scenario, company_id=company.id, receipts=order.receipts
        )
    except WrongCountError as error:
        raise InvalidBodyError(f"count: {error}.") from error
    return reply({"ids": world.add_expenses(company, [expense.payload for expense in generated])}, 201)


@router.put(
    "/companies/{company_id}/expenses/{entry_id}",
    response_model=Ids,
    responses=problems(CompanyNotFoundError, ExpenseNotFoundError, ExpenseLockedError),
)
async def correct_expense(
    world: TheWorld, company_id: CompanyId, entry_id: EntryId, fields: Annotated[dict[str, Any], Body()]
) -> Response:
    """Replace the given top-level fields of the expense; the others stay."""
    expense = world.company(company_id).expense(entry_id)
    identity = {"accountingEntryId": entry_id, "companyId": company_id}
    try:
        corrected = Expense.model_validate(expense.payload | fields | identity)
    except ValidationError as error:
        raise InvalidBodyError(f"The corrected expense is not valid: {error.errors()[0]['msg']}.") from error
    world.write_expense(expense, corrected.model_dump(by_alias=True, exclude_unset=True))
    return reply({"ids": [entry_id]})


@router.post(
    "/companies/{company_id}/export",
    status_code=201,
    response_model=JobData,
    responses=problems(CompanyNotFoundError, ExpenseNotFoundError, ExpenseLockedError),
)
async def export(world: TheWorld, company_id: CompanyId, order: ExportOrder | None = None) -> Response:
    """Press Export, as a user does: a pending job, behind those that wait already."""
    company = world.company(company_id)
    wanted = order.accounting_entry_ids if order else None
    if wanted is None:
        wanted = [e.entry_id for e in company.expenses.values() if e.export_status == "unexported"]
    job = world.export(company, wanted, vendor_based=company.vendor_based)
    world.post.announce(job_created(world.new_id(), job))
    return reply({"data": job.as_json()}, 201)


@router.get("/clock", response_model=Now)
async def read_clock(world: TheWorld) -> Response:
    return reply({"now": timestamp(world.now())})


@router.post("/clock", response_model=Now)
async def advance_clock(world: TheWorld, order: Advance) -> Response:
    return reply({"now": timestamp(world.advance(order.advance_seconds))})


@router.get("/audit")
async def read_audit(world: TheWorld, since: Annotated[int, Query(ge=0)] = 0) -> list[JsonObject]:
    """Every call to the public API and to receipts with a higher sequence number than `since`."""
    return [entry.as_json() for entry in world.audit.since(since)]


@router.patch("/settings", response_model=SettingsChange)
async def change_settings(world: TheWorld, change: SettingsChange) -> Response:
    return apply(change, world.settings)


@router.patch("/trouble/settings", response_model=TroubleSettingsChange)
async def change_trouble_settings(world: TheWorld, change: TroubleSettingsChange) -> Response:
    return apply(change, world.troubles.settings)
