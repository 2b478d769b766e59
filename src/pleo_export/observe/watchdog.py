"""Signs of life for systemd (sd_notify): a service that hangs is ended and started again, and another takes over.

Everywhere else, that is where NOTIFY_SOCKET is unset, nothing happens.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)


def tell_systemd(state: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Tell systemd a state: READY=1, STOPPING=1, WATCHDOG=1. Returns whether it was told."""
    address = environment.get("NOTIFY_SOCKET")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]  # a name in the abstract namespace
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as talk:
            talk.settimeout(0)
            talk.sendto(state.encode(), address)
    except OSError as error:
        # Work goes on without systemd; if this is more than a moment's trouble, systemd acts by itself.
        log.warning("systemd could not be told %s: %s", state, error.strerror)
        return False
    return True


async def watchdog(fault: Callable[[], str | None], environment: Mapping[str, str] = os.environ) -> None:
    """Tell systemd for ever, twice in each period that it allows, that the event loop turns. Ends by being cancelled.

    As long as `fault` returns a sentence, systemd is told nothing, so that it ends the process and starts another.
    Returns at once where systemd expects no signs of life from this process.
    """
    period = watchdog_seconds(environment)
    while period is not None:
        if (reason := fault()) is None:
            tell_systemd("WATCHDOG=1", environment)
        else:
            log.error("this process has to be started again: %s", reason)
        await asyncio.sleep(period / 2)


def watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    """Return how long systemd waits for a sign of life of this process, None where it expects none."""
    microseconds = environment.get("WATCHDOG_USEC", "")
    meant = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    if not (meant and environment.get("NOTIFY_SOCKET") and microseconds.isdecimal()):
        return None
    return int(microseconds) / 1_000_000 or None
