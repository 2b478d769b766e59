from collections.abc import AsyncIterator

import pytest

from pleo_export.accounting.odoo import OdooConnector
from tests.accounting.odoo.books import OdooBooks
from tests.odoo.server import OdooDatabase, OdooServer


@pytest.fixture
def books(odoo_server: OdooServer, odoo: OdooDatabase) -> OdooBooks:
    return OdooBooks(odoo_server, odoo)


@pytest.fixture
async def connector(books: OdooBooks) -> AsyncIterator[OdooConnector]:
    connector = books.connector()
    yield connector
    await connector.close()
