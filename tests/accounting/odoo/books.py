"""The books of an Odoo company as the contract suite sees them: through the administrator's own calls."""

import base64
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

from pleo_export.accounting.odoo import OdooConnector
from pleo_export.testing.samples import Facts
from pleo_export.testing.totals import Totals
from tests.odoo.server import OdooDatabase, OdooServer

CALL_SECONDS, STALLED_SECONDS = 20.0, 0.5
FACTS = Facts(
    expense="2450",
    wallet="6480",
    tax="7740",
    output_tax="7720",
    payable="7440",
    exchange="3610",
    tax_code="K_DK_FuldFradrag",
    reverse_code="K_EU_Ydelser_FuldFradrag",
    journal="MISC",
    currency="DKK",
    foreign="EUR",
    seconds=5,
)
NOT_CANCELLED = [["state", "!=", "cancel"]]


class OdooBooks:
    def __init__(self, server: OdooServer, database: OdooDatabase, facts: Facts = FACTS) -> None:
        self.server, self.database, self.facts = server, database, facts
        self._connectors: list[OdooConnector] = []
        vendor = {"name": facts.vendor.name, "ref": facts.vendor.id, "is_company": True, "supplier_rank": 1}
        database.call("res.partner", "create", vals_list=[vendor])
        if facts.closed_day is not None:
            self.lock(facts.closed_day)

    def lock(self, day: date, kind: str = "fiscalyear") -> None:
        vals = {f"{kind}_lock_date": day.isoformat()}
        self.database.call("res.company", "write", ids=[self.database.company_id], vals=vals)

    def connector(self, key: str | None = None) -> OdooConnector:
        connector = OdooConnector(self.database.settings, key or self.database.key, CALL_SECONDS)
        self._connectors.append(connector)
        return connector

    async def open(self) -> OdooConnector:
        return self.connector()

    async def count(self, reference: str) -> int:
        return len(self.moves(reference))

    async def totals(self) -> Totals:
        """Sum all lines; what each is worth in the company's currency has to fit as well."""
        totals: defaultdict[tuple[str, str], int] = defaultdict(int)
        worth: defaultdict[int, int] = defaultdict(int)
        codes = {one["id"]: one["code"] for one in self.read("account.account", [], ["code"])}
        for line in self.read(
            "account.move.line",
            [["parent_state", "!=", "cancel"]],
            ["account_id", "currency_id", "amount_currency", "balance", "move_id"],
        ):
            key = codes[line["account_id"][0]], line["currency_id"][1]
            totals[key] += round(line["amount_currency"] * 100)
            worth[line["move_id"][0]] += round(line["balance"] * 100)
            assert key[1] != self.facts.currency or line["balance"] == line["amount_currency"]
        assert not any(worth.values())
        return {key: units for key, units in totals.items() if units}

    async def files(self, reference: str) -> Sequence[str]:
        (move,) = self.moves(reference)
        domain = [["res_model", "=", "account.move"], ["res_id", "=", move["id"]]]
        return [
            hashlib.sha256(base64.b64decode(one["datas"])).hexdigest()
            for one in self.read("ir.attachment", domain, ["datas"])
        ]

    async def snapshot(self) -> object:
        models = (
            "account.move",
            "account.move.line",
            "ir.attachment",
            "res.partner",
            "account.partial.reconcile",
        )
        return {model: self.read(model, [], ["write_date"]) for model in models}

    @contextmanager
    def stalled(self) -> Iterator[None]:
        self.server.freeze()
        try:
            self._wait(STALLED_SECONDS)
            yield
        finally:
            self.server.thaw()
            self._wait(CALL_SECONDS)

    def _wait(self, seconds: float) -> None:
        for connector in self._connectors:
            connector._client.seconds = seconds

    def moves(self, reference: str | None = None) -> list[dict[str, Any]]:
        """Read the documents that are entries, not their settlements or clearings; of one reference, or all."""
        fields = ["invoice_origin", "state", "date", "name", "move_type", "ref", "payment_state"]
        found = []
        for move in self.read("account.move", NOT_CANCELLED, fields):
            note = json.loads(move["invoice_origin"] or "{}")
            if "part" not in note and note.get("pleo") in (
                {reference} if reference is not None else {note.get("pleo")}
            ):
                found.append(move)
        return found

    def read(self, model: str, domain: list[Any], fields: list[str]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.database.call(
            model, "search_read", domain=domain, fields=fields, order="id"
        )
        return rows
