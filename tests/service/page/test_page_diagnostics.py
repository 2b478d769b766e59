"""The diagnostics bundle tells how things stand, and nothing that is secret or about an expense or a person."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import SecretStr

from pleo_export.cli.init import settings_text
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.explanation import Explanation
from pleo_export.domain.failures import Rejection
from pleo_export.domain.job import JobEventType
from pleo_export.service.kinds import API_KEY
from pleo_export.service.page import diagnostics
from pleo_export.service.page.access.roles import Role
from pleo_export.service.page.diagnostics import service_facts, without_addresses, zipped
from pleo_export.service.settings import ServiceSettings
from pleo_export.testing.samples import sample_entry
from tests.service.page.site import COMPANY, OTHER, Browser, Site

PATH = f"/companies/{COMPANY}/diagnostics.zip"
JOB, ENTRY = "6f1f4a38-6d0c-4f6a-9d0e-6b6d1d3f2a10", "0b9d2c11-7c0e-4d0c-9a6e-0f4f2a3b5c01"
# Whatever stands here must not be found in the bundle.
SECRETS = {
    "key": "plp_a_secret_key_of_pleo",
    "note": "Dinner with Grace Hopper",
    "mail": "ada@example.com",
    "reason": "Café Central has no account",
    "link": "signature=Q7dW2xYp",
    "theirs": "9a4be0d6-theirs",
}


async def bundle(browser: Browser) -> Mapping[str, bytes]:
    answer = await browser.get(PATH)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"].startswith('attachment; filename="pleo-export-')
    with zipfile.ZipFile(io.BytesIO(answer.content)) as found:
        return {name: found.read(name) for name in found.namelist()}


async def a_past(site: Site, folder: Path) -> None:
    """Fill the store with what may be told and what may not."""
    text = settings_text({"pleo.company_id": COMPANY, "pleo.base_url": "http://127.0.0.1:9"})
    await site.store.change_company(COMPANY, text, str(folder))
    await site.parts.companies.keep_secret(COMPANY, API_KEY, SECRETS["key"])
    await site.store.see_job(JOB, COMPANY)
    await site.store.plan(JOB, [ENTRY])
    explanation = Explanation(None, sample_entry(ENTRY, description=SECRETS["note"]))
    await site.store.rejected(JOB, ENTRY, Rejection(Cause.ACCOUNT_UNKNOWN, SECRETS["reason"]), explanation)
    await site.store.report_refused(JOB, ENTRY, SECRETS["reason"])
    await site.store.closing(JOB, JobEventType.FAILED, SECRETS["reason"])
    await site.store.trouble(
        COMPANY, f"{SECRETS['mail']} may not enter https://books.example/entry?{SECRETS['link']}"
    )
    await site.store.note_action(SECRETS["mail"], COMPANY, "check")
    await site.store.note_action("ada", OTHER, SECRETS["theirs"])
    site.parts.engine.fire(OTHER, SECRETS["theirs"])
    site.parts.engine.fire(COMPANY, "button")


@pytest.mark.slow
async def test_the_bundle_tells_how_things_stand_and_no_secret(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pleo_export.pleo.limits.tries_max", 1)
    await a_past(site, tmp_path)
    found = await bundle(await site.signed_in(Role.ADMINISTRATOR, SECRETS["mail"]))
    assert set(found) == {
        "README.txt",
        *(
            f"{name}.json"
            for name in ("about", "service", "settings", "company", "findings", "jobs", "engine", "audit")
        ),
    }
    told: dict[str, Any] = {
        name: msgspec.json.decode(one) for name, one in found.items() if name != "README.txt"
    }
    assert told["about.json"]["database"] == "sqlite"
    assert told["settings.json"]["pleo"]["company_id"] == COMPANY
    (job,) = told["jobs.json"]
    assert (job["job_id"], job["closing_event"], job["counts"]["rejected"]) == (JOB, "failed", 1)
    (item,) = job["items"]
    assert (item["failure_code"], item["report_refused"]) == (Cause.ACCOUNT_UNKNOWN.value, True)
    assert told["engine.json"]["waiting"]["cause"] == "button"
    assert [one["action"] for one in told["audit.json"]] == ["diagnostics", "check"]
    assert "pleo-failed" in {one["cause"] for one in told["findings.json"]}
    everything = b"\n".join(found.values()).decode()
    for kind, secret in SECRETS.items():
        assert secret not in everything, kind


async def test_only_administrators_of_the_company_take_the_bundle_and_it_is_noted(site: Site) -> None:
    for roles, status in ((Role.OPERATOR, 403), ({OTHER: Role.ADMINISTRATOR}, 404)):
        assert (await (await site.signed_in(roles)).get(PATH)).status_code == status
    assert (await (await site.browser()).get(PATH)).status_code == 303
    assert await site.store.actions(COMPANY, 10) == []


async def test_what_cannot_be_looked_at_is_said_in_its_place(site: Site, tmp_path: Path) -> None:
    await site.store.change_company(COMPANY, "no = [settings", str(tmp_path))
    found = await bundle(await site.signed_in(Role.ADMINISTRATOR))
    assert "unreadable" in msgspec.json.decode(found["settings.json"])
    assert "not looked" in msgspec.json.decode(found["findings.json"])


async def test_of_many_items_the_first_are_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnostics, "ITEMS_MAX", 2)
    monkeypatch.setattr(diagnostics, "JOBS_MAX", 1)
    for job_id in ("job-1", "job-2"):
        await site.store.see_job(job_id, COMPANY)
        await site.store.plan(job_id, ["e1", "e2", "e3"])
    found = await bundle(await site.signed_in(Role.ADMINISTRATOR))
    (job,) = msgspec.json.decode(found["jobs.json"])
    assert [item["accounting_entry_id"] for item in job["items"]] == ["e1", "e2"]


def test_of_the_services_secrets_it_is_told_whether_they_are_set() -> None:
    settings = ServiceSettings(
        database_url="postgresql://ada:pass-word@db/pleo",
        operator_token=SecretStr("an operator's token"),
        oauth_client_secret=None,
    )
    facts = service_facts(settings)
    assert facts["operator_token is set"] is True
    assert facts["database_url is set"] is True
    assert facts["oauth_client_secret is set"] is False
    assert facts["port"] == "8480"
    written = zipped({"service.json": facts})
    with zipfile.ZipFile(io.BytesIO(written)) as found:
        text = found.read("service.json").decode()
    assert '"operator_token is set": true' in text
    assert "pass-word" not in text


def test_an_address_that_gives_access_by_itself_is_taken_out() -> None:
    settings = {"notify": {"webhook_url": "https://hooks.example/T0/B0/x"}, "pleo": {"company_id": "c"}}
    assert without_addresses(settings) == {
        "notify": {"webhook_url": "[removed]"},
        "pleo": {"company_id": "c"},
    }


async def test_people_who_got_a_role_are_not_named(site: Site) -> None:
    await site.store.note_action("ada", COMPANY, "granted a role", "grace: viewer of this company")
    await site.store.note_action("ada", COMPANY, "recorded-by-hand", "expense e1 of job job-1: entry 7")
    found = await bundle(await site.signed_in(Role.ADMINISTRATOR))
    assert b"entry 7" in found["audit.json"]
    assert b"grace" not in found["audit.json"]
