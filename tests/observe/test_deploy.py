"""The files in deploy/ and the pages about them name commands and settings that exist."""

import re
import shutil
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path

import pytest
import typer

from pleo_export.cli import app
from pleo_export.service.settings import ServiceSettings
from pleo_export.vault.keys import FILE_VARIABLE, VARIABLE

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy/systemd").iterdir())
QUADLET = ROOT / "deploy/quadlet/pleo-export.container"
COMMANDS = set(typer.main.get_group(app).commands)
FILES = [
    *UNITS,
    QUADLET,
    ROOT / "deploy/Containerfile",
    ROOT / "deploy/compose.yaml",
    ROOT / "docs/how-to/run-as-a-service.md",
    ROOT / "docs/how-to/scale-out.md",
]


def service(unit: Path, section: str = "Service") -> dict[str, str]:
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(unit)
    return dict(parser[section])


def test_there_is_a_unit_for_each_way_to_run_it() -> None:
    commands = {
        service(unit)["ExecStart"].removeprefix("/opt/pleo-export/bin/pleo-export ") for unit in UNITS
    }
    assert commands == {"serve", "web", "worker"}
    assert commands <= COMMANDS


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_ends_what_hangs_and_lets_finish_what_stops(unit: Path) -> None:
    options = service(unit)
    assert options["Type"] == "notify"
    assert int(options["WatchdogSec"]) > 0
    assert options["WatchdogSignal"] == "SIGKILL"
    assert options["Restart"] == "always"
    assert int(options["TimeoutStopSec"]) > ServiceSettings.model_fields["stop_seconds"].default


def test_a_container_of_podman_is_killed_where_it_hangs_and_started_again_however_it_ends() -> None:
    container, options = service(QUADLET, "Container"), service(QUADLET)
    assert container["HealthOnFailure"] == "kill"
    assert "\nHEALTHCHECK " in (ROOT / "deploy/Containerfile").read_text(encoding="utf-8")
    assert options["Restart"] == "always"
    # Podman waits before it kills, and systemd for Podman.
    grace = int(container["PodmanArgs"].removeprefix("--stop-timeout="))
    assert ServiceSettings.model_fields["stop_seconds"].default < grace < int(options["TimeoutStopSec"])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_nobody_is_told_that_podman_starts_again_what_has_ended(file: Path) -> None:
    assert not re.search(r"health-?on-?failure[ =]restart", file.read_text(encoding="utf-8"), re.IGNORECASE)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_a_unit(unit: Path, tmp_path: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    copy = tmp_path / unit.name.replace("@.", "@1.")
    installed = text.replace("/opt/pleo-export/bin/pleo-export", sys.executable)
    copy.write_text(installed.replace("WantedBy=multi-user.target\n", ""), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", str(copy)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    about_it = [line for line in done.stderr.splitlines() if copy.name in line]
    assert (about_it, done.returncode) == ([], 0), done.stderr


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_setting_that_is_named_exists(file: Path) -> None:
    known = {f"PLEO_EXPORT_{name}".upper() for name in ServiceSettings.model_fields} | {
        VARIABLE,
        FILE_VARIABLE,
    }
    assert set(re.findall(r"PLEO_EXPORT_[A-Z_]+", file.read_text(encoding="utf-8"))) <= known


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_command_that_is_named_exists(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^\$ |/bin/|\(|`)pleo-export ([a-z]+)", text, re.MULTILINE))
    assert named <= COMMANDS
    assert named or file.suffix not in {".md", ".service"}


def test_a_container_grants_as_long_to_stop_as_the_service_takes() -> None:
    text = (ROOT / "deploy/compose.yaml").read_text(encoding="utf-8")
    (seconds,) = re.findall(r"stop_grace_period: (\d+)s", text)
    assert int(seconds) > ServiceSettings.model_fields["stop_seconds"].default
