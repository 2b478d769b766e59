"""What has to be known and there before an entry can be made: accounts, open days, vendors, rates."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from pleo_export.accounting.acceptance import accept
from pleo_export.accounting.odoo.chart import Chart, read_chart
from pleo_export.accounting.odoo.client import OdooClient
from pleo_export.accounting.odoo.documents import rows
from pleo_export.accounting.odoo.locks import Locks, read_locks
from pleo_export.accounting.odoo.plan import (
    CurrencyInactiveError,
    CurrencyRateMissingError,
    Plan,
    TaxAmbiguousError,
    journal_of,
)
from pleo_export.accounting.odoo.reference import reference_of
from pleo_export.accounting.odoo.taxes import split
from pleo_export.accounting.odoo.values import need_rates
from pleo_export.accounting.odoo.vendors import Vendors
from pleo_export.accounting.port import ConnectorError, EntryRefusedError, PeriodClosedError
from pleo_export.domain.entry import Entry, EntryKind
from pleo_export.domain.reference import ReferenceData

NOT_THERE_YET = 0  # the number of a contact that a preview does not create


class _RateRow(msgspec.Struct):
    rate: Decimal


class Planning:
    """Turns entries into plans. What Odoo has is read once, and again where an entry does not fit it."""

    def __init__(self, client: OdooClient) -> None:
        self._client = client
        self.vendors = Vendors(client)
        self._known: tuple[Chart, ReferenceData] | None = None

    async def chart(self) -> Chart:
        """Return what the company has in Odoo, as it was read last. Raises ConnectorError."""
        return (self._known or await self.read())[0]

    async def read(self) -> tuple[Chart, ReferenceData]:
        """Read what the company has in Odoo, from now on the base of all plans. Raises ConnectorError."""
        chart, locks = await read_chart(self._client), await read_locks(self._client)
        self._known = chart, reference_of(chart, locks)
        return self._known

    async def plan(self, entries: Sequence[Entry], attempt: str) -> Sequence[Plan | ConnectorError]:
        """Return a plan for each entry, or why it is refused. Raises ConnectorError where Odoo cannot be asked."""
        fresh = self._known is None
        known, locks = self._known or await self.read(), await read_locks(self._client)
        planned = [await self._planned(one, attempt, known, locks) for one in entries]
        if fresh or not any(isinstance(one, EntryRefusedError) for one in planned):
            return planned
        known = await self.read()
        return [
            await self._planned(entry, attempt, known, locks) if isinstance(one, EntryRefusedError) else one
            for entry, one in zip(entries, planned, strict=True)
        ]

    async def preview(self, entry: Entry) -> Plan:
        """Return a plan as far as it can be made without changing anything. Raises ConnectorError."""
        chart, books = self._known or await self.read()
        booked = _split(entry, chart)
        accept(booked, replace(books, locked_through=None))
        known = await self.vendors.known(entry.vendor.id, chart) if entry.vendor else None
        partner = NOT_THERE_YET if known is None and entry.vendor else known
        return await self._with_rates(
            Plan(entry=booked, fingerprint=entry.fingerprint, chart=chart, partner=partner)
        )

    async def _planned(
        self, entry: Entry, attempt: str, known: tuple[Chart, ReferenceData], locks: Locks
    ) -> Plan | ConnectorError:
        chart, books = known
        try:
            booked = _split(entry, chart)
            accept(booked, replace(books, locked_through=_closed_through(booked, chart, locks)))
            partner = await self.vendors.partner(entry.vendor, chart)
            plan = await self._with_rates(
                Plan(
                    entry=booked,
                    fingerprint=entry.fingerprint,
                    chart=chart,
                    attempt=attempt,
                    partner=partner,
                )
            )
            for _ in rows(plan):
                pass  # whatever Odoo would refuse without good words is refused here
        except (EntryRefusedError, PeriodClosedError) as error:
            return error
        return plan

    async def _with_rates(self, plan: Plan) -> Plan:
        entry, own = plan.entry, plan.chart.company.currency
        legs = (*entry.postings, *entry.settlement, *entry.clearing)
        needed = sorted(need_rates(legs, own, entry.owed))
        rates = {one: await self._rate(plan.chart, one, entry.posting_date) for one in needed}
        return replace(plan, rates=rates)

    async def _rate(self, chart: Chart, currency: str, day: date) -> Decimal:
        """Return how many units of a currency one unit of the company's was on a day, as Odoo has it."""
        if currency not in chart.currencies:
            raise CurrencyInactiveError(currency)
        # Without a rate up to that day Odoo would take a later one, or one to one.
        domain = [["id", "=", chart.currencies[currency].id], ["rate_ids.name", "<=", day.isoformat()]]
        rows = await self._client.search_read(
            "res.currency", list[_RateRow], domain, context={"date": day.isoformat()}
        )
        if not rows:
            raise CurrencyRateMissingError(currency, day)
        return rows[0].rate


def _split(entry: Entry, chart: Chart) -> Entry:
    for leg in entry.postings:
        if leg.tax_code in chart.ambiguous:
            raise TaxAmbiguousError(leg.tax_code or "")
    return split(entry, chart.taxes)


def _closed_through(entry: Entry, chart: Chart, locks: Locks) -> date | None:
    bill = entry.kind in (EntryKind.BILL, EntryKind.CREDIT_NOTE)
    journal = journal_of(chart, entry.journal, bill=bill and entry.vendor is not None)
    taxed = any(leg.tax_code in chart.taxes for leg in entry.postings)
    return locks.through(journal.type, taxed=taxed)
