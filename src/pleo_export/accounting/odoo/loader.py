"""The documents of entries are made: all of them in one transaction, or whoever is to blame for it is found and left out."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from pleo_export.accounting.odoo.batches import Outcome
from pleo_export.accounting.odoo.client import OdooClient
from pleo_export.accounting.odoo.documents import rows, table
from pleo_export.accounting.odoo.errors import OdooBusyError, TooLargeError, refused
from pleo_export.accounting.odoo.loading import CONFLICTS_MAX, ONCE, Loaded, pause
from pleo_export.accounting.odoo.lookup import Found
from pleo_export.accounting.odoo.plan import Plan
from pleo_export.accounting.port import ConnectorError, EntryRefusedError

# Odoo would work out again what the tax of a foreign bill is worth, from the lines: another amount than it is told.
_AS_TOLD = {**ONCE, "skip_invoice_sync": True}


class Work(msgspec.Struct):
    """An entry under way: its documents in Odoo once they are there, its outcome once that is known.

    `drafts` are those of them that are left to post or, where they are to stay drafts, to match.
    """

    plan: Plan
    documents: list[int] = []
    drafts: list[Found] = []
    outcome: Outcome | None = None


class Loader:
    """Makes documents, or finds those that are there already."""

    def __init__(self, client: OdooClient) -> None:
        self._client = client

    async def load(self, works: Sequence[Work]) -> None:
        """Make the documents of all that can be made; whoever is refused costs the others a retry and no more.

        Whoever is refused has that as its outcome. Raises ConnectorError where it is the same for all.
        """
        if not works:
            return
        blamed = await self._blamed(works)
        if len(works) == 1:
            # Odoo may tell of a conflict in any language: whoever is refused is asked for once more.
            blamed = blamed and await self._blamed(works)
            await self._blame(works[0], blamed.get(0))
        elif blamed:
            # Odoo blames the first entry for errors of others too, so each is told alone what is wrong with it.
            await self.load([one for place, one in enumerate(works) if place not in blamed])
            for place in blamed:
                await self.load([works[place]])

    async def _blame(self, work: Work, error: ConnectorError | None) -> None:
        """Note why an entry was not loaded; a bill is loaded once more without asking Odoo for its tax."""
        if work.plan.is_bill and not work.plan.untold and isinstance(error, EntryRefusedError):
            work.plan = replace(work.plan, untold=f"Odoo refuses the bill with it: {error.said}")
            await self.load([work])
        else:
            work.outcome = error

    async def _blamed(self, works: Sequence[Work]) -> Mapping[int, ConnectorError]:
        """Load all or nothing; return who Odoo says is to blame for nothing, by place."""
        error: ConnectorError | None = None
        for attempt in range(CONFLICTS_MAX):
            await pause(attempt)
            blamed = await self._loaded(works)
            error = next((one for one in blamed.values() if isinstance(one, OdooBusyError)), None)
            if error is None:
                return blamed
        return dict.fromkeys(range(len(works)), error) if error else {}

    async def _loaded(self, works: Sequence[Work]) -> Mapping[int, ConnectorError]:
        own = [list(rows(one.plan)) for one in works]
        fields, data = table([row for one in own for row in one], works[0].plan.chart)
        try:
            answer = await self._client.call(
                "account.move", "load", Loaded, context=_AS_TOLD, fields=fields, data=data
            )
        except TooLargeError as error:  # together; each alone may pass
            return dict.fromkeys(range(len(works)), error)
        if isinstance(answer.ids, list):
            ids = iter(answer.ids)
            for one in works:
                one.documents = [next(ids) for _ in one.plan.parts]
            return {}
        owners = [place for place, one in enumerate(own) for _ in one]
        blamed: dict[int, ConnectorError] = {}
        for message in answer.messages:
            said = refused(message.message)
            touched = owners[message.rows.first : message.rows.last + 1] if message.rows else owners
            blamed.update(dict.fromkeys(touched, said))
        return blamed or dict.fromkeys(owners, EntryRefusedError("Odoo gave no reason"))
