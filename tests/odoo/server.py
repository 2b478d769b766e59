"""A real Odoo 19 with its PostgreSQL on this machine: started in moments out of the cache, thrown away afterwards."""

import hashlib
import itertools
import json
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.odoo.installation import TEMPLATE, Installation, installed
from tests.odoo.processes import PREFIX, Programs, make_lab, sql, start_odoo, start_postgres, stop

if TYPE_CHECKING:
    from pleo_export.accounting.odoo.settings import OdooSettings

CALL_SECONDS = 60


class OdooCallError(Exception):
    """Odoo refused a call of a test; `status` is that of HTTP."""

    def __init__(self, status: int, body: str) -> None:
        self.status = status
        super().__init__(f"{status}: {body[:1000]}")


@dataclass(frozen=True)
class OdooDatabase:
    """A database with a company of its own: `key` is that of a user with few rights, `admin_key` the administrator's."""

    url: str
    name: str
    key: str
    admin_key: str
    company_id: int
    other_company_id: int

    @property
    def settings(self) -> "OdooSettings":
        from pleo_export.accounting.odoo.settings import OdooSettings  # noqa: PLC0415 every test run loads this module

        return OdooSettings(url=self.url, database=self.name, company_id=self.company_id)

    def call(self, model: str, method: str, key: str | None = None, **arguments: Any) -> Any:
        """Call Odoo as the administrator, or with another key: for looking behind the connector's back."""
        arguments.setdefault("context", {"allowed_company_ids": [self.company_id]})
        request = urllib.request.Request(
            f"{self.url}/json/2/{model}/{method}",
            data=json.dumps(arguments).encode(),
            headers={
                "Authorization": f"bearer {key or self.admin_key}",
                "X-Odoo-Database": self.name,
                "Content-Type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=CALL_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise OdooCallError(error.code, error.read().decode(errors="replace")) from None


class OdooServer:
    """Both servers, running in a folder of their own."""

    def __init__(self, installation: Installation, lab: Path, port: int, *, stays: bool = False) -> None:
        self.lab, self._port = lab, port
        self._installation, self._programs = installation, Programs(installation.folder, stays)
        self._clones = itertools.count(1)
        make_lab(lab, port)
        # Copies keep the owner: PostgreSQL takes no other's cluster, and Odoo writes into the filestore.
        subprocess.run(["cp", "-a", installation.cluster, lab / "cluster"], check=True)
        self.postgres = start_postgres(self._programs, lab)
        self.process = self._start_odoo()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def fresh(self, name: str = "books") -> OdooDatabase:
        """Return a database as new. One of that name is replaced, which is quicker than another one: Odoo knows it."""
        with sql(self.lab) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}".encode())
        self._forget_what_is_remembered(name)
        filestore = self.lab / "data/filestore" / name
        shutil.rmtree(filestore, ignore_errors=True)
        subprocess.run(["cp", "-a", self._installation.filestore, filestore], check=True)
        return self.database(name)

    def database(self, name: str) -> OdooDatabase:
        facts: dict[str, Any] = self._installation.facts
        return OdooDatabase(url=self.url, name=name, **facts)

    def _forget_what_is_remembered(self, name: str) -> None:
        """Tell Odoo that its caches are stale, by numbers that no database of this name had before."""
        number = next(self._clones) * 1000
        with sql(self.lab, name) as connection:
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE tablename LIKE 'orm_signaling_%'"
                " AND tablename != 'orm_signaling_registry'"
            ).fetchall()
            for (table,) in tables:
                connection.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {number})".encode()
                )
                connection.execute(f"INSERT INTO {table} DEFAULT VALUES".encode())

    def freeze(self) -> None:
        """Stop Odoo where it stands: its connections stay open, and nothing answers."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End Odoo at once, as a power cut does; the database goes on."""
        stop(self.process)

    def start(self) -> None:
        """Start Odoo again after `kill`, at the same address, repaired: half a file under the name of the whole is removed.

        Odoo writes files in place, named by their SHA-1, and refuses its like for ever where one has other content.
        """
        for file in (self.lab / "data/filestore").glob("*/??/*"):
            if hashlib.sha1(file.read_bytes(), usedforsecurity=False).hexdigest() != file.name:
                file.unlink()
        self.process = self._start_odoo()

    def close(self) -> None:
        stop(self.process, self.postgres)

    def _start_odoo(self) -> subprocess.Popen[bytes]:
        return start_odoo(self._programs, self.lab, self._port)


@contextmanager
def odoo_server() -> Iterator[OdooServer]:
    """Run a server for as long as the body runs. Raises NoOdooError where there can be none."""
    installation = installed()
    _sweep()
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as folder:
        server = OdooServer(installation, Path(folder), _free_port())
        try:
            yield server
        finally:
            server.close()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _sweep() -> None:
    """Remove the folders of processes that were killed; their servers died with them."""
    for folder in Path(tempfile.gettempdir()).glob("pleo-export-odoo-*-*"):
        process = folder.name.removeprefix("pleo-export-odoo-").partition("-")[0]
        if not Path("/proc", process).exists():
            shutil.rmtree(folder, ignore_errors=True)
