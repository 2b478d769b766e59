"""The tools that are measured, and how each is started."""

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.cases import OURS, Case
from bench.installed import N8N_SETTINGS, N8N_WORKFLOW_ID, PEERS, n8n, n8n_program, python_with


class Tool(NamedTuple):
    """`prepare` returns what starts it (an interpreter, or a place); `command` is then given that, the world and a folder."""

    name: str
    prepare: Callable[[], str]
    command: Callable[[str, Case, str, Path], Sequence[str]]


def ours() -> str:
    return sys.executable


def ours_command(python: str, case: Case, url: str, folder: Path) -> Sequence[str]:
    given = {"--concurrency": case.concurrency, "--companies": case.companies}
    options = [str(one) for pair in given.items() for one in pair]
    return [python, "-m", "bench.ours", "--url", url, "--folder", str(folder), *options]


def script(file: str) -> Callable[[str, Case, str, Path], Sequence[str]]:
    """Return the command of a peer that is one Python file."""
    return lambda python, case, url, folder: [
        python,
        str(PEERS / file),
        url,
        str(folder),
        str(case.concurrency),
    ]


def singer_command(python: str, case: Case, url: str, folder: Path) -> Sequence[str]:
    del case
    tap, target = PEERS / "singer_tap.py", PEERS / "singer_target.py"
    return [
        "bash",
        "-c",
        'set -o pipefail; "$0" "$1" "$3" "$4" | "$0" "$2" "$3" "$4"',
        python,
        str(tap),
        str(target),
        url,
        str(folder),
    ]


def n8n_command(place: str, case: Case, url: str, folder: Path) -> Sequence[str]:
    """Return the command of a workflow; its database is a copy, so that no run leaves anything to the next."""
    home = shutil.copytree(Path(place) / "home", folder / "home")
    settings = {
        **N8N_SETTINGS,
        "N8N_USER_FOLDER": str(home),
        "BENCH_URL": url,
        "BENCH_CONCURRENCY": str(case.concurrency),
    }
    return [
        "env",
        *(f"{name}={value}" for name, value in settings.items()),
        n8n_program(Path(place)),
        "execute",
        f"--id={N8N_WORKFLOW_ID}",
    ]


TOOLS = (
    Tool(OURS, ours, ours_command),
    Tool("requests", python_with("requests"), script("requests_script.py")),
    Tool("httpx", python_with("httpx"), script("httpx_gather.py")),
    Tool("singer", python_with("singer"), singer_command),
    Tool("dlt", python_with("dlt"), script("dlt_pipeline.py")),
    Tool("n8n", n8n, n8n_command),
)
