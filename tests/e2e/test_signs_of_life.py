"""The signs of life of real processes, heard where systemd would hear them."""

import signal
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e.service_process import environment, running, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

PERIOD_SECONDS = 2.0
# The command itself, but the thread that watches the other workers ends at its first look.
WITHOUT_WATCH = """
from pleo_export import cli
from pleo_export.engine.watch import Watch
def look(watch, now):
    raise RuntimeError("no more looks")
Watch.look = look
cli.main()
"""


class Ear:
    """Listens at a socket as systemd does."""

    def __init__(self, address: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(address))

    def next(self, seconds: float = 30) -> str:
        self._socket.settimeout(seconds)
        return self._socket.recv(100).decode()

    def next_but(self, state: str) -> str:
        """Return the next that is said but this."""
        while (said := self.next()) == state:
            pass
        return said

    def empty(self) -> None:
        """Forget what was said until now."""
        self._socket.settimeout(0)
        while True:
            try:
                self._socket.recv(100)
            except BlockingIOError:
                return

    def hears_nothing(self, seconds: float) -> bool:
        try:
            self.next(seconds)
        except TimeoutError:
            return True
        return False

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[Ear]:
    ear = Ear(tmp_path / "notify")
    yield ear
    ear.close()


@pytest.fixture
def env(tmp_path: Path, ear: Ear) -> Mapping[str, str]:
    return environment(
        tmp_path,
        NOTIFY_SOCKET=str(tmp_path / "notify"),
        WATCHDOG_USEC=str(int(PERIOD_SECONDS * 1_000_000)),
    )


@pytest.mark.parametrize("command", ["serve", "web", "worker"])
def test_systemd_hears_that_it_is_ready_alive_silent_while_frozen_and_stopping(
    command: str, ear: Ear, env: Mapping[str, str], tmp_path: Path
) -> None:
    with running([command], env, tmp_path) as service:
        assert ear.next_but("WATCHDOG=1") == "READY=1"
        assert ear.next() == "WATCHDOG=1"
        service.process.send_signal(signal.SIGSTOP)
        ear.empty()
        assert ear.hears_nothing(PERIOD_SECONDS)
        service.process.send_signal(signal.SIGCONT)
        assert ear.next() == "WATCHDOG=1"
    assert ear.next_but("WATCHDOG=1") == "STOPPING=1"


def test_a_worker_whose_watch_has_ended_gives_no_sign_of_life_and_says_why(
    ear: Ear, env: Mapping[str, str], tmp_path: Path
) -> None:
    program = [sys.executable, "-c", WITHOUT_WATCH]
    with running(["worker"], env, tmp_path, program=program) as service:
        until(lambda: not service.answers("/healthz"), "the end of the watch")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{service.url}/healthz", timeout=5)
        assert refused.value.code == 503
        assert "The watch over the other workers has ended by a fault" in refused.value.read().decode()
        ear.empty()
        assert ear.hears_nothing(PERIOD_SECONDS)
        assert service.answers("/readyz")
    assert "no more looks" in service.said()
