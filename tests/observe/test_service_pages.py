"""The pages about the service, followed to the letter: real processes, a simulated Pleo, and SQLite or PostgreSQL."""

import os
import re
import signal
import subprocess
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import pytest

from pleo_export.simulator.hands import simulator_process
from tests.e2e.service_process import PLEO_EXPORT, free_port, until
from tests.e2e.story import API_KEY, Story, assert_ledger_clean, events_of
from tests.store.postgres_server import a_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
PAGES = Path(__file__).parents[2] / "docs/how-to"


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    """A company that has been set up, with its API key in a file."""
    with simulator_process() as url:
        story = Story(tmp_path, url)
        (tmp_path / "api-key").write_text(API_KEY, encoding="ascii")
        yield story


class Shell:
    """A shell into which the commands of a page are typed. No port that the page names is taken from this machine."""

    def __init__(self, folder: Path, page: str) -> None:
        self.port = free_port()
        text = (PAGES / page).read_text(encoding="utf-8").replace("8480", str(self.port))
        blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
        self.commands = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
        self._process = subprocess.Popen(
            ["bash", "-eu"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # so that the services it starts can be ended with it
            cwd=folder,
            env=os.environ
            | {
                "PATH": f"{Path(PLEO_EXPORT).parent}:{os.environ['PATH']}",
                "PLEO_EXPORT_PORT": str(self.port),
                "PLEO_EXPORT_LOG_FORMAT": "json",
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):  # everything has ended by itself
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def type_before(self, start: str) -> None:
        """Type the commands before the one that starts so."""
        while not self.commands[0].startswith(start):
            self._type(self.commands.pop(0))

    def type_rest(self) -> int:
        """Type what is left and end the shell. Returns its exit code."""
        for command in self.commands:
            self._type(command)
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._process.wait(90)

    def ready(self) -> bool:
        assert self._process.poll() is None, "a command of the page failed"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _type(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()


def press_export(story: Story, shell: Shell, expenses: int) -> tuple[list[str], str]:
    """Start what the page starts and press Export. Return the expenses and the job."""
    shell.type_before("pleo-export check")
    until(shell.ready, "the service's start")
    ids = story.expenses(expenses)
    return ids, story.press_export(ids)


def follow_to_the_end(story: Story, shell: Shell, ids: list[str], job: str) -> None:
    """Let the job be exported, and stop everything as the page says."""
    shell.type_before("kill")
    until(lambda: bool(story.job(job)["status"] == "completed"), "the job")
    assert shell.type_rest() == 0
    assert {reference: len(paths) for reference, paths in story.entry_files().items()} == dict.fromkeys(
        ids, 1
    )
    assert events_of(story.audit(), job) == Counter(started=1, completed=1)
    assert_ledger_clean(story.books)


def test_one_process_runs_as_its_page_says(story: Story, tmp_path: Path) -> None:
    with Shell(tmp_path, "run-as-a-service.md") as shell:
        follow_to_the_end(story, shell, *press_export(story, shell, 5))
    log = (tmp_path / "service.log").read_text(encoding="utf-8")
    assert "stopping: nothing new is begun" in log
    assert API_KEY not in log


def test_two_workers_share_a_database_and_one_goes_on_when_the_other_is_killed_as_their_page_says(
    story: Story, tmp_path: Path
) -> None:
    # Not pytest's own folder: a server that root starts runs as another user, who may not enter there.
    with (
        TemporaryDirectory(prefix="pleo-export-postgres-") as server_folder,
        a_server(Path(server_folder)) as server,
        Shell(tmp_path, "scale-out.md") as shell,
    ):
        for at, command in enumerate(shell.commands):
            shell.commands[at] = re.sub(r"postgresql://\S+", f"'{server.url}'", command)
        logs = [tmp_path / f"{name}.log" for name in ("web", "worker-1", "worker-2")]
        # Nothing can be reported until the kill has been noticed, so that the job cannot be over before it.
        story.bookkeeper.call("PATCH", "trouble/settings", {"calls": "PUT /v3/*/items", "share": 1})
        ids, job = press_export(story, shell, 150)
        shell.type_before("until grep 'Runs taken over'")
        until(lambda: any("Runs taken over" in log.read_text() for log in logs), "the takeover")
        story.bookkeeper.call("PATCH", "trouble/settings", {"share": 0})
        follow_to_the_end(story, shell, ids, job)
    web, *workers = (log.read_text() for log in logs)
    (successor,) = (log for log in workers if "Runs taken over from it: 1." in log)
    (killed,) = (log for log in workers if log != successor)
    assert "step 5: Record" in killed
    assert "step 7: Complete" not in killed
    assert "step 7: Complete (completed)" in successor
    assert "step " not in web
    assert ["stopping: nothing new is begun" in log for log in (web, successor, killed)] == [
        True,
        True,
        False,
    ]
    assert not any(API_KEY in log for log in (web, *workers))
