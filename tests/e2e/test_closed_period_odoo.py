"""A period that is closed in Odoo, under each strategy: the command line, a simulated Pleo and a real Odoo."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pleo_export.simulator.hands import simulator_process
from tests.e2e.odoo_story import settings_for
from tests.e2e.story import Story
from tests.odoo.server import OdooDatabase

pytestmark = pytest.mark.slow

ITEMS = 3


def _today() -> date:
    return datetime.now(UTC).date()


def test_a_closed_period_fails_an_expense_or_moves_it_as_the_settings_say(
    odoo: OdooDatabase, tmp_path: Path
) -> None:
    settings = settings_for(odoo, tmp_path)
    company = settings["odoo.company_id"]
    context = {"allowed_company_ids": [company]}
    locked = _today() - timedelta(days=3)
    vals = {"fiscalyear_lock_date": locked.isoformat()}
    odoo.call("res.company", "write", ids=[company], vals=vals, context=context)

    with simulator_process() as url:
        story = Story(tmp_path, url, settings=settings)

        def exported(strategy: str, seed: int) -> tuple[int, str, set[str]]:
            """Export other expenses under a strategy; return exit code, what was said, and the days they stand on."""
            story.write_settings({**settings, "bookkeeping.closed_period": strategy})
            ids = story.expenses(ITEMS, seed=seed)
            story.press_export(ids)
            code, said, _ = story.call("run")
            moves = odoo.call(
                "account.move",
                "search_read",
                domain=[["ref", "in", ids], ["state", "=", "posted"]],
                fields=["date"],
                context=context,
            )
            assert len(moves) in (0, ITEMS)
            return code, " ".join(said.split()), {move["date"] for move in moves}

        code, said, days = exported("fail", 1)
        assert (code, days) == (1, set())
        assert "period-closed" in said
        assert f"the first open day is {locked + timedelta(days=1)}" in said
        assert exported("next_open", 2)[::2] == (0, {(locked + timedelta(days=1)).isoformat()})
        before = _today()
        code, _, days = exported("today", 3)
        assert code == 0
        assert days <= {before.isoformat(), _today().isoformat()}
        assert days
