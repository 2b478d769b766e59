"""Fixtures for tests against a real Odoo; such tests are slow, and skipped where none can be had."""

from collections.abc import Iterator

import pytest

from tests.odoo.archive import NoOdooError
from tests.odoo.server import OdooDatabase, OdooServer
from tests.odoo.server import odoo_server as a_server


@pytest.fixture(scope="session")
def odoo_server() -> Iterator[OdooServer]:
    """A running Odoo, one for each process of the tests."""
    try:
        with a_server() as server:
            yield server
    except NoOdooError as error:
        pytest.skip(str(error))


@pytest.fixture
def odoo(odoo_server: OdooServer) -> OdooDatabase:
    """A company's database as new. Its name is always the same: a test that wants two asks the server for the other."""
    return odoo_server.fresh()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Let the tests that were skipped for want of an Odoo stand on one line: pytest tells those of one place together."""
    for report in terminalreporter.stats.get("skipped", ()):
        if isinstance(report.longrepr, tuple) and NoOdooError.START in report.longrepr[2]:
            report.longrepr = (__file__, None, report.longrepr[2])
