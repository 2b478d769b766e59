"""`pleo-export recorded-by-hand`: a person's word that an expense stands in the books."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from pleo_export.cli.common import (
    SETTINGS_DEFAULT,
    ExitCode,
    SettingsOption,
    complete,
    confirmed,
    err,
    explained,
    fail,
    out,
)
from pleo_export.cli.hosted import CompanyOption, remembered
from pleo_export.cli.reconcile import person
from pleo_export.domain.by_hand import entry_given, told_in_the_audit, what_it_means
from pleo_export.domain.progress import Settled
from pleo_export.store import Store
from pleo_export.store.errors import ContradictionError, UnknownItemError
from pleo_export.store.settling import Settlement

JobArgument = Annotated[str, typer.Argument(help="The export job in which the expense failed, or was lost.")]
ExpenseArgument = Annotated[str, typer.Argument(help="The expense, as `status` or `reconcile` names it.")]
EntryArgument = Annotated[
    str, typer.Argument(help="The id of your entry, as the accounting system shows it.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask before it is marked.")]


def recorded_by_hand(  # noqa: PLR0913  each an argument or an option
    job: JobArgument,
    expense: ExpenseArgument,
    entry: EntryArgument,
    *,
    company: CompanyOption = None,
    yes: YesOption = False,
    settings: SettingsOption = SETTINGS_DEFAULT,
) -> None:
    """Mark an expense as recorded by hand: one that failed, or whose entry `reconcile` found to be missing.

    Nothing is recorded in the books, and Pleo is told when the expense is exported again. Once more with another entry
    corrects what was said before.
    """
    given = entry_given(entry)
    if given is None:
        fail(
            f"{entry!r} is no id of an entry. Give it as the accounting system shows it.",
            ExitCode.WRONG_SETTINGS,
        )
    settlement = Settlement(how=Settled.BY_HAND, by=person(), external_id=given)

    async def look(store: Store, company_id: str) -> None:
        item = await store.to_settle(company_id, job, expense, settlement.how)
        for sentence in what_it_means(item):
            err().print(sentence, markup=False)

    async def mark(store: Store, company_id: str) -> None:
        item = await store.settle(company_id, job, expense, settlement)
        detail = told_in_the_audit(item, f"entry {given}")
        await store.note_action(settlement.by, company_id, "recorded-by-hand", detail)

    with explained():
        complete(_with_memory(settings, company, look))
        if not yes and not confirmed(f"The entry's id is {given}. Is that right?"):
            fail("Nothing was marked.", ExitCode.SOMETHING_FAILED)
        complete(_with_memory(settings, company, mark))
    out().print(f"Expense {expense} counts as recorded, as {given}.", markup=False)


async def _with_memory(
    settings: Path, company: str | None, work: Callable[[Store, str], Awaitable[None]]
) -> None:
    """Do something with what is remembered of the company, or end the command with what keeps it from that."""
    async with remembered(settings, company) as found:
        if found is None:
            fail(
                "No job was exported yet. Expenses of the service are marked with --company.",
                ExitCode.WRONG_SETTINGS,
            )
        try:
            await work(*found)
        except UnknownItemError as error:
            where = "" if company is not None else "; those of the service with --company"
            fail(
                f"{error}. `pleo-export status` names the jobs and what failed in them{where}.",
                ExitCode.WRONG_SETTINGS,
            )
        except ContradictionError as error:
            fail(str(error), ExitCode.WRONG_SETTINGS)
