import pytest
from simulator_api import Api


@pytest.fixture
def api() -> Api:
    return Api()
