"""What would keep entries from being recorded in Odoo, found without changing anything."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date

from pleo_export.accounting.odoo.chart import Chart, Currency
from pleo_export.accounting.odoo.client import OdooClient
from pleo_export.accounting.odoo.locks import Locks, read_locks
from pleo_export.accounting.odoo.planning import Planning
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import Finding, finding
from pleo_export.domain.money import UnknownCurrencyError

# What the verbs of the connector do, by model.
_RIGHTS = (
    ("account.move", "Journal Entry", ("read", "create", "write", "unlink")),
    ("account.move.line", "Journal Item", ("read", "create", "write")),
    ("account.partial.reconcile", "Partial Reconcile", ("read", "create", "unlink")),
    ("ir.attachment", "Attachment", ("read", "create")),
    ("res.partner", "Contact", ("read",)),
    ("account.account", "Account", ("read",)),
    ("account.tax", "Tax", ("read",)),
    ("account.journal", "Journal", ("read",)),
    ("account.analytic.account", "Analytic Account", ("read",)),
    ("res.currency", "Currency", ("read",)),
)
_JOURNAL_TYPES = {"general": "Miscellaneous", "purchase": "Purchase"}


async def check(client: OdooClient, planning: Planning, today: date) -> list[Finding]:
    """Look at the server, the company, the user's rights and what is in the books. Raises ConnectorError."""
    findings = [*_version(await client.version()), *await _rights(client)]
    if any(one.cause is Cause.SYSTEM_FORBIDDEN for one in findings):
        return findings
    chart, _ = await planning.read()
    locks = await read_locks(client)
    return [
        *findings,
        *_chart(chart, locks, today),
        *await _rates(client, chart),
        *await _vendors(client),
        *await _drafts(client, locks),
    ]


async def _rates(client: OdooClient, chart: Chart) -> list[Finding]:
    """Find currencies in use of which Odoo has no rate: it would take one to one."""
    domain = [["rate_ids", "=", False], ["name", "!=", chart.company.currency]]
    without = await client.search_read("res.currency", list[Currency], domain)
    names = ", ".join(one.name for one in without)
    return [finding(Cause.ODOO_NO_RATE, currencies=names)] if names else []


async def _vendors(client: OdooClient) -> list[Finding]:
    """Find that vendors cannot be created, which only some settings ask for."""
    right = await client.call("res.partner", "has_access", bool, operation="create")
    return [] if right else [finding(Cause.ODOO_NO_NEW_VENDORS)]


async def _rights(client: OdooClient) -> list[Finding]:
    """Find the rights that the user of the key lacks."""
    asked = [(model, name, operation) for model, name, operations in _RIGHTS for operation in operations]
    given = await asyncio.gather(
        *(client.call(model, "has_access", bool, operation=operation) for model, _, operation in asked)
    )
    missing = [
        f"{operation} {name} ({model})"
        for (model, name, operation), right in zip(asked, given, strict=True)
        if not right
    ]
    return [finding(Cause.SYSTEM_FORBIDDEN, said=", ".join(missing))] if missing else []


async def _drafts(client: OdooClient, locks: Locks) -> list[Finding]:
    """Find drafts of ours that were never finished, or that Odoo would post on another day than they say.

    Odoo copies the note of an entry into what a bookkeeper makes of it to take it back: that is not ours.
    """
    ours = [
        ["state", "=", "draft"],
        ["invoice_origin", "=like", '{"pleo":%'],
        ["reversed_entry_id", "=", False],
    ]
    to_post, to_match = '%"state":"final"%', '%"unmatched":true%'
    begun = [
        ["posted_before", "=", False],
        "|",
        ["invoice_origin", "=like", to_post],
        ["invoice_origin", "=like", to_match],
    ]
    findings = []
    if number := await client.call("account.move", "search_count", int, domain=[*ours, *begun]):
        findings.append(finding(Cause.ODOO_UNFINISHED, number=number))
    if (through := locks.through()) is not None:
        closed = ["date", "<=", through.isoformat()]
        if number := await client.call("account.move", "search_count", int, domain=[*ours, closed]):
            findings.append(finding(Cause.ODOO_DRAFTS_LOCKED, number=number, through=through))
    return findings


def _chart(chart: Chart, locks: Locks, today: date) -> Iterator[Finding]:
    """Find what the company lacks in Odoo, and a lock that leaves no day."""
    if not chart.accounts:
        yield finding(Cause.ODOO_NO_CHART, company=chart.company.name)
    there = {one.type for one in chart.journals.values()}
    for kind, name in _JOURNAL_TYPES.items():
        if kind not in there:
            yield finding(Cause.ODOO_NO_JOURNAL, kind=name, company=chart.company.name)
    if len(chart.currencies) <= 1:
        yield finding(Cause.ODOO_ONE_CURRENCY, currency=chart.company.currency)
    if coarse := ", ".join(f"{one.name} ({one.rounding.normalize():f})" for one in _coarse(chart)):
        yield finding(Cause.ODOO_COARSE_ROUNDING, currencies=coarse)
    through = locks.through()
    if through is not None and through >= today:
        yield finding(Cause.ODOO_LOCKED_AHEAD, through=through)


def _coarse(chart: Chart) -> Iterator[Currency]:
    """Yield the currencies in use that Odoo rounds to more than their minor unit; it has some that are no longer money."""
    for one in chart.currencies.values():
        with suppress(UnknownCurrencyError):
            if one.step > 1:
                yield one


def _version(version: str) -> Sequence[Finding]:
    """Find a version that entries were never tried with."""
    return [] if version.partition(".")[0] == "19" else [finding(Cause.ODOO_VERSION, version=version)]
