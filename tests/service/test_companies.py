"""What anybody who sends a webhook can make the service read."""

from pathlib import Path

import pytest

from pleo_export.service.companies import Companies
from pleo_export.service.kinds import WEBHOOK_SECRETS
from pleo_export.store import Store, sqlite_url
from pleo_export.vault import Vault
from tests.store.stores import COMPANY, opened

ANOTHER = "company-b"


async def all_companies(_store: Store) -> None:
    raise AssertionError("all companies were read")


async def companies_of(store: Store) -> Companies:
    companies = Companies(store, Vault([b"k" * 32]))
    await companies.keep_secret(COMPANY, WEBHOOK_SECRETS, "new old")
    return companies


async def test_a_webhook_reads_one_company_however_many_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "companies", all_companies)
    async with opened(sqlite_url(tmp_path / "store.db")) as store:
        companies = await companies_of(store)
        for company_id in (COMPANY, ANOTHER):
            await store.add_company(company_id, "A", "", "/")
        await store.see_company("company-c")
        assert await companies.webhook_secrets(COMPANY) == (COMPANY, ["new", "old"])
        assert await companies.webhook_secrets(ANOTHER) == (ANOTHER, [])
        for nobody in ("made up", "company-c", None):
            assert await companies.webhook_secrets(nobody) is None


async def test_a_webhook_that_names_no_company_is_for_the_only_one(tmp_path: Path) -> None:
    async with opened(sqlite_url(tmp_path / "store.db")) as store:
        companies = await companies_of(store)
        assert await companies.webhook_secrets(None) is None
        await store.add_company(COMPANY, "A", "", "/")
        assert await companies.webhook_secrets(None) == (COMPANY, ["new", "old"])
