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
from typing import NamedTuple


class Cost(NamedTuple):
    """Seconds on the clock, seconds of CPU, and the peak of resident memory in MB (10**6 bytes)."""

    wall: float
    cpu: float
    peak_mb: float


def cost_of(command: Sequence[str], environment: Mapping[str, str]) -> Cost:
    """Raises RuntimeError where the program fails."""
    measured = subprocess.run(
        [sys.executable, __file__, *command],
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if measured.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {measured.stdout} {measured.stderr}")
    return Cost(*json.loads(measured.stdout.splitlines()[-1]))


def main(command: Sequence[str]) -> int:
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    print(json.dumps([wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6]))
    return process.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
