"""One of several processes that record the same entries in an Odoo company: `python -m ... URL DATABASE COMPANY KEY NAMES`.

It waits for a line on its standard input, and prints how many of the entries it made itself.
"""

import asyncio
import sys

from pleo_export.accounting.odoo import OdooConnector, OdooSettings
from pleo_export.testing.samples import sample_entry
from tests.accounting.odoo.books import FACTS


async def main(url: str, database: str, company: str, key: str, names: str) -> None:
    connector = OdooConnector(OdooSettings(url=url, database=database, company_id=int(company)), key)
    await connector.reference_data()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    entries = [sample_entry(name, facts=FACTS) for name in names.split(",")]
    made = [(await connector.record(entry)).created for entry in entries]
    sys.stdout.write(f"{sum(made)}\n")
    await connector.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
