"""`pleo-export init`: a commented settings file, and for the ledger a chart, to begin with."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from shlex import quote
from typing import Annotated, Literal, get_args, get_origin
from uuid import UUID

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pleo_export.cli.common import ExitCode, complete, explained, fail, out
from pleo_export.cli.hosted import api_key_in
from pleo_export.cli.init_odoo import (
    OdooAnswers,
    OdooCompanyOption,
    OdooDatabaseOption,
    OdooKeyOption,
    OdooUrlOption,
    odoo_values,
)
from pleo_export.config import ACCOUNTING_SYSTEMS, PLEO_URL, SETTINGS_FILE, Settings
from pleo_export.pleo.addresses import UnusableBaseUrlError
from pleo_export.pleo.addresses import base_url as read_base_url
from pleo_export.pleo.auth import ApiKey
from pleo_export.pleo.client import PleoClient
from pleo_export.pleo.errors import NoCompanyError
from pleo_export.pleo.installations import company_of
from pleo_export.toml_text import Value, toml_comment, toml_line

CHART_FILE = Path("chart.toml")
EXAMPLES: Mapping[str, Value] = {
    "pleo.company_id": "00000000-0000-0000-0000-000000000000",
    "pleo.api_key_file": "pleo-api-key.txt",
    "accounts.wallet": "1910",
    "accounts.out_of_pocket": "2450",
    "accounts.contra": "1990",
    "accounts.accounts_payable": "2400",
    "accounts.rounding": "6990",
    "accounts.exchange_difference": "6980",
    "vat.input_account": "2640",
    "vat.output_account": "2610",
    "vat.no_tax_code": "V0",
    "notify.email": ("books@example.com",),
    "notify.webhook_url": "https://hooks.example.com/pleo-export",
    "journals.general": "GENERAL",
    "journals.purchases": "PURCHASES",
    "journals.payments": "PAYMENTS",
    "bookkeeping.posting_by_type": {"invoice": "final"},
    "mapping.accounts": {"4000": "6100", "Travel": "6300"},
    "mapping.tax_codes": {"I25": {"code": "V25", "input_account": "2640"}},
    "mapping.vendors": {"DK12345678": "V-1001"},
    "mapping.dimensions": {"CostCentre": "COST_CENTRE"},
    "mapping.team": "TEAM",
    "mapping.user": "EMPLOYEE",
    "ledger.folder": "ledger",
    "ledger.chart": str(CHART_FILE),
    "ledger.fava_url": "http://127.0.0.1:5000",
    "odoo.url": "https://books.example.com",
    "odoo.database": "books",
    "odoo.company_id": 1,
    "odoo.api_key_file": "odoo-api-key.txt",
}

FolderArgument = Annotated[Path, typer.Argument(help="The folder to set up; it is made where it is absent.")]
CompanyOption = Annotated[str | None, typer.Option("--company-id", help="The company's id (UUID) in Pleo.")]
ConnectorOption = Annotated[
    Literal["ledger", "odoo"],
    typer.Option("--connector", help="Where expenses go: a plain-text `ledger` in this folder, or `odoo`."),
]

KeyOption = Annotated[
    Path | None,
    typer.Option(
        "--api-key-file", help="A file with the API key: without --company-id Pleo is asked whose it is."
    ),
]
UrlOption = Annotated[str, typer.Option("--base-url", help="Pleo's API, or a simulator's address.")]
_ID = "put your company id from Pleo into the settings;"
_ACCOUNTS = {
    "ledger": (
        "put your account numbers and the VAT accounts into the settings,\n"
        "     and every account that Pleo's categories and contra accounts name into the chart;"
    ),
    "odoo": "put the numbers of your accounts in Odoo into the settings;",
}
_KEY = "set the environment variable PLEO_EXPORT_API_KEY to an API key from Pleo (Settings > API Keys);"


def init(  # noqa: PLR0913 the options of a command
    folder: FolderArgument = Path(),
    *,
    company_id: CompanyOption = None,
    api_key_file: KeyOption = None,
    base_url: UrlOption = PLEO_URL,
    connector: ConnectorOption = "ledger",
    odoo_url: OdooUrlOption = None,
    odoo_database: OdooDatabaseOption = None,
    odoo_company: OdooCompanyOption = None,
    odoo_api_key_file: OdooKeyOption = None,
) -> None:
    """Write a commented settings file, and for the ledger a chart of accounts to begin with. Nothing is ever overwritten.

    With `--connector odoo` it asks for what was not given, and shows the company it found there before it writes anything.
    """
    _require_address(base_url)
    given: dict[str, Value] = {} if base_url == PLEO_URL else {"pleo.base_url": base_url}
    names = (SETTINGS_FILE, CHART_FILE) if connector == "ledger" else (SETTINGS_FILE,)
    with explained():
        for name in names:
            _refuse_to_overwrite(folder / name)
        if company_id is not None:
            company_id = _checked(company_id)
        if api_key_file is not None:
            company_id = complete(_installed(api_key_in(api_key_file), base_url, company_id))
        if company_id is not None:
            given["pleo.company_id"] = company_id
        if api_key_file is not None:
            given["pleo.api_key_file"] = str(api_key_file.resolve())
        if connector == "odoo":
            given |= odoo_values(
                OdooAnswers(odoo_url, odoo_database, odoo_company, odoo_api_key_file), folder
            )
        folder.mkdir(parents=True, exist_ok=True)
        texts = {SETTINGS_FILE: settings_text(given), CHART_FILE: example_chart()}
        for name in names:
            (folder / name).write_text(texts[name], encoding="utf-8")
    written = " and ".join(str(folder / name) for name in names)
    out().print(f"Written: {written}.\nNext:", markup=False)
    doctor = f"pleo-export doctor --settings {quote(str(folder / SETTINGS_FILE))}"
    left = (company_id is None and _ID, _ACCOUNTS[connector], api_key_file is None and _KEY, doctor)
    for number, step in enumerate(filter(None, left), 1):
        out().print(f"  {number}. {step}", markup=False, soft_wrap=True)


def _require_address(url: str) -> None:
    try:
        read_base_url(url)
    except UnusableBaseUrlError as error:
        fail(f"--base-url: {error}", ExitCode.WRONG_SETTINGS)


def _refuse_to_overwrite(path: Path) -> None:
    if path.exists():
        fail(
            f"{path} is there already and stays as it is. Choose another folder, or edit the file.",
            ExitCode.WRONG_SETTINGS,
        )


async def _installed(key: str, base_url: str, company_id: str | None) -> str:
    """Have Pleo know that an API key is used, as it asks of whoever has one; return the company's id."""
    async with PleoClient(base_url, ApiKey(key)) as pleo:
        installation = await pleo.installation.ensure()
    try:
        whose = company_of(installation)
    except NoCompanyError:
        if company_id is None:
            fail("The key is not of one company: name it with --company-id.", ExitCode.WRONG_SETTINGS)
        return company_id
    if company_id not in {None, whose}:
        fail(f"The key is of company {whose}, not of {company_id}.", ExitCode.WRONG_SETTINGS)
    return whose


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


