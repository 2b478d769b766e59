"""The service as a process of its own, as systemd would run it."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

PLEO_EXPORT = str(Path(sys.executable).with_name("pleo-export"))
PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.05


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def until(true: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> float:
    """Look until something is so; return how long that took, in seconds."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, f"{what} did not happen within {seconds:g} seconds"
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - began


def answers(url: str, path: str = "/readyz") -> bool:
    """Whether the service there answers well."""
    try:
        with urllib.request.urlopen(f"{url}{path}", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


class Service:
    """A running `pleo-export serve`, `web` or `worker`."""

    def __init__(self, process: subprocess.Popen[str], port: int, log: Path) -> None:
        self.process, self.port, self.log = process, port, log
        self.url = f"http://127.0.0.1:{port}"
        self.killed = False

    def kill(self) -> None:
        """End the process as a power failure would."""
        self.killed = True
        self.process.kill()

    def answers(self, path: str = "/readyz") -> bool:
        return answers(self.url, path)

    def text(self, path: str) -> str:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=5) as answer:
            found: str = answer.read().decode()
            return found

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")


def environment(folder: Path, **changes: str) -> Mapping[str, str]:
    return {
        **os.environ,
        "PLEO_EXPORT_DATABASE_URL": f"sqlite:///{folder / 'service.db'}",
        "PLEO_EXPORT_WORK_FOLDER": str(folder / "work"),
        **changes,
    }


@contextmanager
def running(
    command: list[str],
    env: Mapping[str, str],
    folder: Path,
    *,
    web: bool = True,
    port: int | None = None,
    program: Sequence[str] = (PLEO_EXPORT,),
) -> Iterator[Service]:
    """Run a command of the service until the body ends; unless it was killed, it must end well by SIGTERM."""
    port = port or free_port()
    log = folder / f"{command[0]}-{port}.log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            [*program, *command],
            env={**env, "PLEO_EXPORT_PORT": str(port), "PLEO_EXPORT_HEALTH_PORT": str(port)},
            stdout=output,
            stderr=output,
            text=True,
            cwd=folder,
        ) as process,
    ):
        service = Service(process, port, log)
        try:
            if web:
                until(lambda: service.answers() or process.poll() is not None, "the service's start")
                assert process.poll() is None, service.said()
            yield service
        finally:
            process.terminate()
            try:
                code = process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        assert service.killed or code == 0, service.said()


def call(env: Mapping[str, str], *command: str, code: int = 0) -> str:
    """Run a command to its end, which is to be with this code; return what it prints."""
    done = subprocess.run(
        [PLEO_EXPORT, *command], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code, done.stderr
    return done.stdout
