from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pleo_export.accounting.ledger import LedgerConnector, LedgerSettings

CHART = """\
title = "Demo ApS"
currency = "EUR"

[[tax_codes]]
code = "V25"
name = "Purchases 25 %"
rate = "0.25"
input_account = "2610"

[[tax_codes]]
code = "R25"
name = "Services from abroad 25 %"
rate = "0.25"
input_account = "2610"
output_account = "2620"

[[tax_codes]]
code = "N0"
name = "Outside VAT"

[[journals]]
code = "P"
name = "Purchases"

[[accounts]]
code = "6100"
name = "Expenses:OfficeSupplies"
label = "Office supplies"

[[accounts]]
code = "2610"
name = "Assets:InputVAT"

[[accounts]]
code = "2620"
name = "Liabilities:OutputVAT"

[[accounts]]
code = "7700"
name = "Expenses:ExchangeDifferences"

[[accounts]]
code = "1900"
name = "Assets:Pleo:Wallet"

[[accounts]]
code = "2400"
name = "Liabilities:Payables"

[[accounts]]
code = "6900"
name = "Expenses:Old"
active = false

[[accounts]]
code = "6200"
name = "Expenses:EuroOnly"
currencies = ["EUR"]

[[vendors]]
id = "V-1001"
name = "Nordic Paper ApS"
account = "2400"

[dimensions]
COST_CENTRE = ["CC-100", "CC-200"]

[period]
locked_through = 2025-12-31
"""


@pytest.fixture
def chart_file(tmp_path: Path) -> Path:
    path = tmp_path / "chart.toml"
    path.write_text(CHART, encoding="utf-8")
    return path


@pytest.fixture
def ledger_settings(tmp_path: Path, chart_file: Path) -> LedgerSettings:
    return LedgerSettings(
        folder=tmp_path / "ledger", chart=chart_file, fava_url="https://books.example/fava/"
    )


@pytest.fixture
async def ledger(ledger_settings: LedgerSettings) -> AsyncIterator[LedgerConnector]:
    connector = LedgerConnector(ledger_settings)
    yield connector
    await connector.close()
