"""A company of one's own for an end-to-end test: settings on disk, a simulated Pleo, the real command line."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from pleo_export.accounting.ledger import bean_check
from pleo_export.cli.init import example_chart, settings_text
from pleo_export.crash_points import VARIABLE
from pleo_export.simulator.hands import Hands
from pleo_export.testing.processes import start
from pleo_export.toml_text import Value

COMPANY_ID = "5f0c7f4e-1d54-4a6e-9a6b-0d8c1f3a2b10"
API_KEY = "plp_story_key"
PLEO_EXPORT = str(Path(sys.executable).with_name("pleo-export"))


class Story:
    """A folder with settings and a ledger, and a simulated Pleo at `url`."""

    def __init__(
        self,
        folder: Path,
        url: str,
        *,
        vendor_based: bool = True,
        settings: Mapping[str, Value] | None = None,
        chart: str | None = None,
    ) -> None:
        self.folder, self.url = folder, url
        self._env = os.environ | {"PLEO_EXPORT_API_KEY": API_KEY}
        self.settings = folder / "pleo-export.toml"
        self.write_settings(settings or {})
        (folder / "chart.toml").write_text(chart or example_chart(), encoding="utf-8")
        self.bookkeeper = Hands(url)
        self.bookkeeper.create_company(
            "Story ApS", id=COMPANY_ID, apiKey=API_KEY, vendorBasedBookkeeping=vendor_based
        )

    def write_settings(self, settings: Mapping[str, Value]) -> None:
        chosen: dict[str, Value] = {
            "pleo.company_id": COMPANY_ID,
            "pleo.base_url": self.url,
            "vat.input_account": "2640",
            "vat.output_account": "2610",
        }
        self.settings.write_text(settings_text(chosen | dict(settings)), encoding="utf-8")

    def expenses(self, count: int, *, scenario: str = "plain", seed: int = 1, receipts: int = 1) -> list[str]:
        return self.bookkeeper.generate(COMPANY_ID, count, seed=seed, scenario=scenario, receipts=receipts)

    def press_export(self, ids: list[str] | None = None) -> str:
        return self.bookkeeper.press_export(COMPANY_ID, ids)

    def company(self) -> Any:
        return self.bookkeeper.company(COMPANY_ID)

    def job(self, job_id: str) -> Any:
        return next(job for job in self.company()["jobs"] if job["id"] == job_id)

    def audit(self) -> list[Any]:
        return self.bookkeeper.audit()

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start `pleo-export` as a process of its own."""
        return subprocess.Popen(
            [PLEO_EXPORT, *command, "--settings", str(self.settings)],
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def fork(self, *command: str, crash: str = "") -> BaseProcess:
        """Start it within milliseconds, to die at the place that `crash` names."""
        return start(
            *command,
            "--settings",
            str(self.settings),
            env=self._env | {VARIABLE: crash},
            log=self.folder / "said.log",
        )

    def call(self, *command: str) -> tuple[int, str, str]:
        """Let `pleo-export` run to its end; return exit code, stdout and stderr."""
        with self.start(*command) as process:
            stdout, stderr = process.communicate(timeout=120)
        return process.returncode, stdout, stderr

    @property
    def books(self) -> Path:
        return self.folder / "ledger"

    def entry_files(self) -> dict[str, list[Path]]:
        """Every file of the ledger that holds a transaction of ours, by reference, whatever its name."""
        found: dict[str, list[Path]] = {}
        for path in self.books.glob("[0-9]*/*/*.beancount"):
            for line in path.read_text(encoding="utf-8").splitlines():
                if line.startswith("  pleo-id: "):
                    found.setdefault(line.split('"')[1], []).append(path)
        return found

    def tree(self) -> dict[str, bytes]:
        """The whole ledger, byte for byte."""
        return {
            str(path.relative_to(self.books)): path.read_bytes()
            for path in self.books.rglob("*")
            if path.is_file()
        }


def events_of(audit: list[Any], job_id: str) -> Counter[str]:
    """Count the events that Pleo accepted for a job."""
    return Counter(
        entry["body"]["event"]
        for entry in audit
        if entry["path"] == "/v3/export-job-events"
        and entry["status"] == 202
        and entry["body"]["jobId"] == job_id
    )


def assert_ledger_clean(books: Path) -> None:
    verdict = bean_check(books, 60)
    assert verdict.available, "bean-check belongs to the test environment"
    assert verdict.clean, verdict.errors
