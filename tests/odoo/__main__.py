"""`python -m tests.odoo up|down`: an Odoo for trying things out by hand, which stays until it is told to go."""

import os
import shutil
import signal
import sys
from pathlib import Path

from tests.odoo.archive import NoOdooError
from tests.odoo.installation import cache_folder, installed
from tests.odoo.processes import NotStartedError
from tests.odoo.server import OdooServer

PORT = int(os.environ.get("ODOO_PORT", "8069"))
FOLDER = cache_folder() / "up"
PIDS = FOLDER / "pids"
TOLD = """\
Odoo 19 runs at {url}, database {name}, company Acme ApS (number {company_id}).
People log in as admin, password admin.
API keys: {folder}/key.txt, of a user with the rights of docs/how-to/odoo.md, and {folder}/admin-key.txt.
`make odoo-down` stops it and throws away what is in it.
"""


def up() -> None:
    """Start a server with one fresh database in it."""
    if running():
        raise SystemExit(f"It runs already, in {FOLDER}; `make odoo-down` stops it.")
    shutil.rmtree(FOLDER, ignore_errors=True)
    server = OdooServer(installed(), FOLDER, PORT, stays=True)
    PIDS.write_text(f"{server.process.pid} {server.postgres.pid}", encoding="utf-8")
    books = server.fresh()
    for name, key in (("key.txt", books.key), ("admin-key.txt", books.admin_key)):
        (FOLDER / name).touch(mode=0o600)
        (FOLDER / name).write_text(key, encoding="utf-8")
    print(TOLD.format(url=books.url, name=books.name, company_id=books.company_id, folder=FOLDER), end="")  # noqa: T201


def down() -> None:
    """Stop the server and remove its folder."""
    for pid in running():
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(FOLDER, ignore_errors=True)


def running() -> list[int]:
    """Return the processes that `up` started and that are still there, and no others that got their numbers since."""
    pids = [int(pid) for pid in PIDS.read_text(encoding="utf-8").split()] if PIDS.exists() else []
    return [pid for pid in pids if str(FOLDER) in _command(pid)]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")
    except OSError:
        return ""


if __name__ == "__main__":
    try:
        {"up": up, "down": down}[sys.argv[1]]()
    except (NoOdooError, NotStartedError) as error:
        raise SystemExit(str(error)) from None
