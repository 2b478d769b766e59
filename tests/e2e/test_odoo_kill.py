"""`kill -9` of the running job at random moments, into a real Odoo. The oracle reads Odoo and Pleo's side only."""

import asyncio
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pleo_export.cli.demo_odoo_company import JOURNALS, make_company
from pleo_export.cli.init_odoo import Access
from pleo_export.cli.scenarios import DEMO
from pleo_export.simulator.hands import simulator_process
from pleo_export.toml_text import Value
from tests.e2e.story import Story
from tests.e2e.test_kill import run_and_kill
from tests.odoo.server import OdooDatabase

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

KILLS_MIN = 40
SEED = 20260105
ITEMS = 40


def settings_for(odoo: OdooDatabase, folder: Path) -> dict[str, Value]:
    """Make a company with the accounts of the demonstration, and return the settings that lead into it."""
    key = folder / "odoo-key.txt"
    key.write_text(odoo.admin_key, encoding="utf-8")
    access = Access(odoo.settings, odoo.admin_key, None, typed=False)
    company = asyncio.run(make_company(access, DEMO))
    return {
        "odoo.url": odoo.url,
        "odoo.database": odoo.name,
        "odoo.company_id": company,
        "odoo.api_key_file": str(key),
        "bookkeeping.posting": "final",
        **JOURNALS,
    }


def test_each_expense_stands_in_odoo_once_whenever_the_process_is_killed(
    odoo: OdooDatabase, tmp_path: Path
) -> None:
    draw = random.Random(SEED)
    kills = 0
    expected: list[str] = []
    settings = settings_for(odoo, tmp_path)
    with simulator_process() as url:
        story = Story(tmp_path, url, settings=settings)
        while kills < KILLS_MIN:
            ids = story.expenses(ITEMS, seed=len(expected))
            story.press_export(ids)
            expected += ids
            longest = 0.5
            while run_and_kill(story, draw.uniform(0.0, longest), at_work=draw.random() < 0.9) is None:
                kills += 1
                longest += 0.5  # a run that is never left alone for long gets nowhere
        expenses = {one["accountingEntryId"]: one for one in story.company()["expenses"]}
    check(odoo, settings["odoo.company_id"], expected, expenses)


def check(odoo: OdooDatabase, company: Value, expected: list[str], expenses: dict[str, Any]) -> None:
    def read(model: str, domain: list[Any], fields: list[str]) -> Any:
        context = {"allowed_company_ids": [company]}
        return odoo.call(model, "search_read", domain=domain, fields=fields, context=context)

    moves = read("account.move", [], ["invoice_origin", "state"])
    assert {move["state"] for move in moves} == {"posted"}
    notes = [(move["id"], json.loads(move["invoice_origin"])) for move in moves]
    entries = {note["pleo"]: number for number, note in notes if "part" not in note}
    assert Counter((note["pleo"], note.get("part")) for _, note in notes).most_common(1)[0][1] == 1
    assert sorted(entries) == sorted(expected)
    assert {expenses[one]["exportStatus"] for one in expected} == {"exported"}
    assert {one: str(entries[one]) for one in expected} == {
        one: expenses[one]["externalId"] for one in expected
    }
    files = read("ir.attachment", [["res_model", "=", "account.move"]], ["res_id"])
    assert Counter(one["res_id"] for one in files) == Counter(entries.values())
