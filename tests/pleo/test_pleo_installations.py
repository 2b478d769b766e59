"""The installation: what is sent, what is read, and which company it is for."""

import json
from typing import Any

import pytest

from pleo_export.pleo import errors
from pleo_export.pleo.auth import ApiKey
from pleo_export.pleo.client import PleoClient
from pleo_export.pleo.installations import (
    Installation,
    Installations,
    InstallationStatus,
    company_of,
)
from tests.pleo.misbehaving_server import HANGS_UP, Server, Waits, answers, serving
from tests.pleo.pleo_samples import COMPANY, SECRET


def client(server: Server) -> PleoClient:
    return PleoClient(server.url, ApiKey(SECRET), around=Waits().around)


def installation(**fields: object) -> dict[str, object]:
    return {
        "id": "installation-1",
        "applicationId": "application-1",
        "resource": f"urn:pleo:company:{COMPANY}",
        "status": "AUTHORIZED",
        "metadata": {"anything": "goes"},
        "createdAt": "2026-01-05T09:30:00Z",
        "updatedAt": "2026-01-05T09:30:00Z",
        **fields,
    }


FINE = answers(200, installation())


async def test_an_installation_is_read_bare_and_tells_its_company() -> None:
    async with serving(FINE) as server, client(server) as pleo:
        found = await pleo.installation.get()
    assert found is not None
    assert (found.status, found.error_code) == (InstallationStatus.AUTHORIZED, None)
    assert company_of(found) == COMPANY
    assert server.requests[0].target == "/v1/installations/me"


async def test_a_credential_of_an_organisation_names_the_company_it_asks_about() -> None:
    async with serving(FINE) as server, client(server) as pleo:
        await pleo.installation.get(COMPANY)
    assert server.requests[0].target == f"/v1/installations/me?company_id={COMPANY}"


@pytest.mark.parametrize("status", [400, 404])
async def test_a_credential_without_installation_has_none(status: int) -> None:
    async with serving(answers(status)) as server, client(server) as pleo:
        assert await pleo.installation.get() is None


async def test_a_credential_that_is_refused_is_not_taken_for_one_without_installation() -> None:
    async with serving(answers(401)) as server, client(server) as pleo:
        with pytest.raises(errors.PleoUnauthorisedError):
            await pleo.installation.get()


async def test_a_status_that_is_new_to_us_is_kept() -> None:
    sent = installation(status="HIBERNATING", errorCode="TIRED")
    async with serving(answers(200, sent)) as server, client(server) as pleo:
        found = await pleo.installation.get()
    assert found is not None
    assert (found.status, found.error_code) == ("HIBERNATING", "TIRED")


async def register(calls: Installations) -> object:
    return await calls.register(InstallationStatus.ACTIVATED)


async def activate(calls: Installations) -> object:
    return await calls.activate()


@pytest.mark.parametrize(
    ("act", "call", "body"),
    [
        (register, "POST /v1/installations/me", {"status": "ACTIVATED"}),
        (activate, "POST /v1/installations/me:activate", None),
    ],
)
async def test_each_change_is_sent_as_pleo_wants_it(act: Any, call: str, body: object) -> None:
    async with serving(FINE) as server, client(server) as pleo:
        await act(pleo.installation)
    assert server.calls == [call]
    assert (json.loads(server.requests[0].body) if body else server.requests[0].body or None) == body


async def test_a_registration_without_answer_is_not_sent_again_while_an_activation_is() -> None:
    async with serving(HANGS_UP) as server, client(server) as pleo:
        with pytest.raises(errors.PleoNoAnswerError):
            await pleo.installation.register(InstallationStatus.ACTIVATED)
    assert len(server.requests) == 1
    async with serving(HANGS_UP, FINE) as server, client(server) as pleo:
        await pleo.installation.activate()
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [204, 404])
async def test_disconnecting_is_done_when_nothing_is_left(status: int) -> None:
    async with serving(answers(status)) as server, client(server) as pleo:
        await pleo.installation.remove()
    assert server.calls == ["DELETE /v1/installations/me"]


async def test_a_disconnection_that_is_refused_is_told() -> None:
    async with serving(answers(403)) as server, client(server) as pleo:
        with pytest.raises(errors.PleoForbiddenError):
            await pleo.installation.remove()


@pytest.mark.parametrize(
    "resource",
    [
        f"urn:pleo:organisation:{COMPANY}",
        "urn:pleo:company:",
        "urn:pleo:company:../../secrets",
        f"urn:pleo:company:{COMPANY}\n",
        "",
    ],
)
def test_an_installation_that_is_not_for_one_company_tells_none(resource: str) -> None:
    with pytest.raises(errors.NoCompanyError):
        company_of(Installation(id="i", resource=resource, status="ACTIVATED"))
