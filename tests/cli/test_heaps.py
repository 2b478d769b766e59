import subprocess
import sys

import pytest

from pleo_export.cli.heaps import HEAPS_MAX


@pytest.mark.slow
@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="other C libraries keep no heap for each thread"
)
def test_threads_share_a_few_heaps() -> None:
    command = [sys.executable, "-m", "tests.cli.heaps_child"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert int(told) == HEAPS_MAX
