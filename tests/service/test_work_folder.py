"""What a killed worker leaves behind goes with the next start, and nothing that is in use."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from pleo_export import file_locks
from pleo_export.service.errors import WorkFolderError
from pleo_export.service.work_folder import own_folder

CHILD = [sys.executable, "-m", "tests.service.work_folder_child"]


def receipt_in(folder: Path) -> Path:
    receipt = folder / "company" / "receipt.pdf"
    receipt.parent.mkdir(parents=True)
    receipt.write_bytes(b"%PDF")
    return receipt


def left_in(work_folder: Path, name: str) -> Path:
    """A receipt whose process has died."""
    (work_folder / f"{name}.lock").touch()
    return receipt_in(work_folder / name)


@contextmanager
def working_in(work_folder: Path) -> Iterator[Path]:
    """Another process with a receipt; killed at the end."""
    with subprocess.Popen([*CHILD, str(work_folder)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Path(process.stdout.readline().strip())
        finally:
            process.kill()


@pytest.mark.slow
def test_receipts_of_a_killed_process_are_removed_and_none_of_one_that_lives(tmp_path: Path) -> None:
    with working_in(tmp_path) as living:
        with working_in(tmp_path) as killed:
            assert killed.exists()
        own = own_folder(tmp_path)
        assert not killed.parent.exists()
        assert living.exists()
    assert {path.name for path in tmp_path.iterdir()} == {
        name for folder in (own, living.parent) for name in (folder.name, f"{folder.name}.lock")
    }


def test_what_no_worker_locked_is_left_alone(tmp_path: Path) -> None:
    dead, others = left_in(tmp_path, "worker-1"), receipt_in(tmp_path / "worker-2")
    foreign = left_in(tmp_path, "books")
    own_folder(tmp_path)
    assert not dead.parents[1].exists()
    assert not (tmp_path / "worker-1.lock").exists()
    assert others.exists()
    assert foreign.exists()


def test_processes_that_start_at_once_leave_each_other_their_folders(tmp_path: Path) -> None:
    dead = left_in(tmp_path, "worker-1")
    with ThreadPoolExecutor(max_workers=8) as starts:
        folders = list(starts.map(own_folder, [tmp_path] * 40))
    assert len(set(folders)) == 40
    assert all(folder.is_dir() for folder in folders)
    assert not dead.exists()


def test_a_process_that_starts_between_two_steps_of_another_leaves_it_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = file_locks.attempt

    def amid_other_starts(path: Path, flags: int = 0) -> int | None:
        with monkeypatch.context() as undisturbed:
            undisturbed.setattr(file_locks, "attempt", attempt)
            path.touch()  # it is made, and not locked yet
            own_folder(tmp_path)
            path.unlink()
            descriptor = attempt(path, flags)
            own_folder(tmp_path)
        return descriptor

    monkeypatch.setattr(file_locks, "attempt", amid_other_starts)
    receipt = receipt_in(own_folder(tmp_path))
    monkeypatch.undo()
    own_folder(tmp_path)
    assert receipt.exists()


def test_what_could_not_be_removed_is_removed_by_a_later_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = left_in(tmp_path, "worker-1")
    with monkeypatch.context() as refusing:
        refusing.setattr(shutil, "rmtree", lambda *_, **__: None)
        own_folder(tmp_path)
    assert dead.exists()
    own_folder(tmp_path)
    assert not dead.exists()


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
