"""Signs of life, heard on a real unix socket as systemd would."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pleo_export.observe.watchdog import tell_systemd, watchdog, watchdog_seconds


def well() -> None:
    return None


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address)
        listening.settimeout(5)
        yield listening, address


def test_systemd_hears_a_state(ear: tuple[socket.socket, str]) -> None:
    listening, address = ear
    assert tell_systemd("READY=1", {"NOTIFY_SOCKET": address})
    assert listening.recv(100) == b"READY=1"


def test_a_name_in_the_abstract_namespace_works() -> None:
    name = f"pleo-export-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}")
        listening.settimeout(5)
        assert tell_systemd("STOPPING=1", {"NOTIFY_SOCKET": f"@{name}"})
        assert listening.recv(100) == b"STOPPING=1"


def test_without_systemd_nothing_is_told() -> None:
    assert not tell_systemd("READY=1", {})


def test_work_goes_on_when_systemd_does_not_listen(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert not tell_systemd("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    assert "systemd could not be told READY=1" in caplog.text


@pytest.mark.slow
async def test_signs_of_life_come_twice_in_each_period_while_the_loop_turns(
    ear: tuple[socket.socket, str],
) -> None:
    listening, address = ear
    environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "100000", "WATCHDOG_PID": str(os.getpid())}
    signs = asyncio.create_task(watchdog(well, environment))
    loop = asyncio.get_running_loop()
    began = loop.time()
    for _ in range(5):
        assert await asyncio.to_thread(listening.recv, 100) == b"WATCHDOG=1"
    assert 0.19 < loop.time() - began < 2
    signs.cancel()
    with suppress(asyncio.CancelledError):
        await signs
    listening.settimeout(0)
    with pytest.raises(BlockingIOError):
        listening.recv(100)


async def test_no_sign_of_life_comes_while_something_has_failed_for_good(
    ear: tuple[socket.socket, str], caplog: pytest.LogCaptureFixture
) -> None:
    listening, address = ear
    listening.settimeout(0)
    environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "20000"}
    asked = asyncio.Event()

    def fault() -> str:
        asked.set()
        return "The watch has ended."

    signs = asyncio.create_task(watchdog(fault, environment))
    for _ in range(3):
        asked.clear()
        await asked.wait()
    signs.cancel()
    with pytest.raises(BlockingIOError):
        listening.recv(100)
    assert "started again: The watch has ended." in caplog.text


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"WATCHDOG_USEC": "1000"},
        {"NOTIFY_SOCKET": "/x"},
        {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "soon"},
        {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "0"},
        {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"},
    ],
)
async def test_it_ends_at_once_where_no_sign_of_life_is_expected(environment: dict[str, str]) -> None:
    async with asyncio.timeout(1):
        await watchdog(well, environment)


def test_the_period_is_told_in_microseconds() -> None:
    assert watchdog_seconds({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "30000000"}) == 30
