"""What an idle service has in memory is mostly libraries: those for what few use are loaded when they are used."""

import subprocess
import sys

import pytest

SELDOM = (
    "alembic",
    "cryptography",
    "joserfc",
    "opentelemetry.sdk",
    "PIL",
    "pikepdf",
    "pleo_export.simulator",
)


@pytest.mark.slow  # a process of its own, in which nothing is loaded yet
def test_the_service_is_loaded_without_what_few_use() -> None:
    code = f"import sys, pleo_export.cli, pleo_export.service.run\nprint([name for name in {SELDOM} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
