"""Exactly one worker a company: a lock beside the store that the kernel frees when its process dies, however it dies."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout


class CompanyBusyError(Exception):
    """Another process works for this company at the moment."""

    def __init__(self, company_id: str) -> None:
        super().__init__(
            f"Another process is exporting for company {company_id} right now. It takes all waiting jobs;"
            " there is nothing to do here."
        )


@contextmanager
def company_lease(store_path: Path, company_id: str) -> Iterator[None]:
    """Hold the company while the body works. Raises CompanyBusyError at once where it is taken."""
    lock = FileLock(lock_file(store_path, company_id))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise CompanyBusyError(company_id) from None
    try:
        yield
    finally:
        lock.release()


def lock_file(store_path: Path, name: str) -> Path:
    """Return where the lock of this name lies, in a folder beside the store."""
    folder = store_path.with_name(store_path.name + ".locks")
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{quote(name, safe='')}.lock"
