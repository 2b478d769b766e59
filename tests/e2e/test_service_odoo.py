"""The service works for a company whose books are in Odoo, with a key that it keeps itself."""

from pathlib import Path

import pytest

from pleo_export.simulator.hands import simulator_process
from pleo_export.vault import new_key
from tests.e2e.odoo_story import settings_for
from tests.e2e.service_process import call, environment, running, until
from tests.e2e.story import API_KEY, COMPANY_ID, Story
from tests.odoo.server import OdooDatabase

pytestmark = pytest.mark.slow


def test_a_company_in_odoo_is_in_trouble_without_a_key_and_worked_for_with_one(
    odoo: OdooDatabase, tmp_path: Path
) -> None:
    settings = settings_for(odoo, tmp_path)
    key = str(settings.pop("odoo.api_key_file"))
    env = environment(
        tmp_path,
        PLEO_EXPORT_API_KEY=API_KEY,
        PLEO_EXPORT_ENCRYPTION_KEY=new_key(),
        PLEO_EXPORT_POLL_MINUTES="0.05",
    )
    env = {name: value for name, value in env.items() if name != "PLEO_EXPORT_ODOO_API_KEY"}
    with simulator_process() as url:
        story = Story(tmp_path, url, settings=settings)
        call(env, "companies", "add", str(story.settings))
        job = story.press_export(story.expenses(5))
        with running(["serve"], env, tmp_path) as service:
            until(
                lambda: "PLEO_EXPORT_ODOO_API_KEY" in call(env, "companies", "show", COMPANY_ID),
                "the trouble",
            )
            call(env, "credentials", "set-api-key", COMPANY_ID, key, "--of", "odoo")
            until(lambda: bool(story.job(job)["status"] == "completed"), "the job")
            assert odoo.admin_key not in service.said()
        assert "was removed" in call(env, "companies", "remove", COMPANY_ID)
        added = call(env, "companies", "add", str(story.settings), "--odoo-api-key-file", key)
        assert "was added" in added
        again = story.press_export(story.expenses(5, seed=2))
        with running(["serve"], env, tmp_path):
            until(lambda: bool(story.job(again)["status"] == "completed"), "the second job")
    context = {"allowed_company_ids": [settings["odoo.company_id"]]}
    assert odoo.call("account.move", "search_count", domain=[["state", "=", "posted"]], context=context) >= 10
