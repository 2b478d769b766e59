"""A connector of one's own in the place of ours."""

from pathlib import Path

import pytest

from pleo_export.accounting.ledger.chart import read_chart
from pleo_export.accounting.memory import MemoryBooks, MemoryConnector
from pleo_export.compose import working
from pleo_export.config import load_settings
from pleo_export.pleo.auth import ApiKey
from pleo_export.simulator.hands import simulator_process
from pleo_export.workflow.flow import export_pending
from tests.e2e.story import API_KEY, Story


@pytest.mark.slow
async def test_a_connector_of_ones_own_is_given_what_run_would_have_recorded(tmp_path: Path) -> None:
    with simulator_process() as url:
        story = Story(tmp_path, url)
        ids = story.expenses(3)
        job = story.press_export(ids)
        books = MemoryBooks(read_chart(tmp_path / "chart.toml").reference_data)
        settings = load_settings(story.settings)
        async with working(settings, ApiKey(API_KEY), connector=MemoryConnector(books)) as parts:
            (summary,) = await export_pending(parts)
        assert story.job(job)["status"] == summary.event == "completed"
    assert books.entries.keys() == set(ids)
    assert not story.books.exists()
