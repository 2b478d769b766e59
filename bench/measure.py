"""Run a program to its end and tell what it cost.

The program is started by a small process of its own: what the kernel calls a process's peak of memory includes that of
its parent at the moment of the start.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Cost(NamedTuple):
    """Seconds on the clock, seconds of CPU, and the peak of resident memory in MB (10**6 bytes).

    Of a program of several processes the peak is that of the largest one.
    """

    wall: float
    cpu: float
    peak_mb: float


def cost_of(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    core: int | None = None,
    folder: Path | None = None,
    seconds_max: float | None = None,
) -> Cost:
    """Raises RuntimeError where the program fails or takes too long."""
    pinned = f"{core}" if core is not None and (os.cpu_count() or 1) > 1 else ""
    measured = subprocess.Popen(
        [sys.executable, __file__, pinned, *command],
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        start_new_session=True,
    )
    try:
        stdout, stderr = measured.communicate(timeout=seconds_max)
    except subprocess.TimeoutExpired:
        os.killpg(measured.pid, 9)
        measured.communicate()
        raise RuntimeError(f"{command[0]} took more than {seconds_max:.0f} seconds") from None
    if measured.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {stdout[-2000:]} {stderr[-2000:]}")
    return Cost(*json.loads(stdout.splitlines()[-1]))


def main(pinned: str, command: Sequence[str]) -> int:
    if pinned:
        os.sched_setaffinity(0, {int(pinned)})
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    print(json.dumps([wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6]))
    return process.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
