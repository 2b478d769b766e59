"""What commands share that work with the service, or with what it remembers. It is loaded when it is needed: no other pays for it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError
from rich.text import Text

from pleo_export.cli.common import ExitCode, fail
from pleo_export.clock import SystemClock
from pleo_export.config import load_settings
from pleo_export.pleo.auth import require_sendable
from pleo_export.service.settings import ServiceSettings
from pleo_export.store import Store, sqlite_path, sqlite_url

if TYPE_CHECKING:
    from pleo_export.engine.engine import Engine
    from pleo_export.service.opening import Opened

CompanyOption = Annotated[
    str | None, typer.Option("--company", help="The id of a company that the service works for.")
]


def service_settings() -> ServiceSettings:
    """Read the service's settings, or end the command with what is wrong."""
    try:
        return ServiceSettings()
    except ValidationError as error:
        problems = (
            f"PLEO_EXPORT_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors()
        )
        fail("\n".join(problems), ExitCode.WRONG_SETTINGS)


def to_be_copied(settings: Path) -> tuple[str, str]:
    """Return what a settings file says and the folder at which its relative paths start. Raises OSError."""
    return settings.read_text(encoding="utf-8-sig"), str(settings.resolve().parent)


def api_key_in(file: Path) -> str:
    """Read an API key. Raises UnusableSecretError where it could not be sent, OSError."""
    key = file.read_text(encoding="utf-8-sig", errors="replace").strip()
    require_sendable(key, f"API key in {file}")
    return key


def nobody(service: ServiceSettings) -> Text:
    """Say where no company was added: most often it is the wrong database."""
    file = sqlite_path(service.database_url)
    where = f"in {file.resolve()}" if file is not None else "in the database of PLEO_EXPORT_DATABASE_URL"
    return Text(f"No company was added yet {where}: pleo-export companies add FILE")


@asynccontextmanager
async def opened(service: ServiceSettings) -> "AsyncIterator[Opened]":
    """Open the service's store with its companies."""
    from pleo_export.service.opening import opened as service_opened  # noqa: PLC0415

    async with service_opened(service) as parts:
        yield parts


@asynccontextmanager
async def remembered(settings: Path, company: str | None) -> AsyncIterator[tuple[Store, str] | None]:
    """Open what is remembered of a company, and name it: one that the service works for, else that of the settings file.

    None where the settings' company has exported nothing yet. Raises SettingsError, StoreError, UnknownCompanyError.
    """
    if company is not None:
        async with opened(service_settings()) as (store, _, _):
            yield store, (await store.company(company)).company_id
        return
    loaded = load_settings(settings)
    if not loaded.store.path.exists():
        yield None
        return
    store = await Store.open(sqlite_url(loaded.store.path), SystemClock().now)
    try:
        yield store, loaded.pleo.company_id
    finally:
        await store.close()


@contextmanager
def opened_engine(service: ServiceSettings) -> "Iterator[Engine]":
    """Open the engine, to fire and to look."""
    from pleo_export.engine.errors import EngineError  # noqa: PLC0415
    from pleo_export.service.opening import opened_engine as service_opened  # noqa: PLC0415

    try:
        with service_opened(service) as engine:
            yield engine
    except EngineError as error:
        fail(str(error), ExitCode.NOT_REACHED)
