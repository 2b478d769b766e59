"""The whole contract suite on a real Odoo, as a user with few rights."""

import pytest

from pleo_export.testing.contract import Books, ConnectorContract
from tests.accounting.odoo.books import OdooBooks


@pytest.mark.slow
class TestOdooContract(ConnectorContract):
    @pytest.fixture
    def books(self, books: OdooBooks) -> Books:
        return books
