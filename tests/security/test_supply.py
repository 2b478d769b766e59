"""What the product is made of: every part is locked by its hash, listed, explained, and free to use as it is."""

import gzip
import hashlib
import importlib.metadata
import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from pleo_export.service.page.access.passwords import COMMON
from tests.scorecard.plugin import Score

pytestmark = pytest.mark.scorecard("L")

ROOT = Path(__file__).parents[2]
UV = ROOT / ".uv" / "bin" / "uv"
DIRECT_MAX, ALL_MAX = 40, 100
# As a licence calls itself, or as the classifiers of older packages do. All of them let a program be used and passed on.
FREE = re.compile(
    r"\b(MIT|BSD|Apache|Python Software Foundation|PSF|ISC|0BSD|Unlicense|HPND|MPL|Mozilla Public License|Zlib|CC0|Public Domain)\b",
    re.IGNORECASE,
)
# The others, and why each may be here: a library that is imported as it is, and can be exchanged by whoever uses it.
NOTED = {"psycopg": "LGPL", "psycopg-binary": "LGPL", "img2pdf": "LGPL"}
VENDORED = {
    "htmx-2.0.11.min.js": "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
    "htmx-sse-2.2.4.min.js": "98a46496de0c3605fbffdce9167ba427bdd9553184f83f149c261891a92c0136",
}
COMMON_PASSWORDS = (43_940, "54220d72e70b0a94d451f1c62db6f74806b5e46ae3c86c48d9be64563e4e5eb2")


def lock() -> dict[str, dict[str, Any]]:
    packages = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    return {package["name"]: package for package in packages}


def runtime() -> set[str]:
    """What is installed with the product, without what only its extras or its development need."""
    packages, found = lock(), set[str]()
    waiting = [one["name"] for one in packages["pleo-export"]["dependencies"]]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [one["name"] for one in packages[name].get("dependencies", [])]
            extras = packages[name].get("optional-dependencies", {})
            waiting += [one["name"] for several in extras.values() for one in several if name == "psycopg"]
    return found & {_plain(one.metadata["Name"]) for one in importlib.metadata.distributions()}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_file_that_may_be_installed_is_locked_by_its_hash(score: Score) -> None:
    packages = lock()
    ours = packages.pop("pleo-export")
    assert ours["source"] == {"editable": "."}
    files = [file for one in packages.values() for file in (*one.get("wheels", ()), one.get("sdist")) if file]
    assert len(files) > len(packages)
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", file["hash"]) for file in files)
    assert {one["source"].get("registry") for one in packages.values()} == {
        packages["aiohttp"]["source"]["registry"]
    }
    score.note(locked=len(packages))


def test_what_is_installed_comes_from_the_lock_file_alone() -> None:
    for name in ("Makefile", "deploy/Containerfile"):
        text = (ROOT / name).read_text(encoding="utf-8")
        syncs = re.findall(r"uv sync.*", text)
        assert syncs, name
        assert all("--frozen" in sync for sync in syncs)
        assert all("==" in line for line in re.findall(r"pip install.*", text))
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.slow
def test_runtime_libraries_are_few_explained_and_free(score: Score) -> None:
    direct = [one["name"] for one in lock()["pleo-export"]["dependencies"]]
    names = runtime()
    page = (ROOT / "docs" / "explanation" / "dependencies.md").read_text(encoding="utf-8")
    table = page.split("## To run")[1].split("##")[0]
    explained = {
        _plain(name)
        for row in re.findall(r"^\| ([\w, -]+) \|", table, re.MULTILINE)
        for name in row.split(", ")
    }
    assert set(direct) <= explained
    assert explained - {"library"} <= set(direct)
    assert (len(direct) <= DIRECT_MAX, len(names) <= ALL_MAX) == (True, True), (len(direct), len(names))
    licences = {name: licence(name) for name in names}
    bound = {name: text for name, text in licences.items() if not FREE.search(text)}
    assert {name: NOTED.get(name, "?") in text for name, text in bound.items()} == dict.fromkeys(
        bound, True
    ), bound
    assert all(f"**{name}**" in page for name in bound if name in direct)
    score.note(direct=len(direct), runtime=len(names), copyleft=len(bound))


def licence(name: str) -> str:
    said = importlib.metadata.metadata(name).json
    classifiers = [one for one in said.get("classifier", ()) if one.startswith("License")]
    return " ".join(
        [str(said.get("license_expression", "")), str(said.get("license", ""))[:200], *classifiers]
    )


def uv(*arguments: str) -> subprocess.CompletedProcess[str]:
    if not UV.exists():
        pytest.skip("uv is not where make puts it")
    return subprocess.run(
        [UV, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.slow
def test_the_list_of_parts_names_every_runtime_library_with_a_hash(score: Score) -> None:
    done = uv(
        "export", "--frozen", "--no-dev", "--all-extras", "--format", "cyclonedx1.5", "--quiet", "--offline"
    )
    assert done.returncode == 0, done.stderr
    parts = {part["name"]: part for part in json.loads(done.stdout)["components"]}
    assert runtime() - parts.keys() == set()
    for name in runtime():
        files = parts[name]["externalReferences"]
        assert all(one["hashes"][0]["alg"] == "SHA-256" for one in files if one["type"] == "distribution")
    score.note(parts=len(parts))


@pytest.mark.slow
def test_no_library_has_a_known_weakness(score: Score) -> None:
    done = uv("audit", "--frozen", "--no-dev", "--preview-features", "audit-command")
    if "error sending request" in done.stderr:
        score.note(audit="not reached")
        pytest.skip("the database of known weaknesses is not reached from here")
    score.note(audit="done")
    assert done.returncode == 0, done.stdout + done.stderr


def test_files_of_others_in_the_page_are_as_they_were_published() -> None:
    folder = ROOT / "src" / "pleo_export" / "service" / "page" / "assets" / "vendor"
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.js")}
    assert found == VENDORED


def test_the_list_of_common_passwords_is_the_one_that_was_looked_at() -> None:
    lines = gzip.decompress(COMMON.read_bytes())
    assert (lines.count(b"\n"), hashlib.sha256(lines).hexdigest()) == COMMON_PASSWORDS
    assert "Daniel Miessler" in COMMON.with_name("common-passwords.LICENSE").read_text(encoding="utf-8")
