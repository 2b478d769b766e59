"""What is needed to look at a company of the service without changing anything."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from pleo_export.accounting.port import ConnectorError
from pleo_export.compose import connector_for, sources_of
from pleo_export.config import Settings, SettingsError
from pleo_export.pleo.auth import UnusableSecretError
from pleo_export.pleo.client import PleoClient
from pleo_export.pleo.errors import PleoError
from pleo_export.service.companies import Companies
from pleo_export.service.counted import COUNTED
from pleo_export.service.errors import ConnectError
from pleo_export.service.kinds import ODOO_API_KEY
from pleo_export.store import Store
from pleo_export.vault.errors import VaultError
from pleo_export.workflow.ports import Sources
from pleo_export.workflow.problems import JobProblemError
from pleo_export.workflow.reconcile import Looking

# What keeps from looking, in a sentence for people.
SAID = (
    SettingsError,
    UnusableSecretError,
    VaultError,
    ConnectError,
    PleoError,
    ConnectorError,
    JobProblemError,
)


@asynccontextmanager
async def opened_sources(companies: Companies, company_id: str) -> AsyncIterator[tuple[Settings, Sources]]:
    """Open Pleo and the accounting system of a company, with its settings."""
    settings = await companies.settings(company_id)
    credential = await companies.credential(company_id, settings)
    key = await companies.secret(company_id, ODOO_API_KEY)
    limiter = companies.limiter(company_id, settings, credential)
    client = PleoClient(settings.pleo.base_url, credential, around=COUNTED, limiter=limiter)
    async with sources_of(settings, client, connector_for(settings, key)) as sources:
        yield settings, sources


@asynccontextmanager
async def looking_at(
    store: Store, companies: Companies, company_id: str, looked_up: Callable[[int], None]
) -> AsyncIterator[Looking]:
    """Open what it takes to compare the company's exports; `looked_up` is told how many more were looked up."""
    async with opened_sources(companies, company_id) as (_, sources):
        yield Looking(**vars(sources), store=store, draw=random.random, looked_up=looked_up)
