"""The documents an entry would become in Odoo, as text for a person to read. Pure."""

from collections.abc import Iterator

from pleo_export.accounting.odoo.documents import rows
from pleo_export.accounting.odoo.plan import Plan

_KINDS = {"entry": "Journal entry", "in_invoice": "Vendor bill", "in_refund": "Vendor refund"}


def preview_text(plan: Plan) -> str:
    """Return a line for each document and each of its lines. Raises EntryRefusedError."""
    return "\n".join(_told(plan))


def _told(plan: Plan) -> Iterator[str]:
    chart = plan.chart
    accounts = {str(one.id): f"{code} {one.name}" for code, one in chart.accounts.items()}
    journals = {str(one.id): one.name for one in chart.journals.values()}
    currencies = {str(one.id): code for code, one in chart.currencies.items()}
    taxes = {str(tax.id): name for name, tax in chart.taxes.items()}
    for row in rows(plan):
        if "id" in row:
            yield f"{_KINDS[row['move_type']]} of {row['date']} in {journals[row['journal_id/.id']]}: {row['ref']}"
        amount = f"{row['line_ids/amount_currency']} {currencies[row['line_ids/currency_id/.id']]}"
        tax = taxes.get(row["line_ids/tax_ids/.id"])
        yield f"  {accounts[row['line_ids/account_id/.id']]:<46}  {amount:>16}" + (f"  {tax}" if tax else "")
