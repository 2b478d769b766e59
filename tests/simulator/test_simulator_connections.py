"""Webhooks and tokens over real connections."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread

import httpx
import pytest

from pleo_export.simulator.hands import Hands
from pleo_export.simulator.server import RunningSimulator
from pleo_export.simulator.webhooks import Letter
from tests.simulator.test_simulator_oauth import CHALLENGE, VERIFIER
from tests.simulator.test_simulator_webhooks import is_signed


class Endpoint(BaseHTTPRequestHandler):
    """Answers 500 to the first webhook, 204 to every later one."""

    got: Queue[tuple[dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204 if self.got.unfinished_tasks else 500)
        self.end_headers()
        self.got.put(({name.lower(): value for name, value in self.headers.items()}, body))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def endpoint() -> Iterator[tuple[str, "Queue[tuple[dict[str, str], bytes]]"]]:
    class OneEndpoint(Endpoint):
        got: Queue[tuple[dict[str, str], bytes]] = Queue()

    with ThreadingHTTPServer(("127.0.0.1", 0), OneEndpoint) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hooks", OneEndpoint.got
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.slow
def test_webhooks_reach_a_real_endpoint_and_are_repeated_until_it_takes_them() -> None:
    with endpoint() as (url, got), RunningSimulator(seed=1) as simulator:
        pleo = Hands(simulator.url)
        company = pleo.create_company("Acme")
        caller = httpx.Client(
            base_url=simulator.url, auth=(company["apiKey"], ""), trust_env=False, timeout=10
        )
        with caller:
            wanted = {"endpointUrl": url, "eventTypes": ["v1.export-job.created"]}
            subscription = caller.post("/v1/subscriptions", json=wanted).json()["data"]
            path = f"/v1/subscriptions/{subscription['id']}/secret"
            secret = caller.get(path).json()["data"]["secretKey"]
        pleo.webhooks(retrySeconds=[0.01])
        pleo.generate(company["id"], 1)
        job_id = pleo.press_export(company["id"])
        (headers, body), (again, same_body) = got.get(timeout=10), got.get(timeout=10)
        assert is_signed(Letter(url, httpx.Headers(headers), body), secret)
        assert json.loads(body)["data"]["id"] == job_id
        assert (again["webhook-id"], same_body) == (headers["webhook-id"], body)
        while (seen := pleo.deliveries())["unsettled"]:
            pass
        assert [one["status"] for one in seen["attempts"]] == [500, 204]


@pytest.mark.slow
def test_a_lost_token_answer_cuts_the_connection_and_counts_as_a_refresh() -> None:
    with RunningSimulator(seed=1) as simulator:
        pleo = Hands(simulator.url)
        company = pleo.create_company("Acme")
        redirect = "http://localhost/back"
        shop = pleo.register_client("Shop", redirect, ["export-jobs:read"])
        pleo.consent(company["id"])
        client = httpx.Client(
            base_url=simulator.url,
            auth=(shop["clientId"], shop["clientSecret"]),
            trust_env=False,
            timeout=10,
        )
        with client:
            question = {
                "response_type": "code",
                "client_id": shop["clientId"],
                "redirect_uri": redirect,
                "scope": "export-jobs:read",
                "state": "s",
                "code_challenge": CHALLENGE,
                "code_challenge_method": "S256",
            }
            back = httpx.URL(client.get("/oauth/authorize", params=question).headers["location"])
            form = {
                "grant_type": "authorization_code",
                "code": back.params["code"],
                "redirect_uri": redirect,
                "code_verifier": VERIFIER,
            }
            tokens = client.post("/oauth/token", data=form).json()
            refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
            pleo.tokens(loseAnswers=1, latencySeconds=0.01)
            with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
                client.post("/oauth/token", data=refresh)
            answer = client.post("/oauth/token", data=refresh)
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
        assert pleo.refreshes() == 1
        pleo.disconnect(company["id"])
