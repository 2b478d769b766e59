"""The control API from Python: what a test, a benchmark or a demonstration does in the place of people."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pleo_export.simulator.vocabulary import JsonObject

TIMEOUT_SECONDS = 60
_OK = 200
# No proxy leads there.
ON_THIS_MACHINE = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Hands:
    """Calls the control API of a running simulator. Raises urllib.error.HTTPError for a refused order."""

    def __init__(self, url: str) -> None:
        self.url = url

    def create_company(self, name: str, **order: Any) -> JsonObject:
        """Make a company; return its `id`, `apiKey` and `accessToken`. `order` as in the control API."""
        created: JsonObject = self.call("POST", "companies", {"name": name, **order})
        return created

    def generate(self, company_id: str, count: int, **order: Any) -> list[str]:
        """Give the company made-up expenses; return their ids."""
        body = {"count": count, **order}
        ids: list[str] = self.call("POST", f"companies/{company_id}/expenses:generate", body)["ids"]
        return ids

    def press_export(self, company_id: str, entry_ids: list[str] | None = None) -> str:
        """Press Export for these expenses, or for all that are not exported; return the job's id."""
        body = {} if entry_ids is None else {"accountingEntryIds": entry_ids}
        job_id: str = self.call("POST", f"companies/{company_id}/export", body)["data"]["id"]
        return job_id

    def company(self, company_id: str) -> JsonObject:
        """Return what the web app shows of a company: expenses, outcomes, jobs."""
        seen: JsonObject = self.call("GET", f"companies/{company_id}")
        return seen

    def audit(self) -> list[JsonObject]:
        """Return every call to the public API so far."""
        entries: list[JsonObject] = self.call("GET", "audit")
        return entries

    def register_client(self, name: str, redirect_uri: str, scopes: list[str], **order: Any) -> JsonObject:
        """Register a client for OAuth; return its `clientId` and `clientSecret`. `order` as in the control API."""
        body = {"name": name, "redirectUris": [redirect_uri], "scopes": scopes, **order}
        client: JsonObject = self.call("POST", "oauth/clients", body)
        return client

    def consent(self, company_id: str) -> None:
        """Let every client that asks from now on have what it asks for, for this company."""
        self.call("PUT", "oauth/consent", {"decision": "allow", "companyId": company_id})

    def tokens(self, **change: Any) -> JsonObject:
        """Change lives of tokens and faults of the token endpoint; return all these settings."""
        settings: JsonObject = self.call("PATCH", "oauth/settings", change)
        return settings

    def refreshes(self) -> int:
        """Count the refreshes that took effect so far."""
        return sum(
            entry["path"] == "/oauth/token"
            and entry["status"] == _OK
            and entry["body"] == {"grant_type": "refresh_token"}
            for entry in self.audit()
        )

    def webhooks(self, **change: Any) -> JsonObject:
        """Change how webhooks are delivered and what goes wrong with them; return all these settings."""
        settings: JsonObject = self.call("PATCH", "webhooks/settings", change)
        return settings

    def deliveries(self) -> JsonObject:
        """Return all `attempts` to deliver a webhook, and how many deliveries are `unsettled`."""
        seen: JsonObject = self.call("GET", "webhooks/deliveries")
        return seen

    def disconnect(self, company_id: str) -> None:
        """Remove every app from the company, as a user does in Pleo; their tokens end."""
        self.call("POST", f"companies/{company_id}/disconnect")

    def advance(self, seconds: float) -> None:
        """Move the simulator's clock."""
        self.call("POST", "clock", {"advanceSeconds": seconds})

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Call any path below /control/."""
        request = urllib.request.Request(  # noqa: S310 the address of our own simulator
            f"{self.url}/control/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with ON_THIS_MACHINE.open(request, timeout=TIMEOUT_SECONDS) as answer:
            return json.loads(answer.read() or b"null")


@contextmanager
def simulator_process(seed: int = 0) -> Iterator[str]:
    """Run a simulator as a process of its own and give its address; it outlives whatever else is killed meanwhile."""
    command = [sys.executable, "-m", "pleo_export.simulator", "--port", "0", "--seed", str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 our own module
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()
