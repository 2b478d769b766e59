import errno
import fcntl
import os
from pathlib import Path

import pytest

from pleo_export.accounting.ledger.locks import LedgerBusyError, locked


@pytest.fixture
def lock(tmp_path: Path) -> str:
    return str(tmp_path / "a.lock")


def open_files() -> int:
    return len(os.listdir("/dev/fd"))  # noqa: PTH208 - only counted


def test_a_lock_that_is_held_is_waited_for_and_then_told(lock: str) -> None:
    with (
        locked(lock, 0),
        pytest.raises(LedgerBusyError, match=r"a\.lock for 0\.02 seconds"),
        locked(lock, 0.02),
    ):
        pass


def test_a_lock_can_be_taken_again_after_a_failure_and_leaves_no_open_file(lock: str) -> None:
    before = open_files()
    with pytest.raises(ZeroDivisionError), locked(lock, 0):
        raise ZeroDivisionError
    with locked(lock, 0):
        assert open_files() == before + 1
        with pytest.raises(LedgerBusyError), locked(lock, 0):
            pass
    assert open_files() == before


def test_the_lock_of_a_deleted_file_is_not_taken_for_one(lock: str, monkeypatch: pytest.MonkeyPatch) -> None:
    flock = fcntl.flock
    deleted: list[str] = []

    def delete_first(descriptor: int, operation: int) -> None:
        if not deleted:
            deleted.append(lock)
            Path(lock).unlink()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", delete_first)
    with locked(lock, 1):
        assert deleted
        with pytest.raises(LedgerBusyError), locked(lock, 0):
            pass


def test_a_disk_without_locks_is_an_error_and_never_a_lock(
    lock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = open_files()

    def missing(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", missing)
    with pytest.raises(OSError, match="No locks available"), locked(lock, 1):
        pass
    assert open_files() == before


def test_a_forked_child_does_not_keep_the_lock(lock: str) -> None:
    with locked(lock, 0):
        kept = [os.dup(int(name)) for name in os.listdir("/dev/fd") if leads_to(name, lock)]  # noqa: PTH208
        assert kept
    with locked(lock, 0):
        pass
    for descriptor in kept:
        os.close(descriptor)


def leads_to(name: str, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(int(name)), os.stat(path))  # noqa: PTH116
    except OSError:
        return False
