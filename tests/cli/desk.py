"""The commands, called in this process with settings of their own."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from pleo_export.cli import app
from pleo_export.cli.init import example_chart, settings_text
from pleo_export.simulator.hands import Hands


class Desk:
    def __init__(self, folder: Path, url: str, company_id: str) -> None:
        self.folder, self.url, self.company_id = folder, url, company_id
        self.pleo = Hands(url)
        self.key: str = self.pleo.create_company("Desk ApS", id=company_id, vendorBasedBookkeeping=True)[
            "apiKey"
        ]
        (folder / "chart.toml").write_text(example_chart(), encoding="utf-8")
        self.configure()

    @property
    def settings(self) -> Path:
        return self.folder / "pleo-export.toml"

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger"

    def configure(self, **sections: dict[str, str]) -> None:
        """Write the settings anew: the usual ones and these (`bookkeeping={"posting": "final"}`)."""
        values = {
            "pleo.company_id": self.company_id,
            "pleo.base_url": self.url,
            "vat.input_account": "2640",
            "vat.output_account": "2610",
        }
        values |= {f"{name}.{key}": value for name, keys in sections.items() for key, value in keys.items()}
        self.settings.write_text(settings_text(values), encoding="utf-8")

    def add_to_chart(self, text: str) -> None:
        with (self.folder / "chart.toml").open("a", encoding="utf-8") as chart:
            chart.write(text)

    def export(self, count: int, scenario: str = "plain", seed: int = 1) -> str:
        """Give the company expenses and press Export; return the job's id."""
        self.pleo.advance(1)  # Pleo tells times in seconds; no two jobs of a test are of the same age
        ids = self.pleo.generate(self.company_id, count, seed=seed, scenario=scenario)
        return self.pleo.press_export(self.company_id, ids)

    def call(self, *command: str, answer: str | None = None) -> Result:
        """Run a command; `answer` is what is typed where it asks."""
        return CliRunner().invoke(app, [*command, "--settings", str(self.settings)], input=answer)

    def json(self, *command: str) -> Any:
        return json.loads(self.call(*command, "--json").stdout)

    def files(self) -> dict[str, bytes]:
        """Everything in the folder, byte for byte."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file()
        }
