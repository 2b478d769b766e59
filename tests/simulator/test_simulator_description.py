"""Schemathesis against the simulator: by its own description, and by the contract it stands in for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from pleo_export.simulator.generator import generate
from pleo_export.simulator.server import create_app
from pleo_export.simulator.world import NewCompany, World
from tests.simulator.simulator_api import Clock, bearer

pytestmark = pytest.mark.slow

CONTRACT = Path(__file__).parents[3] / "shared" / "pleo" / "openapi.yaml"
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
        self._start_a_job()

    def _start_a_job(self) -> None:
        self.job = self.world.export(self.company, self.entry_ids[1:], vendor_based=True)

    def call(self, case: Any) -> Any:
        """Make the call with a credential, and with ids that exist where the description only knows an id."""
        if not self.job.unfinished:
            self._start_a_job()
        ids = {
            "company_id": COMPANY_ID,
            "job_id": self.job.id,
            "jobId": self.job.id,
            "entry_id": self.entry_ids[0],
            "accounting_entry_id": self.entry_ids[1],
        }
        for parameters in (case.path_parameters, case.query):
            for name in parameters.keys() & ids.keys():
                parameters[name] = ids[name]
        for body in case.body if isinstance(case.body, list) else [case.body]:
            if isinstance(body, dict):
                self._fill_in(body)
        case.headers["Authorization"] = bearer(self.company)
        response = case.call()
        self.answered.add((f"{case.method} {case.operation.path}", response.status_code))
        return response

    def _fill_in(self, body: dict[str, Any]) -> None:
        known = {
            "jobId": self.job.id,
            "companyId": COMPANY_ID,
            "accountingEntryIds": self.entry_ids[:2],
            "seed": 2,
            "count": 30,
            "advanceSeconds": 0,
        }
        if "status" in body:  # an update of a job item, not a new expense
            known["accountingEntryId"] = self.entry_ids[1]
        body |= {name: known[name] for name in body.keys() & known.keys()}

    def never_well_answered(self, prefix: str) -> set[str]:
        """Operations whose every answer was a refusal; a job under way does not let the API create another."""
        asked = {operation for operation, _ in self.answered if prefix in operation}
        return asked - {operation for operation, status in self.answered if status < 400}


def fuzz(schema: Any, judge: Callable[[Any, Any], None]) -> Setting:
    """Make generated calls to every operation of `schema`, and let `judge` see each call and its answer."""
    setting = Setting()
    schema.app = create_app(setting.world)
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
    assert fuzz(description, judge).never_well_answered("/v3/") == {"POST /v3/export-jobs"}


def test_the_simulator_keeps_to_the_contract() -> None:
    if not CONTRACT.exists():
        pytest.skip("The contract file is not beside this project.")

    def judge(case: Any, response: Any) -> None:
        case.validate_response(response, checks=CHECKS)
        published = {int(status) for status in case.operation.definition.raw["responses"] if status.isdigit()}
        assert response.status_code in published | UNPUBLISHED

    contract = schemathesis.openapi.from_path(CONTRACT).include(path_regex="^/v3/export-")
    assert fuzz(contract, judge).never_well_answered("/v3/") == {"POST /v3/export-jobs"}
