"""`pleo-export settings`: help with the settings file."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from pleo_export.cli.common import (
    SETTINGS_DEFAULT,
    ExitCode,
    JsonOption,
    SettingsOption,
    complete,
    err,
    explained,
    fail,
    print_json,
)
from pleo_export.cli.preview import check_job_id, no_such_job
from pleo_export.compose import credential_for, reading
from pleo_export.config import Settings, load_settings
from pleo_export.domain import suggest as suggesting
from pleo_export.domain.item import ExportItem
from pleo_export.domain.job import JobStatus
from pleo_export.domain.seen import Table
from pleo_export.domain.suggest import Suggestion, Suggestions
from pleo_export.pleo.auth import Credential
from pleo_export.pleo.errors import ExportNotFoundError
from pleo_export.toml_text import toml_comment, toml_line
from pleo_export.workflow.fetch import read_expenses
from pleo_export.workflow.ports import Sources
from pleo_export.workflow.problems import require_well

app = typer.Typer(help="Help with the settings file.", no_args_is_help=True)

JobOption = Annotated[str | None, typer.Option("--job", help="Look at this job only, not at all that wait.")]
WriteOption = Annotated[
    Path | None, typer.Option("--write", help="Write the proposals into a new file instead of showing them.")
]


@app.command()
def suggest(
    *,
    settings: SettingsOption = SETTINGS_DEFAULT,
    job: JobOption = None,
    write: WriteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Propose what Pleo's codes are in the accounting system, by code, then by name. Changes nothing.

    Looks at the expenses of the jobs that wait: categories, contra accounts, tax codes, vendors and tag groups. What the
    accounting system knows as it is needs no mapping and is only counted.
    """
    with explained():
        if job is not None:
            check_job_id(job)
        loaded = load_settings(settings)
        found = complete(_suggested(loaded, credential_for(loaded, settings), job))
        if write is not None:
            _write(_text(found), write)
    if as_json:
        print_json(found)
    elif write is None:
        typer.echo(_text(found), nl=False)


async def _suggested(settings: Settings, credential: Credential, job: str | None) -> Suggestions:
    async with reading(settings, credential) as sources:
        require_well(await sources.connector.check())
        expenses = await _expenses(sources, job)
        if not expenses:
            err().print("No expense waits in Pleo, so there is nothing to look at. Press Export there first.")
        return suggesting.suggest(expenses, sources.settings, await sources.connector.reference_data())


async def _expenses(sources: Sources, job: str | None) -> Sequence[ExportItem]:
    waiting = (JobStatus.PENDING, JobStatus.IN_PROGRESS)
    jobs = [job] if job else [one.id for one in await sources.pleo.list_jobs(sources.company_id, waiting)]
    expenses: list[ExportItem] = []
    for job_id in jobs:
        try:
            read = await read_expenses(sources.pleo, sources.company_id, job_id)
        except ExportNotFoundError:
            no_such_job(job_id)
        expenses += (one for one in read.values() if isinstance(one, ExportItem))
    return expenses


def _write(text: str, path: Path) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        fail(
            f"{path} is there already and stays as it is. Choose another name for the proposals.",
            ExitCode.WRONG_SETTINGS,
        )
    err().print(f"Written: {path}. Read each line, then put it into the settings file.", markup=False)


def _text(found: Suggestions) -> str:
    """Return the proposals as tables for the settings file."""
    known = ", ".join(f"{table.replace('_', ' ')} {number}" for table, number in found.known.items())
    lines = [
        "# Proposals of `pleo-export settings suggest`. Read each one: what only sounds alike need not be the same.",
        "# Put the tables at the end of the settings file; one that is there already gets the lines below its head.",
        f"# Known, and not listed here: {known}.",
    ]
    for table in Table:
        unknown = [one for one in found.unknown if one.table is table]
        if unknown:
            lines += ["", f"[mapping.{table}]", *(line for one in unknown for line in _lines(one))]
    return "\n".join([*lines, ""])


def _lines(one: Suggestion) -> Iterator[str]:
    fits = "" if one.target is None else f"{_named(one.target, one.target_name)} has "
    often = "once" if one.times == 1 else f"{one.times} times"
    yield toml_comment(f"{_named(one.key, one.name)}, seen {often}: {fits}{one.reason}.")
    target = one.target or ""
    line = toml_line(one.key, {"code": target} if one.table is Table.TAX_CODES else target)
    yield line if one.target is not None else f"# {line}"


def _named(code: str, name: str | None) -> str:
    return code if name in (None, code) else f"{code} {name}"
