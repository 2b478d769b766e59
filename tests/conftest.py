"""For all tests: which of them may open sockets, and where on earth they run."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import settings

from tests.odoo.fixtures import odoo, odoo_server, pytest_terminal_summary
from tests.scorecard.plugin import pytest_collection_finish, pytest_runtest_makereport, score, select

__all__ = [
    "odoo",
    "odoo_server",
    "pytest_collection_finish",
    "pytest_runtest_makereport",
    "pytest_terminal_summary",
    "score",
]  # for all tests

# The same examples at every run, and no database of examples beside the code.
settings.register_profile("same every time", derandomize=True, database=None, deadline=None)
settings.load_profile("same every time")

# Far from UTC, so that a time that is taken for a local one is seen; the programs that tests start inherit it.
os.environ["TZ"] = "NPT-5:45"
time.tzset()

# These test pure code or files; a socket there is a mistake. Others may reach this machine only (see pyproject.toml).
WITHOUT_SOCKETS = {"domain", "store", "config", "golden"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if others := select(items):
        items[:] = [item for item in items if item not in others]
        config.hook.pytest_deselected(items=others)
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).parts[0] in WITHOUT_SOCKETS:
            item.add_marker(pytest.mark.disable_socket)
