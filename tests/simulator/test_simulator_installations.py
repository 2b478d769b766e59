"""Installations and what a credential tells about itself."""

import pytest

from pleo_export.simulator.world import NewCompany
from tests.simulator.simulator_api import Api, basic
from tests.simulator.test_simulator_oauth import SCOPES, Visitor

ME = "/v1/installations/me"


async def status(api: Api) -> str:
    word: str = (await api.get(ME)).json["status"]
    return word


async def test_an_api_key_installs_itself_and_reads_its_company_from_the_installation(api: Api) -> None:
    api.authorization = basic(api.company.api_key)
    assert (await api.get(ME)).refusal == (400, "INSTALLATION_NOT_FOUND")
    made = await api.post(ME, {"metadata": {"plan": 7}, "status": "PENDING_INTEGRATION"})
    assert made.status == 200
    told = made.json
    assert told["resource"] == f"urn:pleo:company:{api.company.id}"
    assert (told["status"], told["metadata"]) == ("PENDING_INTEGRATION", {"plan": 7})
    assert (await api.get(ME, company_id=api.company.id)).json == told
    assert (await api.post(ME, {})).refusal == (400, "INSTALLATION_EXISTS")


async def test_an_installation_of_another_company_is_out_of_reach(api: Api) -> None:
    other = api.world.add_company(NewCompany(name="Other"))
    await api.post(ME, {})
    assert (await api.get(ME, company_id=other.id)).refusal == (403, "ACCESS_DENIED")
    api.authorization = basic(other.api_key)
    assert (await api.get(ME)).refusal == (400, "INSTALLATION_NOT_FOUND")


async def test_consent_makes_the_installation_which_waits_for_activation(api: Api) -> None:
    visitor = Visitor(api)
    await visitor.register()
    tokens = await visitor.connect()
    api.authorization = f"Bearer {tokens['access_token']}"
    assert await status(api) == "AUTHORIZED"
    assert (await api.put(ME, {"status": "PENDING_INTEGRATION"})).status == 200
    assert (await api.post(f"{ME}:activate")).json["status"] == "ACTIVATED"
    again = await visitor.connect()
    api.authorization = f"Bearer {again['access_token']}"
    assert await status(api) == "ACTIVATED"


async def test_a_client_that_needs_no_activation_is_in_use_at_once(api: Api) -> None:
    visitor = Visitor(api)
    await visitor.register(needsActivation=False)
    tokens = await visitor.connect()
    api.authorization = f"Bearer {tokens['access_token']}"
    assert await status(api) == "ACTIVATED"


@pytest.mark.parametrize("start", ["AUTHORIZED", "PENDING_INTEGRATION", "INACTIVE", "ACTIVATED"])
@pytest.mark.parametrize(
    ("method", "path"), [("POST", f"{ME}:activate"), ("PUT", "/v1/installations/completions")]
)
async def test_an_installation_is_activated_from_where_it_may_be(
    api: Api, start: str, method: str, path: str
) -> None:
    await api.post(ME, {"status": start})
    assert (await api.call(method, path)).json["status"] == "ACTIVATED"
    assert await status(api) == "ACTIVATED"


async def test_a_broken_installation_tells_why_and_cannot_be_activated(api: Api) -> None:
    assert "errorCode" not in (await api.post(ME, {"metadata": {"kept": True}})).json
    api.clock.pass_time(minutes=1)
    broken = (await api.put(ME, {"status": "ERROR", "errorCode": "AUTH_ERROR"})).json
    assert (broken["errorCode"], broken["metadata"]) == ("AUTH_ERROR", {"kept": True})
    assert broken["createdAt"] < broken["updatedAt"] == "2026-01-05T12:01:00Z"
    assert (await api.post(f"{ME}:activate")).refusal == (400, "INVALID_INSTALLATION_STATUS_CHANGE")
    assert "errorCode" not in (await api.put(ME, {"status": "INACTIVE", "metadata": {}})).json


async def test_what_is_not_installed_cannot_be_changed_activated_or_deleted(api: Api) -> None:
    for answer in (await api.put(ME, {"status": "ACTIVATED"}), await api.post(f"{ME}:activate")):
        assert answer.refusal == (400, "INSTALLATION_NOT_FOUND")
    assert (await api.call("DELETE", ME)).refusal == (404, "INSTALLATION_NOT_FOUND")


@pytest.mark.parametrize("change", [{}, {"status": "DONE"}, {"status": "ERROR", "errorCode": "LATE"}])
async def test_a_wrong_change_is_refused(api: Api, change: dict[str, object]) -> None:
    await api.post(ME, {})
    assert (await api.put(ME, change)).refusal == (400, "VALIDATION_FAILED")


async def test_deleting_ends_the_tokens_of_this_client_and_company_only(api: Api) -> None:
    visitor = Visitor(api)
    await visitor.register()
    tokens = await visitor.connect()
    await visitor.register(clientId="second", clientSecret="2")
    visitor.secret = basic("second", "2")
    kept = await visitor.connect(client_id="second")
    api.authorization = f"Bearer {tokens['access_token']}"
    assert (await api.call("DELETE", ME)).status == 204
    assert (await api.get(ME)).refusal == (401, "UNAUTHENTICATED")
    visitor.secret = basic("shop", "s3cret")
    assert (await visitor.refresh(tokens["refresh_token"])).json["error"] == "invalid_grant"
    assert await visitor.status_with(kept["access_token"], ME) == 200


async def test_an_api_key_goes_on_after_its_installation_is_deleted(api: Api) -> None:
    api.authorization = basic(api.company.api_key)
    await api.post(ME, {})
    assert (await api.call("DELETE", ME)).status == 204
    assert (await api.get(ME)).refusal == (400, "INSTALLATION_NOT_FOUND")


async def test_a_user_who_removes_the_app_removes_the_installation(api: Api) -> None:
    await api.post(ME, {})
    await api.post(f"/control/companies/{api.company.id}/disconnect")
    assert (await api.get(ME)).refusal == (400, "INSTALLATION_NOT_FOUND")


async def test_a_credential_tells_what_it_is(api: Api) -> None:
    api.authorization = basic(api.company.api_key)
    key = (await api.get("/v1/introspect")).json["data"]
    assert (key["authMethod"], key["subjectURN"]) == ("API_KEY", f"urn:pleo:company:{api.company.id}")
    visitor = Visitor(api)
    await visitor.register()
    tokens = await visitor.connect()
    api.authorization = f"Bearer {tokens['access_token']}"
    assert (await api.get("/v1/introspect")).json["data"] == {
        "applicationName": "Shop",
        "authMethod": "OAUTH2",
        "clientId": "shop",
        "scope": " ".join(sorted(SCOPES.split())),
        "subjectURN": f"urn:pleo:company:{api.company.id}",
    }
    api.authorization = None
    assert (await api.get("/v1/introspect")).status == 401
