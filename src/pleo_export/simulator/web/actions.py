"""The buttons. Each does what an order to the control API does, and leads to the page that shows it."""

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import RedirectResponse, Response

from pleo_export.simulator import control, control_connections
from pleo_export.simulator.auth import TheWorld
from pleo_export.simulator.errors import InvalidBodyError
from pleo_export.simulator.generator import PAYABLE_COUNT
from pleo_export.simulator.orders import apply
from pleo_export.simulator.scalars import UuidText
from pleo_export.simulator.web.guard import own_site
from pleo_export.simulator.web.progress import deadline
from pleo_export.simulator.web.rendering import PageRoute
from pleo_export.simulator.web.switches import GROUPS, read

_PER_UNIT = {"minutes": 60, "hours": 3600, "days": 86_400}

Form = dict[str, list[str]]


async def filled_in(request: Request) -> Form:
    """Read the fields of the form that was sent; raises InvalidBodyError where it is not text."""
    try:
        return parse_qs((await request.body()).decode(), keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise InvalidBodyError("The form is not readable.") from error


Filled = Annotated[Form, Depends(filled_in)]
CompanyId = Annotated[UuidText, Path()]

router = APIRouter(route_class=PageRoute, include_in_schema=False, dependencies=[Depends(own_site)])


def _fields(form: Form) -> dict[str, str]:
    # A box that is not ticked sends nothing; the hidden field before it says no, and the last one counts.
    return {name: texts[-1] for name, texts in form.items()}


def _see(path: str) -> Response:
    return RedirectResponse(path, 303)


@router.post("/companies")
async def add_company(world: TheWorld, form: Filled) -> Response:
    await control.create_company(world, read(control.CompanyOrder, _fields(form)))
    return _see(f"/companies/{world.companies()[-1].id}")


@router.post("/companies/{company_id}/expenses")
async def generate(world: TheWorld, company_id: CompanyId, form: Filled) -> Response:
    fields = _fields(form)
    if fields.get("scenario") == "payable":
        fields["count"] = str(PAYABLE_COUNT)
    await control.generate_expenses(world, company_id, read(control.GenerateOrder, fields))
    return _see(f"/companies/{company_id}")


@router.post("/companies/{company_id}/export")
async def press_export(world: TheWorld, company_id: CompanyId, form: Filled) -> Response:
    """Export what is ticked or, with the other button, all that waits."""
    wanted = None if "all" in form else form.get("expense", [])
    order = control.ExportOrder.model_validate({"accountingEntryIds": wanted})
    await control.export(world, company_id, order)
    return _see(f"/companies/{company_id}/jobs/{world.company(company_id).jobs[-1].id}")


@router.post("/companies/{company_id}/settings")
async def change_company(world: TheWorld, company_id: CompanyId, form: Filled) -> Response:
    await control.change_company(world, company_id, read(control.CompanyChange, _fields(form)))
    return _see(f"/companies/{company_id}")


@router.post("/companies/{company_id}/disconnect")
async def disconnect(world: TheWorld, company_id: CompanyId) -> Response:
    await control_connections.disconnect(world, company_id)
    return _see(f"/companies/{company_id}")


@router.post("/companies/{company_id}/jobs/{job_id}/expire")
async def let_expire(world: TheWorld, company_id: CompanyId, job_id: Annotated[UuidText, Path()]) -> Response:
    """Move the clock to where the job expires, as nobody likes to wait an hour."""
    job = world.job(world.company(company_id), job_id)
    if job.unfinished:
        world.advance((deadline(job) - world.now()).total_seconds() + 1)
    return _see(f"/companies/{company_id}/jobs/{job_id}")


@router.post("/clock")
async def advance_clock(world: TheWorld, form: Filled) -> Response:
    fields = _fields(form)
    per_unit = _PER_UNIT.get(fields.get("unit", ""))
    if per_unit is None or not fields.get("number", "").isdecimal():
        raise InvalidBodyError("Say by how many minutes, hours or days the clock is to move forward.")
    seconds = str(int(fields["number"]) * per_unit)
    await control.advance_clock(world, read(control.Advance, {"advanceSeconds": seconds}))
    return _see("/switches")


@router.post("/switches/{name}")
async def change_switches(world: TheWorld, name: str, form: Filled) -> Response:
    group = next((group for group in GROUPS if group.name == name), None)
    if group is None:
        raise InvalidBodyError(f"There are no switches called {name}.")
    apply(read(group.order, _fields(form)), group.settings(world))
    return _see("/switches")
