"""Settling a failed expense from the page: by looking its entry up, or on a person's word. Nothing is ever recorded here."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from pleo_export.accounting.port import Connector, ConnectorError, Recorded
from pleo_export.compose import connector_for
from pleo_export.config import SettingsError
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import Finding, Severity
from pleo_export.domain.progress import ItemProgress, Settled
from pleo_export.pleo.auth import UnusableSecretError
from pleo_export.service.kinds import ODOO_API_KEY
from pleo_export.service.page.parts import PageParts
from pleo_export.store.settling import Settlement
from pleo_export.vault.errors import VaultError

LOOK_UP_SECONDS = 30.0
RECEIPTS_UNSEEN = (
    "The entry was found by looking it up later; whether all of its receipts are with it was not looked at."
)


class NotSettledError(Exception):
    """The look-up came to no outcome; the sentence says why, and what helps."""


async def look_up(parts: PageParts, company_id: str, item: ItemProgress, who: str) -> ItemProgress | None:
    """Settle an unknown item whose entry is found by its reference; None where there surely is none.

    Raises NotSettledError where nobody knows, or where another entry stands under the reference; ContradictionError.
    """
    try:
        async with asyncio.timeout(LOOK_UP_SECONDS), _connector(parts, company_id) as connector:
            found = await connector.find(item.accounting_entry_id)
            if found is None:
                _require_well(await connector.check())
                return None
            settlement = await _settlement(parts, item, connector, found, who)
    except (ConnectorError, SettingsError, UnusableSecretError, VaultError) as error:
        raise NotSettledError(str(error)) from error
    except TimeoutError as error:
        raise NotSettledError(
            f"The accounting system did not answer within {LOOK_UP_SECONDS:.0f} seconds. Try again later."
        ) from error
    return await parts.store.settle(company_id, item.job_id, item.accounting_entry_id, settlement)


def _require_well(findings: Sequence[Finding]) -> None:
    """Let "there is no such entry" count only where the books are there to be looked through. Raises NotSettledError."""
    for one in findings:
        if one.severity is Severity.ERROR:
            raise NotSettledError(f"{one.problem} {one.remedy}")


async def record_by_hand(
    parts: PageParts, company_id: str, item: ItemProgress, external_id: str, who: str
) -> ItemProgress:
    """Note that a person has recorded the expense, under this id. Raises ContradictionError."""
    settlement = Settlement(how=Settled.BY_HAND, by=who, external_id=external_id)
    return await parts.store.settle(company_id, item.job_id, item.accounting_entry_id, settlement)


async def _settlement(
    parts: PageParts, item: ItemProgress, connector: Connector, found: Recorded, who: str
) -> Settlement:
    explained = await parts.store.explanation(item.job_id, item.accounting_entry_id)
    entry = None if explained is None else explained.entry
    if entry is not None and found.fingerprint not in (None, entry.fingerprint):
        differs = Cause.ENTRY_DIFFERS.told(system=connector.name, entry=found.external_id)
        raise NotSettledError(" ".join(differs))
    return Settlement(
        how=Settled.LOOKED_UP,
        by=who,
        external_id=found.external_id,
        url=connector.link(found),
        posted_on=found.posted,
        note=RECEIPTS_UNSEEN if entry is None or entry.attachments else None,
    )


@asynccontextmanager
async def _connector(parts: PageParts, company_id: str) -> AsyncIterator[Connector]:
    settings = await parts.companies.settings(company_id)
    connector = connector_for(settings, await parts.companies.secret(company_id, ODOO_API_KEY))
    try:
        yield connector
    finally:
        await connector.close()
