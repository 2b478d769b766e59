"""The settings file: one TOML file for one company, secrets from the environment or from a file of their own."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pleo_export.accounting.ledger import LedgerSettings
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
from pleo_export.pleo.addresses import base_url

PLEO_URL = "https://external.pleo.io"
SETTINGS_FILE = Path("pleo-export.toml")


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


class Settings(Section):
    """The whole settings file. Relative paths start at the folder of the file."""

    pleo: PleoSettings
    accounts: AccountSettings
    ledger: LedgerSettings
    vat: VatSettings = VatSettings()
    journals: JournalSettings = JournalSettings()
    bookkeeping: BookkeepingSettings = BookkeepingSettings()
    mapping: MappingSettings = MappingSettings()
    store: StoreSettings = StoreSettings()

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
    """Credentials for Pleo, from the environment: PLEO_EXPORT_API_KEY or PLEO_EXPORT_ACCESS_TOKEN."""

    model_config = SettingsConfigDict(env_prefix="PLEO_EXPORT_", extra="ignore", env_ignore_empty=True)

    api_key: SecretStr | None = None
    access_token: SecretStr | None = None


class SettingsError(Exception):
    """The settings cannot be used. Each line names the key, the value, and what to do."""

    def __init__(self, path: Path, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join([f"{path} cannot be used:", *(f"  - {problem}" for problem in problems)]))


def load_settings(path: Path) -> Settings:
    """Read and check the file. Raises SettingsError."""
    try:
        text = path.read_text(encoding="utf-8")
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
    return _at(settings, path.resolve().parent)


def api_key(settings: Settings, secrets: Secrets, path: Path) -> SecretStr:
    """Return the API key from the environment, else from its file. Raises SettingsError."""
    if secrets.api_key is not None:
        return secrets.api_key
    key_file = settings.pleo.api_key_file
    if key_file is None:
        raise SettingsError(
            path,
            [
                (
                    "there is no API key; set the environment variable PLEO_EXPORT_API_KEY,"
                    " or pleo.api_key_file to a file that holds it"
                )
            ],
        )
    try:
        key = key_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            path,
            [f"pleo.api_key_file = '{key_file}' cannot be read ({type(error).__name__}); correct the path"],
        ) from None
    if not key:
        raise SettingsError(path, [f"pleo.api_key_file = '{key_file}' is empty; put the API key into it"])
    return SecretStr(key)


def _at(settings: Settings, folder: Path) -> Settings:
    pleo, ledger, store = settings.pleo, settings.ledger, settings.store
    key_file = folder / pleo.api_key_file if pleo.api_key_file is not None else None
    return settings.model_copy(
        update={
            "pleo": pleo.model_copy(update={"api_key_file": key_file}),
            "ledger": ledger.model_copy(
                update={"folder": folder / ledger.folder, "chart": folder / ledger.chart}
            ),
            "store": store.model_copy(update={"path": folder / store.path}),
        }
    )
