"""What stands in a company's books in Odoo, as the administrator reads it, in words that two databases have in common."""

import json
from collections import Counter
from decimal import Decimal
from functools import cached_property
from typing import Any

from pleo_export.toml_text import Value
from tests.odoo.server import OdooDatabase

OF_A_DOCUMENT = ("state", "move_type", "date", "ref", "payment_state", "amount_total", "amount_residual")
OF_A_LINE = ("name", "balance", "amount_currency", "amount_residual", "amount_residual_currency", "tax_ids")
OF_A_MATCH = ("amount", "debit_amount_currency", "credit_amount_currency")


class OdooOracle:
    """The books of one company; whatever is in them is named by the expense and the part of it that it belongs to.

    Documents of Odoo's own, such as exchange differences, are named by the empty text.
    """

    def __init__(self, odoo: OdooDatabase, company: Value) -> None:
        self._odoo, self._company = odoo, company

    @cached_property
    def owners(self) -> dict[int, str]:
        """The owner of each document, by its number."""
        moves = self._read("account.move", "invoice_origin")
        notes = {move["id"]: json.loads(move["invoice_origin"] or "{}") for move in moves}
        return {number: f"{note.get('pleo', '')}{note.get('part', '')}" for number, note in notes.items()}

    def documents(self) -> Counter[tuple[Any, ...]]:
        fields = (*OF_A_DOCUMENT, "partner_id", "journal_id")
        return Counter(
            (owner, *(_plain(move[field]) for field in fields))
            for move in self._read("account.move", *fields)
            if (owner := self.owners[move["id"]])
        )

    def lines(self) -> Counter[tuple[Any, ...]]:
        return Counter(self._lines.values())

    def files(self) -> Counter[tuple[str, ...]]:
        files = self._read(
            "ir.attachment", "res_id", "name", "checksum", where=["res_model", "=", "account.move"]
        )
        return Counter((self.owners[file["res_id"]], file["name"], file["checksum"]) for file in files)

    def matches(self) -> Counter[tuple[Any, ...]]:
        """What settles what, by the names of both and the account."""
        pairs = self._read("account.partial.reconcile", "debit_move_id", "credit_move_id", *OF_A_MATCH)
        return Counter(
            (
                *(self._lines[pair[side][0]][:2] for side in ("debit_move_id", "credit_move_id")),
                *(pair[field] for field in OF_A_MATCH),
            )
            for pair in pairs
        )

    def balance(self) -> dict[tuple[str, str], Decimal]:
        """The trial balance by account and currency, without what is zero."""
        totals = Counter[tuple[str, str]]()
        for _, account, currency, *_, units in self._lines.values():
            totals[account, currency] += units
        return {key: Decimal(units) / 100 for key, units in totals.items() if units}

    @cached_property
    def _lines(self) -> dict[int, tuple[Any, ...]]:
        codes = {one["id"]: one["code"] for one in self._read("account.account", "code", of_company=False)}
        fields = ("move_id", "account_id", "currency_id", *OF_A_LINE, "analytic_distribution")
        found = {}
        for line in self._read("account.move.line", *fields):
            owner = self.owners[line["move_id"][0]]
            facts = [_plain(line[field]) for field in (*OF_A_LINE, "analytic_distribution")]
            units = round(line["amount_currency"] * 100)
            # Odoo names lines of its own after the number of a document.
            told = facts if owner else facts[1:]
            found[line["id"]] = (owner, codes[line["account_id"][0]], line["currency_id"][1], *told, units)
        return found

    def _read(
        self, model: str, *fields: str, where: list[Any] | None = None, of_company: bool = True
    ) -> list[dict[str, Any]]:
        domain = [["company_id", "=", self._company]] if of_company else []
        rows: list[dict[str, Any]] = self._odoo.call(
            model,
            "search_read",
            domain=[*domain, *([where] if where else [])],
            fields=fields,
            order="id",
            context={"allowed_company_ids": [self._company]},
        )
        return rows


def _plain(value: Any) -> Any:
    """Return what can be counted; of a record its name."""
    return json.dumps(value[1] if isinstance(value, list) and len(value) == 2 else value, sort_keys=True)
