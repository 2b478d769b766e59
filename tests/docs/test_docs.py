"""The documentation keeps step with the program: nothing is missing, nothing is wrong, and the tutorial works."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from pleo_export.accounting.ledger.chart import Chart
from pleo_export.cli import app
from pleo_export.cli.common import ExitCode
from pleo_export.config import Settings
from pleo_export.domain.failures import ItemFailureType
from pleo_export.domain.how_booked import HOW_BOOKED
from pleo_export.domain.item import ItemSubType
from pleo_export.simulator.hands import simulator_process
from tests.e2e.story import API_KEY, Story

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


def test_every_option_of_a_command_is_mentioned() -> None:
    page = read("reference/cli.md")
    group = typer.main.get_group(app)
    options = {
        option
        for command in group.commands.values()
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--")
    }
    assert {option for option in options if option not in page} == set()


def test_every_exit_code_is_explained() -> None:
    page = read("reference/cli.md")
    assert [int(code) for code in re.findall(r"^\| (\d) \|", page, re.MULTILINE)] == sorted(ExitCode)


def test_every_setting_stands_in_the_reference_with_its_meaning() -> None:
    page = read("reference/settings.md")
    for name, field in Settings.model_fields.items():
        assert f"## [{name}]" in page
        section = field.annotation
        assert section is not None
        for key, option in section.model_fields.items():
            assert f"`{name}.{key}`" in page
            assert (option.description or "no description") in page


def test_every_key_of_the_chart_stands_in_the_reference() -> None:
    page = read("reference/settings.md").split("## The chart file")[1]
    assert {key for key in Chart.model_fields if key not in page} == set()


def test_the_table_of_types_is_the_one_that_is_used() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| ([\w ]+) \| ([\w ]+) \| ([^|]*) \|", read("reference/bookkeeping.md"), re.MULTILINE
    )
    shown = {
        row[0]: (row[1], row[2], frozenset(re.findall(r"`(\w+)`", row[3])))
        for row in rows
        if row[0] in HOW_BOOKED
    }
    assert shown == {
        str(kind): (
            how.debit.value.replace("_", " "),
            how.credit.value.replace("_", " "),
            frozenset(str(sub_type) for sub_type in how.reversed_by),
        )
        for kind, how in HOW_BOOKED.items()
    }
    assert all(sub_type in ItemSubType for how in HOW_BOOKED.values() for sub_type in how.reversed_by)


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


def test_the_python_of_the_simulators_page_works(tmp_path: Path) -> None:
    assert run_blocks("how-to/use-the-simulator.md", tmp_path).split()[-1] == "40"


def test_the_python_of_the_librarys_page_works(tmp_path: Path) -> None:
    with simulator_process() as url:
        story = Story(tmp_path, url)
        job = story.press_export(story.expenses(3))
        printed = run_blocks("how-to/use-the-library.md", tmp_path, PLEO_EXPORT_API_KEY=API_KEY)
    assert "accountingEntryLines.account" in printed
    assert f"{job} completed 3" in printed


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
