"""After a demonstration: the page and the simulated Pleo, to be looked at in a browser until Ctrl-C."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from pleo_export.cli.common import ExitCode, fail
from pleo_export.config import SETTINGS_FILE, Settings
from pleo_export.service.settings import ServiceSettings
from pleo_export.store import sqlite_url

SERVED_FILE = "served.toml"
START_SECONDS = 60.0
KEPT = {"PLEO_EXPORT_ODOO_API_KEY"}
LOOK_SECONDS = 0.1


@contextmanager
def page(folder: Path, settings: Settings, name: str, pleo: tuple[str, str]) -> Iterator[str]:
    """Run the service for the company of a demonstration while the body works; yields where its page is.

    It remembers what the demonstration recorded. `pleo` is where the simulated one is, and the company's key there.
    """
    pleo_url, api_key = pleo
    served = _served(folder, pleo_url)
    port = free_port(ServiceSettings.model_fields["port"].default)
    environment = {
        # What is set for another service is not for this one; the key of an Odoo may be kept there only.
        **{
            name: value
            for name, value in os.environ.items()
            if name in KEPT or not name.startswith("PLEO_EXPORT_")
        },
        "PLEO_EXPORT_API_KEY": api_key,
        "PLEO_EXPORT_DATABASE_URL": sqlite_url(settings.store.path),
        "PLEO_EXPORT_WORK_FOLDER": str(folder / "work"),
        "PLEO_EXPORT_PORT": str(port),
        "PLEO_EXPORT_LOG_LEVEL": "warning",
        "PLEO_EXPORT_POLL_MINUTES": "0.1",
    }
    program = "from pleo_export.cli import main; main()"
    command = [sys.executable, "-c", program, "serve", "--settings", str(served), "--name", name]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, env=environment) as process:  # noqa: S603 ourselves
        try:
            _wait_for(f"{url}/readyz", process)
            yield url
        finally:
            process.terminate()


def show_pages(page_url: str, pleo_url: str, console: Console, *, browser: bool) -> None:
    """Say where both pages are, open them where that is asked for, and wait for Ctrl-C."""
    console.print(f"\nThe page:           {page_url}/", markup=False)
    console.print(f"The simulated Pleo: {pleo_url}/", markup=False)
    console.print("Press Export there, and watch it arrive here. Ctrl-C ends both.", markup=False)
    if browser:
        for url in (pleo_url, page_url):
            webbrowser.open(url)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        console.print("\nBoth are stopped. What was recorded is still there.", markup=False)


def free_port(wanted: int) -> int:
    """Return the port, or another one where it is taken."""
    for port in (wanted, 0):
        try:
            with socket.create_server(("127.0.0.1", port)) as listener:
                found: int = listener.getsockname()[1]
                return found
        except OSError:
            continue
    return wanted


def _served(folder: Path, pleo_url: str) -> Path:
    """Write the company's settings once more, with the Pleo that runs now."""
    text = (folder / SETTINGS_FILE).read_text(encoding="utf-8")
    text = re.sub(r"^#? ?base_url = .*$", "", text, flags=re.MULTILINE)
    path = folder / SERVED_FILE
    path.write_text(text.replace("[pleo]", f'[pleo]\nbase_url = "{pleo_url}"', 1), encoding="utf-8")
    return path


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    from pleo_export.simulator.hands import ON_THIS_MACHINE  # noqa: PLC0415 no other command pays for it

    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with ON_THIS_MACHINE.open(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(LOOK_SECONDS)
    fail(
        "The page could not be started; see above why. The demonstration itself is done.",
        ExitCode.NOT_REACHED,
    )
