import pytest

from tests.simulator.simulator_api import Api


@pytest.fixture
def api() -> Api:
    return Api()
