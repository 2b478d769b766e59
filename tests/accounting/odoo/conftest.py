import pytest

from tests.accounting.odoo.books import OdooBooks
from tests.odoo.server import OdooDatabase, OdooServer


@pytest.fixture
def books(odoo_server: OdooServer, odoo: OdooDatabase) -> OdooBooks:
    return OdooBooks(odoo_server, odoo)
