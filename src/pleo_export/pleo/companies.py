"""What Pleo tells of a company itself, to whoever was granted to read it."""

from urllib.parse import quote

import msgspec

from pleo_export.domain.item import PleoModel
from pleo_export.pleo.errors import PleoError
from pleo_export.pleo.paging import single
from pleo_export.pleo.transport import Call, Transport


class PleoAddress(PleoModel, frozen=True):
    """Where a company is; `country` as Pleo writes it."""

    country: str | None = None


class PleoCompany(PleoModel, frozen=True):
    """A company as it is known in Pleo."""

    id: str
    name: str
    registration_number: str | None = None
    address: PleoAddress | None = None


class Companies:
    """The call about a company. It is a courtesy: nothing depends on its answer."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(self, company_id: str) -> PleoCompany | None:
        """Return what Pleo tells of the company; None where it does not, as without the scope `companies:read`."""
        call = Call(method="GET", path=f"/v1/companies/{quote(company_id, safe='')}", repeatable=False)
        try:
            return await self._transport.send(call, single(_company))
        except PleoError:
            return None


def _company(body: bytes) -> PleoCompany:
    return msgspec.json.decode(body, type=PleoCompany)
