"""What the peers need: environments of their own in `.bench`, made at first use."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).parent
PLACE = HERE.parent / ".bench"
PEERS = HERE / "peers"

N8N = "1.123.81"
N8N_WORKFLOW, N8N_WORKFLOW_ID = PEERS / "n8n_workflow.json", "pleoExportBench"
# Nothing is sent to its makers, nothing of a run is kept, files stay on disk, and Node 20 has the older evaluator only.
N8N_SETTINGS = {
    "N8N_DIAGNOSTICS_ENABLED": "false",
    "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
    "N8N_PERSONALIZATION_ENABLED": "false",
    "N8N_RUNNERS_ENABLED": "false",
    "N8N_BLOCK_ENV_ACCESS_IN_NODE": "false",
    "N8N_DEFAULT_BINARY_DATA_MODE": "filesystem",
    "N8N_EXPRESSION_ENGINE": "legacy",
    "N8N_LOG_LEVEL": "warn",
    "EXECUTIONS_DATA_SAVE_ON_SUCCESS": "none",
}


class UnavailableError(Exception):
    """The tool cannot be had here; the text says why."""


def python_with(name: str) -> Callable[[], str]:
    """Return what makes an environment with the packages of `requirements-<name>.txt` and returns its interpreter."""

    def prepare() -> str:
        place, wanted = PLACE / name, (PEERS / f"requirements-{name}.txt").read_text()
        python = str(place / "bin" / "python")
        requirements = str(PEERS / f"requirements-{name}.txt")

        def make() -> None:
            _run([sys.executable, "-m", "venv", str(place)])
            _run([python, "-m", "pip", "install", "--quiet", "--requirement", requirements])

        _once(place, wanted, make)
        return python

    return prepare


def profiler() -> str:
    """Return py-spy."""
    return str(Path(python_with("profile")()).with_name("py-spy"))


def n8n() -> str:
    """Install n8n with the workflow in its database; return the folder, which holds both."""
    place = PLACE / "n8n"
    package = json.dumps({"dependencies": {"n8n": N8N}, "overrides": {"xlsx": "0.18.5"}, "private": True})

    def make() -> None:
        place.mkdir(parents=True)
        (place / "package.json").write_text(package)
        _run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"], place)
        _run(["npm", "rebuild", "sqlite3"], place, {"npm_config_nodedir": "/usr"})
        imported = [n8n_program(place), "import:workflow", f"--input={N8N_WORKFLOW}"]
        _run(imported, place, {**N8N_SETTINGS, "N8N_USER_FOLDER": str(place / "home")})

    _once(place, f"{package}\n{N8N_SETTINGS}\n{N8N_WORKFLOW.read_text()}", make)
    return str(place)


def n8n_program(place: Path) -> str:
    return str(place / "node_modules" / ".bin" / "n8n")


def _once(place: Path, wanted: str, make: Callable[[], None]) -> None:
    """Make what stands in a folder, unless it was made of the same before."""
    ready = place / "ready"
    if not ready.exists() or ready.read_text() != wanted:
        shutil.rmtree(place, ignore_errors=True)
        make()
        ready.write_text(wanted)


def _run(command: Sequence[str], folder: Path | None = None, settings: Mapping[str, str] = {}) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, **settings}, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise UnavailableError(f"there is no {command[0]} here") from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()[-1:]
        raise UnavailableError(f"{Path(command[0]).name} {command[1]} failed: {said}")
