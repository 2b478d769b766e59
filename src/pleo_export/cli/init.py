"""`pleo-export init`: a commented settings file and a chart to begin with."""

import json
from collections.abc import Iterator, Mapping
from enum import Enum
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pleo_export.cli.common import ExitCode, explained, fail, out
from pleo_export.config import SETTINGS_FILE, Settings

CHART_FILE = Path("chart.toml")
EXAMPLES: dict[str, str] = {
    "pleo.company_id": "00000000-0000-0000-0000-000000000000",
    "pleo.api_key_file": "pleo-api-key.txt",
    "accounts.wallet": "1910",
    "accounts.out_of_pocket": "2450",
    "accounts.contra": "1990",
    "accounts.accounts_payable": "2400",
    "vat.input_account": "2640",
    "vat.output_account": "2610",
    "ledger.folder": "ledger",
    "ledger.chart": str(CHART_FILE),
    "ledger.fava_url": "http://127.0.0.1:5000",
}

FolderArgument = Annotated[Path, typer.Argument(help="The folder to set up; it is made where it is absent.")]
CompanyOption = Annotated[str | None, typer.Option("--company-id", help="The company's id (UUID) in Pleo.")]


def init(folder: FolderArgument = Path(), *, company_id: CompanyOption = None) -> None:
    """Write a commented settings file and a chart of accounts to begin with. Nothing is ever overwritten."""
    if company_id is not None:
        company_id = _checked(company_id)
    given = {} if company_id is None else {"pleo.company_id": company_id}
    texts = {SETTINGS_FILE: settings_text(given), CHART_FILE: example_chart()}
    with explained():
        for name in texts:
            if (folder / name).exists():
                fail(
                    f"{folder / name} is there already and stays as it is. Choose another folder, or edit the file.",
                    ExitCode.WRONG_SETTINGS,
                )
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    out().print(
        f"Written: {folder / SETTINGS_FILE} and {folder / CHART_FILE}.\n"
        "Next:\n"
        "  1. put your company id, your account numbers and the VAT accounts into the settings,\n"
        "     and every account that Pleo's categories and contra accounts name into the chart;\n"
        "  2. set the environment variable PLEO_EXPORT_API_KEY to an API key from Pleo (Settings > API Keys);\n"
        f"  3. pleo-export doctor --settings {folder / SETTINGS_FILE}",
        markup=False,
    )


def _checked(company_id: str) -> str:
    try:
        return str(UUID(company_id))
    except ValueError:
        fail(
            f"--company-id {company_id!r} is no UUID; copy the company's id from Pleo.",
            ExitCode.WRONG_SETTINGS,
        )


def example_chart() -> str:
    """Return the chart that comes with us."""
    return (files("pleo_export.cli") / "chart.toml").read_text(encoding="utf-8")


def settings_text(values: Mapping[str, str]) -> str:
    """Return a settings file with every setting in it: required or given ones filled, the others as comments.

    `values` holds settings by their dotted name (`ledger.folder`).
    """
    lines = ["# Settings of pleo-export for one company. Lines that begin with # show the defaults."]
    for name, field in Settings.model_fields.items():
        section = _model(field)
        lines += ["", f"# {' '.join((section.__doc__ or '').split())}", f"[{name}]"]
        for key, option in section.model_fields.items():
            lines += _option(f"{name}.{key}", option, values)
    return "\n".join([*lines, ""])


def _model(field: FieldInfo) -> type[BaseModel]:
    model = field.annotation
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    return model


def _option(dotted: str, option: FieldInfo, values: Mapping[str, str]) -> Iterator[str]:
    key = dotted.partition(".")[2]
    yield f"# {option.description}"
    if dotted in values or option.is_required():
        yield f"{key} = {_toml(values.get(dotted) or EXAMPLES[dotted])}"
    else:
        yield f"# {key} = {_toml(EXAMPLES[dotted] if option.default is None else option.default)}"


def _toml(value: Any) -> str:
    plain = value.value if isinstance(value, Enum) else value
    return json.dumps(str(plain), ensure_ascii=False)
