"""How the service itself runs, from the environment. What concerns a company stands in that company's settings."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pleo_export.domain.explanation import DAYS_KEPT
from pleo_export.pleo.addresses import UnusableBaseUrlError, base_url
from pleo_export.service.telling.set_up import is_signing_secret, mail_server


class ServiceSettings(BaseSettings):
    """Environment variables with the prefix PLEO_EXPORT_."""

    model_config = SettingsConfigDict(env_prefix="PLEO_EXPORT_", extra="ignore", env_ignore_empty=True)

    database_url: str = Field(
        default="sqlite:///pleo-export.db",
        pattern="^(sqlite:///|postgresql://)",
        description="Where companies, progress and waiting work are kept: `sqlite:///FILE` or `postgresql://…`.",
    )
    work_folder: Path = Field(
        default=Path("pleo-export-work"), description="Where a worker keeps receipts while it records them."
    )
    host: str = Field(default="127.0.0.1", description="The address the web part listens on.")
    port: int = Field(default=8480, ge=0, le=65535, description="The port the web part listens on.")
    health_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Where a `worker` tells how it is; without it, it listens nowhere.",
    )
    public_url: str | None = Field(
        default=None, pattern="^https?://", description="How Pleo reaches the web part; for webhooks."
    )
    operator_token: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="What a caller shows to press the button over HTTP; without it the button is closed.",
    )
    oauth_client_id: str | None = Field(
        default=None,
        min_length=1,
        description="This program as it is registered with Pleo, to connect by OAuth.",
    )
    oauth_client_secret: SecretStr | None = Field(
        default=None, min_length=1, description="The secret that belongs to it."
    )
    oauth_server: str = Field(
        default="https://auth.pleo.io", pattern="^https?://", description="Pleo's authorisation server."
    )
    oauth_scopes: str = Field(
        default="export-jobs:read export-jobs:write export-items:read",
        description="What is asked for, with blanks between.",
    )
    oauth_client_authentication: Literal["basic", "form"] = Field(
        default="basic",
        description="How the secret is shown to Pleo: `basic` in the header, `form` in the form.",
    )
    oidc_issuer: str | None = Field(
        default=None,
        pattern=r"^(https://|http://(127\.0\.0\.1|localhost|\[::1\])[:/])",
        description="The OpenID provider that people sign in with, as it names itself; without it, they sign in with passwords.",
    )
    oidc_client_id: str | None = Field(
        default=None, min_length=1, description="This program as it is registered with that provider."
    )
    oidc_client_secret: SecretStr | None = Field(
        default=None, min_length=1, description="The secret that belongs to it."
    )
    second_factor: Literal["offered", "required"] | None = Field(
        default=None,
        description="Whether those who sign in with a password need a second factor. Without it: `required` where `PLEO_EXPORT_PUBLIC_URL` is https, `offered` otherwise.",
    )
    smtp_url: SecretStr | None = Field(
        default=None,
        description="The mail server that notifications go through: `smtps://user:password@host:465` or `smtp://user:password@host:587?starttls`.",
    )
    mail_from: str | None = Field(
        default=None, pattern=r"^[^\s@<>]+@[^\s@<>]+$", description="The e-mail address they come from."
    )
    notify_secret: SecretStr | None = Field(
        default=None,
        description="What outgoing webhooks are signed with: `whsec_` and 24 to 64 bytes in Base64.",
    )
    poll_minutes: float = Field(
        default=5, gt=0, description="How often each company's waiting jobs are looked for without a webhook."
    )
    companies_at_once: int = Field(
        default=8, ge=1, le=64, description="How many companies a worker drains at the same time."
    )
    keep_expenses_days: int = Field(
        default=DAYS_KEPT,
        ge=0,
        description="How long the page can show an expense beside its entry; ids and outcomes stay for good.",
    )
    stop_seconds: float = Field(
        default=60, ge=0, description="How long a worker may finish what it has in hand when it is stopped."
    )
    log_format: Literal["console", "json"] = Field(default="console", description="How logs are written.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least that is logged."
    )

    @property
    def requires_second_factor(self) -> bool:
        """Whether a password alone is not enough: where others reach the page, unless it was said."""
        if self.second_factor is not None:
            return self.second_factor == "required"
        return (self.public_url or "").lower().startswith("https://")

    @field_validator("oauth_server")
    @classmethod
    def _oauth_server(cls, value: str) -> str:
        try:
            base_url(value)
        except UnusableBaseUrlError as error:
            raise ValueError(error.problem) from None
        return value

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            mail_server(value.get_secret_value())
        return value

    @field_validator("notify_secret")
    @classmethod
    def _signing_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not is_signing_secret(value.get_secret_value()):
            raise ValueError("must be whsec_ and 24 to 64 bytes in Base64")
        return value
