"""The connector `odoo`: an Odoo 19 server, through its JSON-2 API."""

from pleo_export.accounting.odoo.connector import OdooConnector
from pleo_export.accounting.odoo.settings import OdooSettings

__all__ = ["OdooConnector", "OdooSettings"]
