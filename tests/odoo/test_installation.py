"""Where no Odoo can be had, that is said in one sentence; and only the package that was tried is taken."""

from pathlib import Path

import pytest

from tests.odoo import archive
from tests.odoo.archive import NoOdooError
from tests.odoo.installation import installed


def test_a_package_with_another_checksum_is_refused(tmp_path: Path) -> None:
    for name in (f"odoo-19_{archive.VERSION}", *(f"{name}_1" for name in archive.FOR_THE_BROWSER)):
        (tmp_path / f"{name}_all.deb").write_bytes(b"something else")
    with pytest.raises(NoOdooError, match="its SHA-256 is another one"):
        archive.packages(tmp_path)


def test_a_cache_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLEO_EXPORT_TEST_ODOO_CACHE", "/proc/nowhere")
    with pytest.raises(NoOdooError, match="no Odoo here: /proc/nowhere"):
        installed()
