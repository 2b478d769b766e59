"""A company of one's own in Odoo for an end-to-end test, and the settings that lead into it."""

import asyncio
from pathlib import Path

from pleo_export.cli.demo_odoo_company import JOURNALS, make_company
from pleo_export.cli.init_odoo import Access
from pleo_export.cli.scenarios import DEMO, Scenario
from pleo_export.toml_text import Value
from tests.odoo.server import OdooDatabase


def settings_for(odoo: OdooDatabase, folder: Path, scenario: Scenario = DEMO) -> dict[str, Value]:
    """Make a company with the accounts of a scenario, and return settings under which its entries are posted."""
    key = folder / "odoo-key.txt"
    key.write_text(odoo.admin_key, encoding="ascii")
    access = Access(odoo.settings, odoo.admin_key, None, typed=False)
    company = asyncio.run(make_company(access, scenario))
    return {
        "odoo.url": odoo.url,
        "odoo.database": odoo.name,
        "odoo.company_id": company,
        "odoo.api_key_file": str(key),
        "bookkeeping.posting": "final",
        **scenario.settings,
        **JOURNALS,
    }
