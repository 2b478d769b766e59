"""Odoo as Debian packages it: fetched from the archive that this machine's apt uses, checked, and unpacked in part."""

import os
import platform
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

# Debian's sid moves on and drops old versions: a newer one is taken by changing these two lines.
VERSION = "19.0.0+dfsg-1"
SHA256 = "9d2f598b0555db17e291d48ed24df184c70823c053c4c5ed53c467ca7f629bbf"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
PYTHON_FOLDER = Path("usr/lib/python3/dist-packages")
# The modules that are installed, and what they need; of the others nothing is unpacked but what they are.
MODULES = frozenset(
    [
        "account",
        "account_debit_note",
        "account_edi_ubl_cii",
        "analytic",
        "api_doc",
        "auth_signup",
        "auth_totp",
        "base",
        "base_iban",
        "base_import",
        "base_import_module",
        "base_setup",
        "base_vat",
        "bus",
        "digest",
        "html_editor",
        "http_routing",
        "iap",
        "l10n_dk",
        "mail",
        "onboarding",
        "portal",
        "product",
        "resource",
        "rpc",
        "uom",
        "web",
        "web_tour",
        "web_unsplash",
    ]
)
FOR_THE_BROWSER = ("fonts-font-awesome", "libjs-jquery", "libjs-jquery-form", "libjs-underscore")
LEFT_OUT = frozenset({"i18n", "tests"})
STEP_SECONDS = 240.0
FETCH_SECONDS = 20


class NoOdooError(Exception):
    """A real Odoo cannot be had on this machine."""

    START = "no Odoo here: "

    def __init__(self, why: str) -> None:
        super().__init__(f"{self.START}{why}")


def run(problem: str, words: Sequence[str | Path], folder: Path, stdin: str = "") -> str:
    """Run a program to its end and return what it prints. Raises NoOdooError with the problem and what it said."""
    try:
        done = subprocess.run(
            list(map(str, words)),
            cwd=folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=STEP_SECONDS,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        raise NoOdooError(f"{problem}: {' '.join(error.stderr.split())[-300:]}") from error
    except subprocess.TimeoutExpired as error:
        raise NoOdooError(f"{problem} within {error.timeout:g} seconds") from error
    return done.stdout


def packages(cache: Path) -> list[Path]:
    """Return Debian's packages: Odoo, and what its pages need in a browser. Each is kept from the last time, else fetched.

    That of Odoo has the checksum that we know.
    """
    kept = cache / f"odoo-19_{VERSION}_all.deb"
    missing = [name for name in FOR_THE_BROWSER if not list(cache.glob(f"{name}_*.deb"))]
    missing += [] if kept.exists() else [f"odoo-19={VERSION}"]
    if missing:
        with tempfile.TemporaryDirectory(dir=cache) as apt:
            for package in _download(missing, Path(apt), cache):
                package.rename(cache / package.name)
    if sha256(kept.read_bytes()).hexdigest() != SHA256:
        raise NoOdooError(f"{kept} is not the package that was tried: its SHA-256 is another one; remove it")
    return [kept, *(next(cache.glob(f"{name}_*.deb")) for name in FOR_THE_BROWSER)]


def _download(names: list[str], folder: Path, cache: Path) -> list[Path]:
    """Fetch packages without touching the lists and sources of the machine's own apt."""
    (folder / "lists/partial").mkdir(parents=True)
    (folder / "archives/partial").mkdir(parents=True)
    source = folder / "sid.list"
    source.write_text(f"deb [signed-by={KEYRING}] {_archive()} sid main\n", encoding="utf-8")
    options = {
        "Dir::Etc::sourcelist": source,
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": folder / "lists",
        "Dir::Cache": folder,
        "APT::Sandbox::User": "root" if os.geteuid() == 0 else "",
        "Acquire::http::Timeout": FETCH_SECONDS,
        "Acquire::https::Timeout": FETCH_SECONDS,
        "Acquire::Retries": 1,
        "APT::Update::Error-Mode": "any",  # an archive that is not reached is an error too
    }
    apt = ["apt-get", "-qq", *(f"-o{key}={value}" for key, value in options.items())]
    run("Debian's list of packages cannot be fetched", [*apt, "update"], folder)
    gone = (
        f"Debian's sid does not give {' '.join(names)} (it moves on): put what is gone into {cache},"
        " or take a newer Odoo in tests/odoo/archive.py"
    )
    run(gone, [*apt, "download", *names], folder)
    return list(folder.glob("*.deb"))


def _archive() -> str:
    """Return the address of Debian's archive: the one this machine's own release comes from."""
    release = platform.freedesktop_os_release().get("VERSION_CODENAME", "sid")
    listing = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"]
    for line in run("apt has no sources", listing, Path("/")).splitlines():
        address, _, suite = line.partition(" ")
        if suite == release:
            return address
    raise NoOdooError(f"apt has no source for Debian's {release}")


def unpack(found: Sequence[Path], folder: Path) -> None:
    """Put what is needed of the packages into `folder`, laid out as on Debian."""
    odoo, *others = found
    with (
        subprocess.Popen(["dpkg-deb", "--fsys-tarfile", odoo], stdout=subprocess.PIPE) as unpacking,
        tarfile.open(fileobj=unpacking.stdout, mode="r|") as archive,
    ):
        archive.extraction_filter = lambda member, _: (
            member
        )  # nothing is refused, whatever the Python: it is checked
        archive.extractall(folder, members=(member for member in archive if _wanted(Path(member.name))))
    for other in others:
        run(f"{other} cannot be unpacked", ["dpkg-deb", "-x", other, folder], folder)


def _wanted(name: Path) -> bool:
    if not name.is_relative_to(PYTHON_FOLDER / "odoo") or LEFT_OUT.intersection(name.parts):
        return False
    inside = name.relative_to(PYTHON_FOLDER / "odoo").parts
    if inside[:1] == ("addons",) and len(inside) > 2 and inside[1] not in MODULES:
        # Odoo makes its list of modules, and the categories they stand in, from what each tells of itself.
        return inside[2:] == ("__manifest__.py",)
    return True
