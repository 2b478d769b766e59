"""What a killed worker leaves behind goes with the next start on the same machine."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pleo_export.service.errors import WorkFolderError
from pleo_export.service.work_folder import own_folder

HOST = socket.gethostname()


def receipt_of(folder: Path, process: str) -> Path:
    receipt = folder / process / "company" / "receipt.pdf"
    receipt.parent.mkdir(parents=True)
    receipt.write_bytes(b"%PDF")
    return receipt


def dead_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_receipts_of_dead_processes_of_this_machine_are_removed_and_no_others(tmp_path: Path) -> None:
    dead = receipt_of(tmp_path, f"{HOST}-{dead_process()}")
    earlier = receipt_of(tmp_path, f"{HOST}-{os.getpid()}")
    kept = [
        receipt_of(tmp_path, f"{HOST}-{os.getppid()}"),
        receipt_of(tmp_path, f"another-{dead_process()}"),
        receipt_of(tmp_path, f"{HOST}-b-{dead_process()}"),
    ]
    assert own_folder(tmp_path) == tmp_path / f"{HOST}-{os.getpid()}"
    assert not dead.parents[1].exists()
    assert not earlier.exists()
    assert all(receipt.exists() for receipt in kept)


def test_a_work_folder_that_is_not_there_is_made_for_this_user_only(tmp_path: Path) -> None:
    folder = own_folder(tmp_path / "nowhere" / "work")
    assert folder.is_dir()
    assert folder.stat().st_mode & 0o077 == 0


def test_a_work_folder_that_cannot_be_made_is_named_with_its_variable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WorkFolderError) as refused:
        own_folder(tmp_path / "file" / "work")
    assert str(tmp_path / "file" / "work") in str(refused.value)
    assert "Not a directory. Set PLEO_EXPORT_WORK_FOLDER" in str(refused.value)
