"""The tools that are measured, and how each is started. The peers live in environments of their own, made at first use."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.cases import OURS, Case

HERE = Path(__file__).parent
PLACE = HERE.parent / ".bench"
PEERS = HERE / "peers"


class UnavailableError(Exception):
    """The tool cannot be had here; the text says why."""


class Tool(NamedTuple):
    """`prepare` returns what starts it (an interpreter, or a program); `command` is then given that, the world and a folder."""

    name: str
    prepare: Callable[[], str]
    command: Callable[[str, Case, str, Path], Sequence[str]]
    sequential: bool = False


def ours() -> str:
    return sys.executable


def ours_command(python: str, case: Case, url: str, folder: Path) -> Sequence[str]:
    given = {"--concurrency": case.concurrency, "--companies": case.companies}
    options = [str(one) for pair in given.items() for one in pair]
    return [python, "-m", "bench.ours", "--url", url, "--folder", str(folder), *options]


def python_with(name: str) -> Callable[[], str]:
    """Return what makes an environment with the packages of `requirements-<name>.txt` and returns its interpreter."""

    def prepare() -> str:
        place, wanted = PLACE / name, PEERS / f"requirements-{name}.txt"
        ready, python = place / "ready", str(place / "bin" / "python")
        if not ready.exists() or ready.read_text() != wanted.read_text():
            shutil.rmtree(place, ignore_errors=True)
            _run([sys.executable, "-m", "venv", str(place)])
            _run([python, "-m", "pip", "install", "--quiet", "--requirement", str(wanted)])
            ready.write_text(wanted.read_text())
        return python

    return prepare


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


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UnavailableError(
            f"{Path(command[0]).name} {command[1]}: {done.stderr.strip().splitlines()[-1:]}"
        )


TOOLS = (
    Tool(OURS, ours, ours_command),
    Tool("requests", python_with("requests"), script("requests_script.py"), sequential=True),
    Tool("httpx", python_with("httpx"), script("httpx_gather.py")),
    Tool("singer", python_with("singer"), singer_command, sequential=True),
    Tool("dlt", python_with("dlt"), script("dlt_pipeline.py")),
)
