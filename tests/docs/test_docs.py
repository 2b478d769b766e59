"""The documentation keeps step with the program: nothing is missing, nothing is wrong, and the tutorial works."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
import typer
from pydantic import BaseModel

from pleo_export.accounting.ledger.chart import Chart
from pleo_export.cli import app
from pleo_export.cli.common import ExitCode
from pleo_export.cli.init import settings_text
from pleo_export.config import Settings, load_settings
from pleo_export.domain.failure_types import ItemFailureType
from pleo_export.domain.how_booked import HOW_BOOKED
from pleo_export.domain.reconciling import Difference
from pleo_export.simulator.hands import simulator_process
from tests.docs.pages import PAGES as PAGES_FROM_CODE
from tests.docs.pages.bookkeeping import bookkeeping_page
from tests.e2e.story import API_KEY, Story
from tests.odoo.server import OdooDatabase

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])


def read(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    missing = [
        target for target in targets if "://" not in target and not (page.parent / target).resolve().exists()
    ]
    assert missing == []


def test_every_command_has_its_heading() -> None:
    commands = set(typer.main.get_group(app).commands)
    assert set(re.findall(r"^## (\S+)$", read("reference/cli.md"), re.MULTILINE)) == commands


def commands_of(group: Any) -> Iterator[Any]:
    """The commands of a group, those of groups within it included."""
    for command in group.commands.values():
        yield from commands_of(command) if hasattr(command, "commands") else [command]


def test_every_option_of_a_command_is_mentioned() -> None:
    page = read("reference/cli.md")
    options = {
        option
        for command in commands_of(typer.main.get_group(app))
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--")
    }
    assert {"--save", "--plan", "--write"} <= options
    assert {option for option in options if option not in page} == set()


def test_every_exit_code_is_explained() -> None:
    page = read("reference/cli.md")
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)] == sorted(ExitCode)


def test_every_difference_is_explained() -> None:
    page = read("how-to/reconcile.md")
    assert re.findall(r"^### (\S+)$", page, re.MULTILINE) == list(Difference)
    assert [kind for kind in Difference if f"**What to do:** {kind.remedy}\n" not in page] == []


def settings_below(section: Any, place: str) -> Iterator[tuple[str, str]]:
    """Each setting below a section with its description; in a table of sections any key is CODE."""
    for key, option in section.model_fields.items():
        yield f"{place}.{key}", option.description or "no description"
        for kind in get_args(option.annotation):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from settings_below(kind, f"{place}.{key}.CODE")


def section_of(name: str) -> Any:
    """The model of a section of the settings, which may be one that need not be there."""
    kind = Settings.model_fields[name].annotation
    return next((one for one in get_args(kind) if one is not type(None)), kind)


def test_every_setting_stands_in_the_reference_with_its_meaning() -> None:
    page = read("reference/settings.md")
    for name in Settings.model_fields:
        assert f"## [{name}]" in page
        for dotted, description in settings_below(section_of(name), name):
            assert re.search(
                rf"^\| `{re.escape(dotted)}` \|.*\| {re.escape(description)} \|$", page, re.MULTILINE
            )


def test_every_table_of_settings_has_an_example_that_can_be_used(tmp_path: Path) -> None:
    page = read("reference/settings.md").split("## The chart file")[0]
    examples = re.findall(r"^### \[([\w.]+)\]$.*?```toml\n(.*?)```", page, re.MULTILINE | re.DOTALL)
    tables = {
        f"{name}.{key}"
        for name in Settings.model_fields
        for key, option in section_of(name).model_fields.items()
        if get_origin(option.annotation) is dict
    }
    assert {table for table, _ in examples} == tables
    path = tmp_path / "pleo-export.toml"
    text = settings_text({"pleo.company_id": "5f0c7f4e-1d54-4a6e-9a6b-0d8c1f3a2b10"})
    path.write_text(text + "".join(example for _, example in examples), encoding="utf-8")
    settings = load_settings(path)
    for table in tables:
        section, _, key = table.partition(".")
        assert getattr(getattr(settings, section), key)


def test_every_key_of_the_chart_stands_in_the_reference() -> None:
    page = read("reference/settings.md").split("## The chart file")[1]
    assert {key for key in Chart.model_fields if key not in page} == set()


@pytest.mark.parametrize("name", PAGES_FROM_CODE)
def test_a_generated_page_is_the_one_that_the_code_gives(name: str) -> None:
    assert read(f"reference/{name}") == PAGES_FROM_CODE[name](), "run `make reference`"


def test_every_type_and_every_turned_sub_type_is_sketched() -> None:
    headings = re.findall(r"^### `(\w+)`$", bookkeeping_page(), re.MULTILINE)
    assert sorted(headings) == sorted(HOW_BOOKED)
    for kind, how in HOW_BOOKED.items():
        for sub_type in how.reversed_by:
            assert f"\n{kind}, {sub_type}, 125.00 EUR" in bookkeeping_page()


def test_every_failure_type_it_names_exists() -> None:
    section = read("reference/bookkeeping.md").split("## What is refused")[1]
    named = set(re.findall(r"`(\w+)`", section))
    assert named <= {kind.value for kind in ItemFailureType}
    assert len(named) >= 9


def run_blocks(page: str, folder: Path, **environment: str) -> str:
    """Run the Python of a page, block after block, in one process; return what it prints."""
    blocks = re.findall(r"```python\n(.*?)```", read(page), re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(blocks)],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_python_of_the_simulators_page_works(tmp_path: Path) -> None:
    assert "40" in run_blocks("how-to/use-the-simulator.md", tmp_path).split()


@pytest.mark.slow
def test_the_python_of_the_librarys_page_works(tmp_path: Path) -> None:
    with simulator_process() as url:
        story = Story(tmp_path, url)
        job = story.press_export(story.expenses(3))
        printed = run_blocks("how-to/use-the-library.md", tmp_path, PLEO_EXPORT_API_KEY=API_KEY)
    assert "accountingEntryLines.account" in printed
    assert f"{job} completed 3" in printed


def run_commands(page: str, folder: Path, places: Mapping[str, str] | None = None) -> str:
    """Type the commands of a page, block after block, into one shell; return what they print.

    `places` are addresses of the page, and where the servers of the test are instead.
    """
    blocks = re.findall(r"```console\n(.*?)```", read(page), re.DOTALL)
    commands = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    assert len(commands) >= 3
    script = "\n".join(["set -eu", *commands])
    for place, there in (places or {}).items():
        script = script.replace(place, there)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=os.environ
        | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PLEO_EXPORT_API_KEY": API_KEY},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_plan_is_approved_and_recorded_as_its_page_says(tmp_path: Path) -> None:
    with simulator_process() as url:
        story = Story(tmp_path, url)
        story.press_export(story.expenses(3))
        printed = run_commands("how-to/approve-before-recording.md", tmp_path)
    assert "3 would be recorded, 0 would fail" in printed
    assert "3 recorded, 0 failed" in printed


@pytest.mark.slow
def test_codes_are_mapped_as_their_page_says(tmp_path: Path) -> None:
    with simulator_process() as url:
        story = Story(tmp_path, url)
        chart = tmp_path / "chart.toml"
        chart.write_text(
            chart.read_text(encoding="utf-8").replace('"COST_CENTRE"', '"Cost_Centre"'), encoding="utf-8"
        )
        story.press_export(story.expenses(3))
        printed = run_commands("how-to/map-codes.md", tmp_path)
    assert "All well" in printed
    (example,) = re.findall(r"```toml\n(.*?)```", read("how-to/map-codes.md"), re.DOTALL)
    assert tomllib.loads(example)["mapping"]["tax_codes"] == {"v 25": {"code": "V25"}}


@pytest.mark.slow
def test_the_tutorial_works_when_followed_to_the_letter(tmp_path: Path) -> None:
    blocks = re.findall(r"```console\n(.*?)```", read("tutorial/first-export.md"), re.DOTALL)
    commands = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    assert len(commands) > 8
    with simulator_process() as url:
        script = "\n".join(["set -eu", *commands]).replace("http://127.0.0.1:8400", url)
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert "All well" in done.stdout
    assert "8 would be recorded, 0 would fail" in done.stdout
    assert "completed. 8 recorded, 0 failed." in done.stdout
    assert "Nothing to do" in done.stdout


@pytest.mark.slow
def test_the_first_export_into_odoo_works_as_its_page_says(tmp_path: Path, odoo: OdooDatabase) -> None:
    # What the page has a person do in the browser: the account, and the key in a file.
    wallet = {"code": "6485", "name": "Pleo", "account_type": "asset_current"}
    odoo.call("account.account", "create", vals_list=[wallet])
    (tmp_path / "odoo-api-key.txt").write_text(odoo.key, encoding="ascii")
    with simulator_process() as url:
        places = {"http://127.0.0.1:8400": url, "http://127.0.0.1:8069": odoo.url}
        printed = run_commands("how-to/odoo.md", tmp_path, places)
    assert "company Acme ApS (number 1), books in DKK" in printed
    assert "All well" in printed
    assert "6 would be recorded, 0 would fail" in printed
    assert "completed. 6 recorded, 0 failed." in printed
    assert odoo.call("account.move", "search_count", domain=[["state", "=", "draft"]]) >= 6
    (balance,) = odoo.call(
        "account.move.line",
        "formatted_read_group",
        domain=[["account_id.code", "=", "6485"]],
        aggregates=["balance:sum"],
    )
    assert balance["balance:sum"] < 0
