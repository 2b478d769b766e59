import http.client
import signal
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from pleo_export.simulator.server import RunningSimulator
from pleo_export.simulator.world import NewCompany, World
from tests.simulator.simulator_api import bearer


def ask(url: str, method: str, path: str, body: str | None = None, **headers: str) -> int:
    """The status of one call over the network; the path is sent as it is written."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    try:
        connection.request(method, path, body, {"content-type": "application/json", **headers})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


@pytest.mark.slow
def test_a_running_simulator_answers_at_once_and_is_gone_afterwards() -> None:
    with RunningSimulator(seed=0) as simulator:
        assert ask(simulator.url, "GET", "/control/health") == 200
    with pytest.raises(ConnectionRefusedError):
        ask(simulator.url, "GET", "/control/health")


@pytest.mark.slow
def test_a_running_simulator_stops_while_a_client_holds_its_connection() -> None:
    with RunningSimulator(seed=0) as simulator:
        parts = urlsplit(simulator.url)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
        connection.request("GET", "/control/health")
        connection.getresponse().read()
    connection.close()


@pytest.mark.slow
@pytest.mark.parametrize("colon", [":", "%3A", "%3a"])
def test_the_colon_of_a_search_may_be_escaped(colon: str) -> None:
    world = World(seed=0)
    company = world.add_company(NewCompany(name="Acme"))
    with RunningSimulator(world=world) as simulator:
        path = f"/v3/export-job-items{colon}search"
        body = '{"accountingEntryIds": []}'
        assert ask(simulator.url, "POST", path, body, authorization=bearer(company)) == 200


@pytest.mark.slow
def test_the_module_prints_its_address_when_it_is_ready_and_ends_on_a_signal() -> None:
    command = [sys.executable, "-m", "pleo_export.simulator", "--port", "0", "--seed", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        assert ask(url, "GET", "/control/health") == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) in {0, -signal.SIGTERM}
