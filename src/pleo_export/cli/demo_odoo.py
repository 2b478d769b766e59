"""A demonstration's books in Odoo: a company of its own beside those that are there, read back at the end."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from decimal import Decimal
from pathlib import Path

import msgspec

from pleo_export.accounting.odoo.client import OdooClient
from pleo_export.accounting.odoo.note import read_note
from pleo_export.cli.common import ExitCode, complete, confirmed, fail
from pleo_export.cli.demo_books import TrialBalance
from pleo_export.cli.demo_odoo_company import JOURNALS, chart_of, make_company
from pleo_export.cli.init_odoo import OdooAnswers, asked
from pleo_export.cli.scenarios import Scenario
from pleo_export.config import SETTINGS_FILE, Secrets, Settings, odoo_api_key
from pleo_export.toml_text import Value

Named = tuple[int, str]


class _Line(msgspec.Struct):
    move_id: Named
    account_id: Named
    currency_id: Named
    amount_currency: Decimal


class _Move(msgspec.Struct):
    id: int
    invoice_origin: str | bool


class _Account(msgspec.Struct):
    id: int
    code: str


class OdooBooks:
    """A company in a running Odoo. `yes`: nobody is asked before it is made."""

    name = "Odoo"

    def __init__(self, answers: OdooAnswers, *, yes: bool) -> None:
        self._answers, self._yes = answers, yes

    def set_up(self, folder: Path, scenario: Scenario) -> Mapping[str, Value]:
        """Make the company, unless the folder has one already. Raises ConnectorError, DemoCompanyError."""
        if (folder / SETTINGS_FILE).exists():
            return {}
        access = asked(self._answers, folder)
        question = (
            f"Make the company {scenario.title}, its accounts, taxes and vendors, for trying out, in the database"
            f" {access.settings.database} at {access.settings.url}?"
        )
        if not self._yes and not confirmed(question):
            fail("Nothing was made.", ExitCode.SOMETHING_FAILED)
        company_id = complete(make_company(access, scenario))
        made = access.settings.model_copy(update={"company_id": company_id})
        return {**JOURNALS, **access._replace(settings=made).values(folder)}

    def balance(self, settings: Settings, scenario: Scenario, references: Collection[str]) -> TrialBalance:
        """Sum the lines of the company: those of other entries of ours left out, anybody else's taken along."""
        return complete(_balance(settings, scenario, references))

    def verdict(self, settings: Settings) -> None:
        """Odoo takes no entry that does not balance."""

    def where(self, settings: Settings) -> str:
        """Name the address and the company."""
        assert settings.odoo is not None
        return f"Odoo: {settings.odoo.url}/odoo?cids={settings.odoo.company_id}"


async def _balance(settings: Settings, scenario: Scenario, references: Collection[str]) -> TrialBalance:
    assert settings.odoo is not None
    names = chart_of(scenario).names
    client = OdooClient(settings.odoo, odoo_api_key(settings, Secrets()).get_secret_value())
    try:
        company = ["company_id", "=", settings.odoo.company_id]
        standing = ["parent_state", "!=", "cancel"]
        lines = await client.search_read("account.move.line", list[_Line], [company, standing])
        moves = await client.search_read("account.move", list[_Move], [company])
        accounts = await client.search_read(
            "account.account", list[_Account], [["company_ids", "in", settings.odoo.company_id]]
        )
    finally:
        await client.close()
    notes = {one.id: read_note(one.invoice_origin) for one in moves}
    codes = {one.id: one.code for one in accounts}
    totals: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for line in lines:
        note, code = notes[line.move_id[0]], codes[line.account_id[0]]
        if note is None or note.pleo in references:
            totals[names.get(code, code), line.currency_id[1]] += line.amount_currency
    return {key: amount for key, amount in totals.items() if amount}
