"""Ctrl-C, at any moment."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from textwrap import dedent

import pytest

from pleo_export.cli.common import ExitCode
from tests.cli.desk import Desk
from tests.e2e.service_process import PLEO_EXPORT

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Let the programs hear Ctrl-C, also where it is ignored here, as in what a shell runs in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def called(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", dedent(program)], capture_output=True, text=True, timeout=60, check=False
    )


def test_a_run_that_is_stopped_says_so_and_goes_on_where_it_was(desk: Desk) -> None:
    job = desk.export(3)
    desk.pleo.call("PATCH", "trouble/settings", {"calls": "PUT /v3/*/items", "share": 1})  # it cannot end
    with subprocess.Popen(
        [PLEO_EXPORT, "run", "--settings", str(desk.settings)],
        env=os.environ | {"PLEO_EXPORT_API_KEY": desk.key},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert any(line.startswith("5 Record") for line in process.stderr)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == ExitCode.STOPPED
    assert "Stopped before the end. Nothing is lost" in said
    assert "Traceback" not in said

    desk.pleo.call("PATCH", "trouble/settings", {"share": 0})
    (summary,) = desk.json("run")
    assert (summary["job_id"], summary["event"]) == (job, "completed")
    assert (
        "3 expenses of 1 job were compared: Pleo, our memory and the books agree."
        in desk.call("reconcile").stdout
    )


def test_a_second_ctrl_c_is_not_waited_for() -> None:
    done = called("""
        import asyncio, os, signal
        from pleo_export.cli.common import complete, explained

        async def never_stops():
            try:
                os.kill(os.getpid(), signal.SIGINT)
                await asyncio.Event().wait()
            finally:
                os.kill(os.getpid(), signal.SIGINT)
                await asyncio.Event().wait()

        with explained():
            complete(never_stops())
    """)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_ctrl_c_while_the_program_is_loaded_shows_no_trace() -> None:
    done = called("""
        import os, signal, sys

        class CtrlC:
            def find_spec(self, name, *_):
                if name == "pleo_export.cli":
                    os.kill(os.getpid(), signal.SIGINT)

        sys.meta_path.insert(0, CtrlC())
        from pleo_export.__main__ import main
        main()
    """)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")
