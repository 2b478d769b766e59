"""Schemathesis against the simulator: by its own description, and by the contract it stands in for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from pleo_export.simulator.credentials import Client
from pleo_export.simulator.errors import NoInstallationError
from pleo_export.simulator.generator import generate
from pleo_export.simulator.oauth import Grant, challenge_of
from pleo_export.simulator.server import create_app
from pleo_export.simulator.subscription_messages import SubscriptionRequest
from pleo_export.simulator.vocabulary import EventType, InstallationStatus, Scope
from pleo_export.simulator.world import NewCompany, World
from tests.simulator.simulator_api import Clock, basic, bearer

pytestmark = pytest.mark.slow

CONTRACT = Path(__file__).parents[3] / "shared" / "pleo" / "openapi.yaml"
REDIRECT = "https://connector.example/back"
VERIFIER = "v" * 43
SHOP = Client(
    id="shop",
    application_id="7a1d2f60-3b0c-4d11-9b5e-0c8c5c6f1a01",
    name="Shop",
    secret="s3cret",
    redirect_uris=frozenset({REDIRECT}),
    scopes=frozenset(Scope),
)
QUESTION = {
    "client_id": SHOP.id,
    "redirect_uri": REDIRECT,
    "response_type": "code",
    "scope": Scope.JOBS_READ.value,
    "state": "xyz",
    "code_challenge": challenge_of(VERIFIER),
    "code_challenge_method": "S256",
}
SUBSCRIPTION = {
    "endpointUrl": "https://connector.example/hooks",
    "eventTypes": [EventType.EXPORT_JOB_CREATED],
}
COMPANY_ID = "0b0f7a52-3a52-4d6f-9a55-2f7d4a3a1c01"
# Statuses that Pleo surely answers with but does not publish for each call.
UNPUBLISHED = {400, 404}

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]

bounded = settings(
    max_examples=25,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Setting:
    """A simulator in which a job is always under way, and what a caller has to know to reach it."""

    def __init__(self) -> None:
        self.world = World(clock=Clock(), seed=1)
        self.company = self.world.add_company(NewCompany(name="Acme", id=COMPANY_ID, vendor_based=True))
        demo = generate(1, 30, "demo", company_id=COMPANY_ID)
        self.entry_ids = self.world.add_expenses(self.company, [expense.payload for expense in demo])
        self.answered: set[tuple[str, int]] = set()
        self.world.oauth.register(SHOP)
        self._consent_to_everything()
        self._start_a_job()

    def _start_a_job(self) -> None:
        self.job = self.world.export(self.company, self.entry_ids[1:], vendor_based=True)

    def _consent_to_everything(self) -> None:
        self.world.consent.decision, self.world.consent.company_id = "allow", COMPANY_ID

    def _grant(self) -> Grant:
        """An authorisation whose tokens work."""
        server = self.world.oauth
        code = server.allow(
            SHOP, self.company, SHOP.scopes, redirect_uri=REDIRECT, challenge=challenge_of(VERIFIER)
        )
        return server.exchange(SHOP, code, REDIRECT, VERIFIER)

    def _install(self, *, wanted: bool) -> None:
        credential = self.world.credential(api_key=self.company.api_key)
        assert credential is not None
        installations = self.world.installations
        try:
            installations.of(credential.owner)
        except NoInstallationError:
            if wanted:
                installations.create(credential, InstallationStatus.AUTHORIZED, {})
        else:
            if not wanted:
                installations.delete(credential.owner)

    def _subscription_id(self) -> str:
        owner = f"own-{COMPANY_ID}", COMPANY_ID
        wanted = SubscriptionRequest.model_validate(SUBSCRIPTION)
        first, *_ = self.world.subscriptions.of(owner) or [self.world.subscriptions.create(owner, wanted)]
        return first.id

    def call(self, case: Any) -> Any:
        """Make the call with a credential, and with what exists where the description only knows a form."""
        if not self.job.unfinished:
            self._start_a_job()
        path = case.operation.path
        self._consent_to_everything()
        self._install(wanted=(case.method, path) != ("POST", "/v1/installations/me"))
        ids = self._known(path)
        if not any(asked == f"{case.method} {path}" for asked, _ in self.answered):
            # Once with nothing but what has to be known: which calls are made up changes with every change of our code.
            case.query = {one.name: ids[one.name] for one in case.operation.query if one.name in ids}
        for parameters in (case.path_parameters, case.query):
            for name in parameters.keys() & ids.keys():
                parameters[name] = ids[name]
        if (case.method, path) == ("POST", "/oauth/authorize"):
            case.query.update(QUESTION)
        for body in case.body if isinstance(case.body, list) else [case.body]:
            if isinstance(body, dict):
                self._fill_in(body)
        by_client = path.startswith("/oauth/")
        case.headers["Authorization"] = basic(SHOP.id, SHOP.secret) if by_client else bearer(self.company)
        response = case.call()
        self.answered.add((f"{case.method} {path}", response.status_code))
        return response

    def _known(self, path: str) -> dict[str, Any]:
        known: dict[str, Any] = {
            "company_id": COMPANY_ID,
            "job_id": self.job.id,
            "jobId": self.job.id,
            "entry_id": self.entry_ids[0],
            "accounting_entry_id": self.entry_ids[1],
            **QUESTION,
        }
        if path.startswith("/v1/subscriptions/"):
            known["id"] = known["subscription_id"] = self._subscription_id()
        return known

    def _fill_in(self, body: dict[str, Any]) -> None:
        known = {
            "jobId": self.job.id,
            "companyId": COMPANY_ID,
            "accountingEntryIds": self.entry_ids[:2],
            "seed": 2,
            "count": 30,
            "advanceSeconds": 0,
            "callsPerMinute": 0,
            "latencySeconds": 0,
            "loseAnswers": 0,
            "duplicates": 0,
            "redirectUris": [REDIRECT],
            "decision": "allow",
            "company_id": COMPANY_ID,
            **SUBSCRIPTION,
        }
        if "status" in body:  # an update of a job item, not a new expense
            known["accountingEntryId"] = self.entry_ids[1]
        if {"grant_type", "token"} & body.keys():
            tokens = self._grant()
            assert tokens.access is not None
            assert tokens.refresh is not None
            known |= {"grant_type": "refresh_token", "token": tokens.access.text}
            body["refresh_token"] = tokens.refresh.text
        body |= {name: known[name] for name in body.keys() & known.keys()}

    def never_well_answered(self, prefix: str) -> set[str]:
        """Operations whose every answer was a refusal; a job under way does not let the API create another."""
        asked = {operation for operation, _ in self.answered if prefix in operation}
        return asked - {operation for operation, status in self.answered if status < 400}


def fuzz(schema: Any, judge: Callable[[Any, Any], None]) -> Setting:
    """Make generated calls to every operation of `schema`, and let `judge` see each call and its answer."""
    setting = Setting()
    schema.app = create_app(setting.world, httpx.MockTransport(lambda _: httpx.Response(204)))
    for result in schema.get_all_operations():

        @bounded
        @given(case=result.ok().as_strategy())
        def examine(case: Any) -> None:
            judge(case, setting.call(case))

        examine()
    return setting


def test_the_simulator_keeps_to_its_own_description() -> None:
    def judge(case: Any, response: Any) -> None:
        case.validate_response(response, checks=[*CHECKS, status_code_conformance])

    description = schemathesis.openapi.from_asgi("/openapi.json", create_app(World()))
    setting = fuzz(description, judge)
    assert setting.never_well_answered("/v3/") == {"POST /v3/export-jobs"}
    assert setting.never_well_answered("/v1/") == setting.never_well_answered("/oauth/") == set()


def test_the_simulator_keeps_to_the_contract() -> None:
    if not CONTRACT.exists():
        pytest.skip("The contract file is not beside this project.")

    def judge(case: Any, response: Any) -> None:
        case.validate_response(response, checks=CHECKS)
        published = {int(status) for status in case.operation.definition.raw["responses"] if status.isdigit()}
        assert response.status_code in published | UNPUBLISHED

    ours = "^/(v3/export-|v1/subscriptions|v1/installations|v1/introspect|oauth/)"
    setting = fuzz(schemathesis.openapi.from_path(CONTRACT).include(path_regex=ours), judge)
    assert setting.never_well_answered("/v3/") == {"POST /v3/export-jobs"}
    assert setting.never_well_answered("/v1/") == setting.never_well_answered("/oauth/") == set()
    asked = {operation.split()[1] for operation, _ in setting.answered}
    assert {"/oauth/token", "/oauth/authorize", "/v1/introspect", "/v1/subscriptions/{id}/secret"} <= asked