def settings_text(values: Mapping[str, Value]) -> str:
    """Return a settings file with every setting in it: required or given ones filled, the others as comments.

    `values` holds settings by their dotted name: text (`ledger.folder`), or a table (`mapping.accounts`). Of the accounting
    systems, the section is there that they name, else the ledger's.
    """
    lines = [
        "# Settings of pleo-export for one company. Lines that begin with # show the defaults, or examples."
    ]
    system = next((name for name in ACCOUNTING_SYSTEMS if _has_values(name, values)), ACCOUNTING_SYSTEMS[0])
    for name, field in Settings.model_fields.items():
        if name in ACCOUNTING_SYSTEMS and name != system:
            continue
        section = _model(field)
        lines += ["", toml_comment(section.__doc__ or ""), f"[{name}]"]
        # Whatever stands behind the head of a table belongs to the table, so tables come last.
        options = sorted(section.model_fields.items(), key=lambda option: _is_table(option[1]))
        for key, option in options:
            lines += _option(f"{name}.{key}", option, values)
    return "\n".join([*lines, ""])


def _has_values(section: str, values: Mapping[str, Value]) -> bool:
    return any(dotted.partition(".")[0] == section for dotted in values)


def _model(field: FieldInfo) -> type[BaseModel]:
    """Return the model of a section, which may be one that need not be there."""
    kinds = (field.annotation, *get_args(field.annotation))
    return next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))


def _is_table(option: FieldInfo) -> bool:
    return get_origin(option.annotation) is dict


def _option(dotted: str, option: FieldInfo, values: Mapping[str, Value]) -> Iterator[str]:
    given = dotted in values or option.is_required()
    value = values.get(dotted) or EXAMPLES.get(dotted) or option.default
    if isinstance(value, Mapping):
        yield ""
        setting = [f"[{dotted}]", *(toml_line(key, one) for key, one in value.items())]
    else:
        setting = [toml_line(dotted.partition(".")[2], value)]
    yield toml_comment(option.description or "")
    yield from (line if given else f"# {line}" for line in setting)
