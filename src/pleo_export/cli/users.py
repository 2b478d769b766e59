"""`pleo-export users`: who may see the page of the service, and press its buttons."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.table import Table
from rich.text import Text

from pleo_export.cli.common import ExitCode, JsonOption, complete, explained, fail, out, print_json
from pleo_export.cli.hosted import opened, service_settings
from pleo_export.clock import SystemClock
from pleo_export.service.page.access.errors import WeakPasswordError
from pleo_export.service.page.access.roles import Role
from pleo_export.service.standing import moment
from pleo_export.store.errors import ContradictionError
from pleo_export.store.people import User, called
from pleo_export.store.tables import EVERY_COMPANY

if TYPE_CHECKING:
    from pleo_export.service.page.access.people import Desk

T = TypeVar("T")

app = typer.Typer(help="Who may see the page, and press its buttons.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="The user's e-mail address, or the name that was chosen.")]
RoleArgument = Annotated[Role, typer.Argument(help="What the user may do.")]
RoleOption = Annotated[Role, typer.Option("--role", help="What the user may do.")]
CompaniesOption = Annotated[
    list[str] | None,
    typer.Option("--company", help="Only in this company; may be repeated. Without it: in every company."),
]


@app.command()
def add(name: NameArgument, *, role: RoleOption, company: CompaniesOption = None) -> None:
    """Add a user, and print a link, good for a day and one use, by which the user chooses a password."""
    _show_link(_done(lambda desk: desk.add(name, role, company or [EVERY_COMPANY])))


@app.command("list")
def list_users(*, as_json: JsonOption = False) -> None:
    """Show every user with what each may do."""
    found = _done(lambda desk: desk.store.people.all())
    if as_json:
        print_json(found)
    else:
        out().print(
            _table(found) if found else "No user was added yet: pleo-export users add NAME --role ROLE"
        )


@app.command()
def grant(name: NameArgument, role: RoleArgument, *, company: CompaniesOption = None) -> None:
    """Give a user a role, in the place of the one before."""

    async def granted(desk: "Desk") -> None:
        for company_id in company or [EVERY_COMPANY]:
            await desk.grant(_kept(name), role, company_id)
            out().print(f"{name} is {role} of {called(company_id)}.", markup=False)

    _done(granted)


@app.command()
def revoke(name: NameArgument, *, company: CompaniesOption = None) -> None:
    """Take a user's role in a company away or, without --company, the one for every company."""

    async def revoked(desk: "Desk") -> None:
        for company_id in company or [EVERY_COMPANY]:
            await desk.revoke(_kept(name), company_id)
            out().print(f"{name} has no role of {called(company_id)} any more.", markup=False)

    _done(revoked)


@app.command()
def disable(name: NameArgument) -> None:
    """Let a user sign in no more, and end what is open."""
    _done(lambda desk: desk.disable(_kept(name)))
    out().print(f"{name} is disabled, and signed out everywhere.", markup=False)


@app.command()
def enable(name: NameArgument) -> None:
    """Let a disabled user sign in again."""
    _done(lambda desk: desk.enable(_kept(name)))
    out().print(f"{name} may sign in again.", markup=False)


@app.command()
def link(name: NameArgument) -> None:
    """Print a new link by which a user chooses a password, for one who has lost it. Earlier links end."""
    _show_link(_done(lambda desk: desk.link(_kept(name))))


@app.command()
def reset_second_factor(name: NameArgument) -> None:
    """Forget the second factor of a user who has lost it, and end what is open. Make sure first that it is that person who asks."""
    _done(lambda desk: desk.reset_second_factor(_kept(name)))
    out().print(f"{name} signs in with the password alone, and sets up another one.", markup=False)


@app.command()
def forget_provider(name: NameArgument) -> None:
    """Forget which account of the organisation (OpenID Connect) a user has, for one who has another, and end what is open."""
    _done(lambda desk: desk.forget_provider(_kept(name)))
    out().print(
        f"{name} is signed out everywhere, and known by the account that signs in next with this address.",
        markup=False,
    )


def _done(work: "Callable[[Desk], Awaitable[T]]") -> T:
    from pleo_export.service.page.access.people import Desk  # noqa: PLC0415 with it come passwords

    async def at_the_desk() -> T:
        service = service_settings()
        async with opened(service) as (store, _, _):
            now = SystemClock().now
            return await work(Desk(store=store, settings=service, now=now, who="the command line"))

    with explained():
        try:
            return complete(at_the_desk())
        except (WeakPasswordError, ContradictionError) as error:
            fail(str(error), ExitCode.WRONG_SETTINGS)


def _kept(name: str) -> str:
    return name.strip().lower()


def _show_link(made: str) -> None:
    out().print("Good for one day and one use:")
    out().print(made, markup=False, soft_wrap=True)


def _table(found: Sequence[User]) -> Table:
    table = Table("Name", "May be", "Signs in with", "Since", box=None, header_style="bold")
    for user in found:
        roles = Text(", ".join(user.told_roles()))
        table.add_row(Text(user.name), roles, _way_in(user), moment(user.created_at))
    return table


def _way_in(user: User) -> str:
    if user.disabled_at is not None:
        return f"nothing, disabled {moment(user.disabled_at)}"
    ways = {
        f"password{' and code' if user.has_factor else ''}": user.has_password,
        "organisation": user.issuer is not None,
    }
    return ", ".join(way for way, is_there in ways.items() if is_there) or "nothing yet"
