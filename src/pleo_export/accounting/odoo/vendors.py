"""Vendors are contacts of Odoo, known by their internal reference; one that is created gets the vendor's id as its own."""

import msgspec

from pleo_export.accounting.acceptance import UnknownVendorError
from pleo_export.accounting.odoo.chart import Chart
from pleo_export.accounting.odoo.client import OdooClient
from pleo_export.accounting.odoo.loading import load_once
from pleo_export.accounting.odoo.names import vendor_id
from pleo_export.accounting.port import EntryRefusedError
from pleo_export.domain.entry import EntryVendor

_FIELDS = ("id", "name", "ref", "is_company", "supplier_rank", "vat")


class _Id(msgspec.Struct):
    id: int


class Vendors:
    """Finds the contact of a vendor, or creates it."""

    def __init__(self, client: OdooClient) -> None:
        self._client = client
        self._created: dict[str, int] = {}

    async def partner(self, vendor: EntryVendor | None, chart: Chart) -> int | None:
        """Return the number of a vendor's contact. Raises UnknownVendorError, ConnectorError."""
        if vendor is None:
            return None
        known = await self.known(vendor.id, chart)
        if known is None and not vendor.create:
            raise UnknownVendorError(vendor)
        if known is None:
            known = self._created[vendor.id] = await self._create(vendor, chart.company.id)
        return known

    async def known(self, vendor_id: str, chart: Chart) -> int | None:
        """Return the number of a vendor's contact, where there is one. Raises ConnectorError."""
        if (known := chart.vendors.get(vendor_id)) is not None:
            return known.id
        return self._created.get(vendor_id) or await self._found(vendor_id)

    async def _found(self, vendor_id: str) -> int | None:
        domain = [["ref", "=", vendor_id], ["parent_id", "=", False]]
        rows = await self._client.search_read("res.partner", list[_Id], domain, order="id", limit=1)
        return rows[0].id if rows else None

    async def _create(self, vendor: EntryVendor, company: int) -> int:
        """Create the contact once, whoever else does; without a tax number that Odoo does not take."""
        row = [vendor_id(company, vendor.id), vendor.name or vendor.id, vendor.id, "True", "1"]
        try:
            return await load_once(self._client, "res.partner", _FIELDS, [*row, vendor.tax_identifier or ""])
        except EntryRefusedError:
            return await load_once(self._client, "res.partner", _FIELDS, [*row, ""])
