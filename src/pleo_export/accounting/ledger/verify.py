"""Beancount's own verdict on a ledger, from its program `bean-check`: a ledger is code, so never in our process."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import msgspec


class LedgerError(msgspec.Struct, frozen=True):
    """One error that Beancount found, and where."""

    message: str
    filename: str
    lineno: Annotated[int, msgspec.Meta(ge=0)] | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """`clean` only where bean-check ran and found nothing; `available` is False where there is no bean-check."""

    clean: bool
    available: bool
    errors: tuple[LedgerError, ...] = ()


class _Answer(msgspec.Struct, frozen=True):
    errors: tuple[LedgerError, ...]


class BeanCheckError(RuntimeError):
    """bean-check ran, but gave no verdict."""

    def __init__(self, folder: Path, detail: str) -> None:
        super().__init__(f"bean-check gave no verdict on {folder}: {detail.strip() or 'it said nothing'}")


class BeanCheckTimeoutError(BeanCheckError):
    """bean-check took too long."""

    def __init__(self, folder: Path, seconds: float) -> None:
        super().__init__(folder, f"it was stopped after {seconds:g} seconds")


def bean_check_program() -> str | None:
    """Return the path of bean-check, beside our Python or on the PATH, or None."""
    return program("bean-check")


def program(name: str) -> str | None:
    """Return the path of a program of Beancount's family, beside our Python or on the PATH, or None."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)


def bean_check(folder: Path, seconds: float) -> Verdict:
    """Let bean-check read `main.beancount` in `folder`; blocks for at most `seconds`.

    Raises BeanCheckTimeoutError or BeanCheckError.
    """
    checker = bean_check_program()
    if checker is None:
        return Verdict(clean=False, available=False)
    # Its cache is a pickle beside the ledger, which whoever may write there could forge.
    environment = {**os.environ, "BEANCOUNT_DISABLE_LOAD_CACHE": "1"}
    command = [checker, "--json", "--no-cache", str(folder / "main.beancount")]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=seconds, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise BeanCheckTimeoutError(folder, seconds) from error
    try:
        errors = msgspec.json.decode(done.stdout, type=_Answer).errors
    except msgspec.DecodeError as error:
        raise BeanCheckError(folder, done.stderr.decode(errors="replace")) from error
    return Verdict(clean=done.returncode == 0 and not errors, available=True, errors=errors)
