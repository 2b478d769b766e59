"""The books of a demonstration: made for it, read back at the end, and looked at by a program that is not ours."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from pleo_export.accounting.ledger import (
    BeanCheckError,
    LedgerError,
    Verdict,
    bean_check,
    program,
    trial_balance,
)
from pleo_export.cli.init import CHART_FILE
from pleo_export.cli.scenarios import Scenario
from pleo_export.config import Settings
from pleo_export.toml_text import Value

BEAN_CHECK_SECONDS = 60.0
FAVA_URL = "http://127.0.0.1:5000"
TrialBalance = Mapping[tuple[str, str], Decimal]
"""By the chart's name of an account and the currency, in currency units."""


class DemoBooks(Protocol):
    """Where a demonstration's expenses go. `name` is how a sentence calls it."""

    name: str

    def set_up(self, folder: Path, scenario: Scenario) -> Mapping[str, Value]:
        """Make what is not there yet, and return the settings that lead there, by their dotted names."""
        ...

    def balance(self, settings: Settings, scenario: Scenario, references: Collection[str]) -> TrialBalance:
        """Read the trial balance of these entries, as the books themselves have it."""
        ...

    def verdict(self, settings: Settings) -> Verdict | None:
        """Return what a program that is not ours says of the books, where there is one."""
        ...

    def where(self, settings: Settings) -> str:
        """Say where a person sees them."""
        ...


class LedgerBooks:
    """A plain-text ledger in the folder of the demonstration."""

    name = "the ledger"

    def set_up(self, folder: Path, scenario: Scenario) -> Mapping[str, Value]:
        """Write the chart, unless it is there."""
        if not (folder / CHART_FILE).exists():
            (folder / CHART_FILE).write_text(scenario.chart_text(), encoding="utf-8")
        return {"ledger.fava_url": FAVA_URL}

    def balance(self, settings: Settings, scenario: Scenario, references: Collection[str]) -> TrialBalance:
        """Sum what the files of the ledger say."""
        del scenario
        return trial_balance(_folder(settings), references)

    def verdict(self, settings: Settings) -> Verdict:
        """Ask bean-check."""
        try:
            return bean_check(_folder(settings), BEAN_CHECK_SECONDS)
        except BeanCheckError as error:
            said = LedgerError(message=str(error), filename=str(_folder(settings)))
            return Verdict(clean=False, available=True, errors=(said,))

    def where(self, settings: Settings) -> str:
        """Name the file, and how Fava shows it."""
        assert settings.ledger is not None
        file = _folder(settings) / "main.beancount"
        if (fava := program("fava")) is None:
            return f"Ledger: {file}"
        return f"Ledger: {file}\nTo see it at {settings.ledger.fava_url} in your browser: {fava} {file}"


def _folder(settings: Settings) -> Path:
    assert settings.ledger is not None
    return settings.ledger.folder
