"""The settings of an Odoo server."""

from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator


class OdooSettings(BaseModel):
    """Which Odoo the entries go to, and as whom. The company's accounts, taxes and journals are those of Odoo."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    url: str = Field(
        pattern="^https?://", description="Odoo's address, as people open it: `https://books.example.com`."
    )
    database: str = Field(min_length=1, description="The name of Odoo's database.")
    company_id: int | None = Field(
        default=None,
        ge=1,
        description="The company's number in Odoo. Needed only where the user of the API key may see several.",
    )
    api_key_file: Path | None = Field(
        default=None,
        description="A file that holds Odoo's API key. Instead: the environment variable PLEO_EXPORT_ODOO_API_KEY.",
    )

    @field_validator("url")
    @classmethod
    def _that_keeps_the_key(cls, value: str) -> str:
        address = urlsplit(value)
        if address.username is not None or address.path.strip("/") or address.query or address.fragment:
            raise ValueError(
                "is more than an address; take only what stands before /odoo, /web or any other /"
            )
        if address.scheme == "http" and not _is_near(address.hostname or ""):
            raise ValueError("must begin with https://: the API key would cross the internet unencrypted")
        return value.rstrip("/")


def _is_near(host: str) -> bool:
    """Whether a host is this machine or in its own network: by its address, or by a name without a domain."""
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host
