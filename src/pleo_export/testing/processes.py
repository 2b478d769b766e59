"""`pleo-export` in processes of their own, which can be killed and frozen, and start within milliseconds.

A parent loads everything once and forks itself for each process, so that ten thousand of them take an hour, not a day.
"""

import importlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

# The test runner's own program among them: it would be loaded by each process else.
_LOADED_ONCE = ["__main__", "pleo_export.cli", "pleo_export.service.run"]
_ENDED_SECONDS_MAX = 60.0

KILLED = -signal.SIGKILL


def start(*command: str, env: Mapping[str, str], log: Path) -> BaseProcess:
    """Start `pleo-export` with these arguments and this whole environment; what it says is added to `log`.

    PLEO_EXPORT_CRASH_POINTS in the environment is obeyed as always. The process works in the folder of its log.
    """
    process = _context().Process(target=_be, args=(command, dict(env), log), daemon=True)
    process.start()
    return process


def ended(process: BaseProcess, within_seconds: float = _ENDED_SECONDS_MAX) -> int:
    """Return the exit code; KILLED where SIGKILL ended it. Kills it and raises TimeoutError where it does not end."""
    process.join(within_seconds)
    if process.exitcode is None:
        kill(process)
        raise TimeoutError(f"Process {process.pid} did not end within {within_seconds:g} seconds.")
    return process.exitcode


def kill(process: BaseProcess) -> int:
    """End it as a power failure would; return the exit code, which another one is where it had ended before."""
    process.kill()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_LOADED_ONCE)
    return context


def _be(command: tuple[str, ...], env: Mapping[str, str], log: Path) -> None:
    """Be the command, in the forked process."""
    os.chdir(log.parent)
    said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(said, stream.fileno())
    os.environ.clear()
    os.environ.update(env)
    # It was loaded before there was an order.
    importlib.reload(importlib.import_module("pleo_export.crash_points"))
    sys.argv = ["pleo-export", *command]
    importlib.import_module("pleo_export.cli").main()
