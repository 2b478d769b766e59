"""The page where users are named, for an administrator of every company."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from pleo_export.service.page.access.errors import AccessError, WeakPasswordError
from pleo_export.service.page.access.guard import Owning
from pleo_export.service.page.access.people import Desk
from pleo_export.service.page.access.refusing import refusing
from pleo_export.service.page.access.roles import Role
from pleo_export.service.page.parts import FORM_BYTES_MAX, PageParts, Parts
from pleo_export.service.page.rendering import HEADERS, render
from pleo_export.store.errors import ContradictionError
from pleo_export.store.tables import EVERY_COMPANY

USERS = "/users"
# No database takes a NUL.
Name = Annotated[str, Form(pattern=r"^[^\x00]*$")]
Company = Annotated[str, Form(pattern=r"^[^\x00]*$")]
ItsRole = Annotated[Role, Form()]


class OwnUserError(AccessError):
    """Administrators may not lock themselves out."""

    status = 422

    def __init__(self) -> None:
        super().__init__("This is you. Let another administrator of every company do it.")


async def _refused(request: Request, refusal: Exception) -> Response:
    return await _shown(request, request.app.state.page, refusal=str(refusal))


router = APIRouter(
    prefix=USERS,
    max_body_size=FORM_BYTES_MAX,
    route_class=refusing(_refused, WeakPasswordError, OwnUserError, ContradictionError),
)


def _desk(parts: Parts, visitor: Owning) -> Desk:
    return Desk(store=parts.store, settings=parts.settings, now=parts.now, who=visitor.name)


Users = Annotated[Desk, Depends(_desk)]


@router.get("")
async def users(request: Request, parts: Parts, _: Owning) -> Response:
    """Show everybody, and what each may do."""
    return await _shown(request, parts)


@router.post("/add")
async def add(  # noqa: PLR0913, PLR0917 the fields of the form
    request: Request, parts: Parts, desk: Users, name: Name, role: ItsRole, company: Company
) -> Response:
    """Add a user, and show the welcome link this once."""
    return await _shown(request, parts, link=await desk.add(name, role, [company]))


@router.post("/link")
async def link(request: Request, parts: Parts, desk: Users, name: Name) -> Response:
    """Make a new welcome link, and show it this once."""
    return await _shown(request, parts, link=await desk.link(name))


@router.post("/grant")
async def grant(desk: Users, name: Name, role: ItsRole, company: Company) -> Response:
    """Give a user a role in a company, in the place of the one before."""
    _require_another(desk, name)
    await desk.grant(name, role, company)
    return _back()


@router.post("/revoke")
async def revoke(desk: Users, name: Name, company: Company) -> Response:
    """Take a role away."""
    _require_another(desk, name)
    await desk.revoke(name, company)
    return _back()


@router.post("/disable")
async def disable(desk: Users, name: Name) -> Response:
    """Let a user sign in no more."""
    _require_another(desk, name)
    await desk.disable(name)
    return _back()


@router.post("/enable")
async def enable(desk: Users, name: Name) -> Response:
    """Let a disabled user sign in again."""
    await desk.enable(name)
    return _back()


@router.post("/forget-provider")
async def forget_provider(desk: Users, name: Name) -> Response:
    """Let a user come with another account of the organisation."""
    _require_another(desk, name)
    await desk.forget_provider(name)
    return _back()


def _require_another(desk: Desk, name: str) -> None:
    if name == desk.who:
        raise OwnUserError


def _back() -> Response:
    return RedirectResponse(USERS, 303, headers=HEADERS)


async def _shown(
    request: Request, parts: PageParts, *, refusal: str | None = None, link: str | None = None
) -> Response:
    companies = {one.company_id: one.name for one in await parts.store.companies() if one.in_service}
    return render(
        request,
        "users.html",
        422 if refusal else 200,
        users=await parts.store.people.all(),
        companies=companies,
        roles=list(Role),
        every=EVERY_COMPANY,
        refusal=refusal,
        link=link,
    )
