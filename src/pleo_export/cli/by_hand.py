"""`pleo-export recorded-by-hand`: a person's word that an expense stands in the books."""

from pathlib import Path
from typing import Annotated

import typer

from pleo_export.cli.common import (
    SETTINGS_DEFAULT,
    ExitCode,
    SettingsOption,
    complete,
    err,
    explained,
    fail,
    out,
)
from pleo_export.cli.hosted import CompanyOption, remembered
from pleo_export.cli.reconcile import person
from pleo_export.domain.by_hand import entry_given, what_it_means
from pleo_export.domain.progress import Settled
from pleo_export.store.errors import ContradictionError
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

    Nothing is recorded in the books, and Pleo is told when the expense is exported again.
    """
    given = entry_given(entry)
    if given is None:
        fail(
            f"{entry!r} is no id of an entry. Give it as the accounting system shows it.",
            ExitCode.WRONG_SETTINGS,
        )
    with explained():
        marked = complete(_mark((job, expense), given, settings, company, yes=yes))
    if not marked:
        fail("Nothing was marked.", ExitCode.SOMETHING_FAILED)
    out().print(f"Expense {expense} counts as recorded, as {given}.", markup=False)


async def _mark(item: tuple[str, str], given: str, settings: Path, company: str | None, *, yes: bool) -> bool:
    """Mark the item (its job and its reference) once it was confirmed; return whether it was."""
    job_id, entry_id = item
    async with remembered(settings, company) as found:
        if found is None:
            fail("No job was exported yet.", ExitCode.WRONG_SETTINGS)
        store, company_id = found
        try:
            known = await store.views.item(company_id, job_id, entry_id)
            for sentence in what_it_means(known):
                err().print(sentence, markup=False)
            if not yes and not typer.confirm(f"The entry's id is {given}. Is that right?", err=True):
                return False
            who = person()
            await store.settle(
                company_id, job_id, entry_id, Settlement(how=Settled.BY_HAND, by=who, external_id=given)
            )
        except ContradictionError as error:
            fail(str(error), ExitCode.WRONG_SETTINGS)
        await store.note_action(
            who, company_id, "recorded-by-hand", f"expense {entry_id} of job {job_id}: entry {given}"
        )
    return True
