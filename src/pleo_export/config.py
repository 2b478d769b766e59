"""The settings file: one TOML file for one company, secrets from the environment or from a file of their own."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Self, TypeVar
from uuid import UUID

from pydantic import (
    BaseModel,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from pleo_export.accounting.ledger import LedgerSettings
from pleo_export.accounting.odoo.settings import OdooSettings
from pleo_export.config_problems import told
from pleo_export.domain.settings import (
    AccountSettings,
    BookkeepingSettings,
    CompanySettings,
    JournalSettings,
    MappingSettings,
    Section,
    VatSettings,
)
from pleo_export.pleo.addresses import base_url, receiver_url
from pleo_export.pleo.auth import UnusableSecretError, require_sendable

PLEO_URL = "https://external.pleo.io"
SETTINGS_FILE = Path("pleo-export.toml")
PlacedSection = TypeVar("PlacedSection", bound=BaseModel)
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*")
ACCOUNTING_SYSTEMS = ("ledger", "odoo")  # each a section of its own


class PleoSettings(Section):
    """How Pleo is reached."""

    company_id: str = Field(description="The id (UUID) of the company in Pleo whose jobs are exported.")
    base_url: str = Field(
        default=PLEO_URL, description="Pleo's API; a simulator's address for trying things out."
    )
    api_key_file: Path | None = Field(
        default=None,
        description="A file that holds the API key. Instead: the environment variable PLEO_EXPORT_API_KEY.",
    )

    @field_validator("company_id")
    @classmethod
    def _uuid(cls, value: str) -> str:
        try:
            return str(UUID(value))
        except ValueError:
            raise ValueError("is no UUID; copy it from Pleo") from None

    @field_validator("base_url")
    @classmethod
    def _safe_address(cls, value: str) -> str:
        return str(base_url(value)).rstrip("/")


class StoreSettings(Section):
    """Where the progress of exports is remembered."""

    path: Path = Field(
        default=Path("pleo-export.db"), description="An SQLite file; it is made where it is absent."
    )


class NotifySettings(Section):
    """Who is told when a job ends with failures, or when a connection breaks. Read by the service only."""

    email: tuple[str, ...] = Field(
        default=(), description="E-mail addresses, each of which is told; see `PLEO_EXPORT_SMTP_URL`."
    )
    webhook_url: str | None = Field(
        default=None,
        description="An address that is told by a signed webhook; see `PLEO_EXPORT_NOTIFY_SECRET`.",
    )

    @field_validator("email")
    @classmethod
    def _addresses(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        if not all(map(_EMAIL.fullmatch, values)):
            raise ValueError("must be a list of e-mail addresses, without names")
        return tuple(dict.fromkeys(values))

    @field_validator("webhook_url")
    @classmethod
    def _receiver(cls, value: str | None) -> str | None:
        return None if value is None else receiver_url(value)


class Settings(Section):
    """The whole settings file. Relative paths start at the folder of the file.

    One of the accounting systems is there: `ledger` or `odoo`.
    """

    pleo: PleoSettings
    accounts: AccountSettings
    ledger: LedgerSettings | None = None
    odoo: OdooSettings | None = None
    vat: VatSettings = VatSettings()
    journals: JournalSettings = JournalSettings()
    bookkeeping: BookkeepingSettings = BookkeepingSettings()
    mapping: MappingSettings = MappingSettings()
    store: StoreSettings = StoreSettings()
    notify: NotifySettings = NotifySettings()
    _file: Path = PrivateAttr(SETTINGS_FILE)

    @model_validator(mode="after")
    def _one_accounting_system(self) -> Self:
        given = [name for name in ACCOUNTING_SYSTEMS if getattr(self, name) is not None]
        if len(given) != 1:
            sections = " or ".join(f"[{name}]" for name in ACCOUNTING_SYSTEMS)
            found = "both are there" if given else "neither is there"
            raise ValueError(f"expenses go to one accounting system: a section {sections}; {found}")
        return self

    @property
    def file(self) -> Path:
        """Where the settings were read from."""
        return self._file

    @property
    def company(self) -> CompanySettings:
        """The part that decides how expenses are booked."""
        return CompanySettings(
            accounts=self.accounts,
            vat=self.vat,
            journals=self.journals,
            mapping=self.mapping,
            bookkeeping=self.bookkeeping,
        )


class Secrets(BaseSettings):
    """Credentials from the environment: PLEO_EXPORT_API_KEY or PLEO_EXPORT_ACCESS_TOKEN for Pleo, PLEO_EXPORT_ODOO_API_KEY."""

    model_config = SettingsConfigDict(env_prefix="PLEO_EXPORT_", extra="ignore", env_ignore_empty=True)

    api_key: SecretStr | None = None
    access_token: SecretStr | None = None
    odoo_api_key: SecretStr | None = None


class SettingsError(Exception):
    """The settings cannot be used. Each line names the key, the value, and what to do."""

    def __init__(self, path: Path, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join([f"{path} cannot be used:", *(f"  - {problem}" for problem in problems)]))


class NoKeyError(SettingsError):
    """Neither the environment nor the settings say where a key is."""

    def __init__(self, path: Path, variable: str, setting: str) -> None:
        super().__init__(
            path,
            [
                f"there is no API key; set the environment variable {variable}, or {setting} to a file that holds it"
            ],
        )


def load_settings(path: Path) -> Settings:
    """Read and check the file. Raises SettingsError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SettingsError(
            path, ["there is no such file; make one with `pleo-export init`, or name another with --settings"]
        ) from None
    except OSError as error:
        raise SettingsError(path, [f"it cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise SettingsError(path, ["it is not UTF-8 text; save it as UTF-8"]) from None
    return parse_settings(text, path)


def parse_settings(text: str, path: Path) -> Settings:
    """Check what a settings file says, or said when it was at `path`. Raises SettingsError."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(path, [f"it is not valid TOML: {error}; correct that place"]) from None
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        raise SettingsError(path, [told(detail, tree, Settings) for detail in error.errors()]) from None
    return _at(settings, path)


def notify_settings(text: str) -> NotifySettings:
    """Return who is told, also where something else in the file is refused; nobody where this part of it is."""
    try:
        return NotifySettings.model_validate(tomllib.loads(text).get("notify", {}))
    except (tomllib.TOMLDecodeError, ValidationError):
        return NotifySettings()


def api_key(settings: Settings, secrets: Secrets, path: Path) -> SecretStr:
    """Return Pleo's API key from the environment, else from its file. Raises SettingsError."""
    return _secret(
        secrets.api_key, "PLEO_EXPORT_API_KEY", "pleo.api_key_file", settings.pleo.api_key_file, path
    )


def odoo_api_key(settings: Settings, secrets: Secrets) -> SecretStr:
    """Return Odoo's API key from the environment, else from its file. Raises SettingsError."""
    file = settings.odoo.api_key_file if settings.odoo is not None else None
    key = _secret(secrets.odoo_api_key, "PLEO_EXPORT_ODOO_API_KEY", "odoo.api_key_file", file, settings.file)
    try:
        require_sendable(key.get_secret_value(), "API key of Odoo")
    except UnusableSecretError as error:
        raise SettingsError(settings.file, [str(error)]) from None
    return key


def _secret(given: SecretStr | None, variable: str, setting: str, file: Path | None, path: Path) -> SecretStr:
    if given is not None:
        return given
    if file is None:
        raise NoKeyError(path, variable, setting)
    try:
        key = file.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            path, [f"{setting} = '{file}' cannot be read ({type(error).__name__}); correct the path"]
        ) from None
    if not key:
        raise SettingsError(path, [f"{setting} = '{file}' is empty; put the API key into it"])
    return SecretStr(key)


def _at(settings: Settings, path: Path) -> Settings:
    """Return the settings with their relative paths at the folder of the file they stand in."""
    folder = path.resolve().parent
    placed = settings.model_copy(
        update={
            "pleo": _below(settings.pleo, folder, "api_key_file"),
            "ledger": settings.ledger and _below(settings.ledger, folder, "folder", "chart"),
            "odoo": settings.odoo and _below(settings.odoo, folder, "api_key_file"),
            "store": _below(settings.store, folder, "path"),
        }
    )
    placed._file = path  # noqa: SLF001 of this class, set here only
    return placed


def _below(section: PlacedSection, folder: Path, *names: str) -> PlacedSection:
    paths = {name: getattr(section, name) for name in names}
    return section.model_copy(
        update={name: folder / path for name, path in paths.items() if path is not None}
    )
