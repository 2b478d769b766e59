"""The settings of a ledger."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class LedgerSettings(BaseModel):
    """Where the ledger lies, which chart it follows, and where people read it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Field(description="The folder of the ledger; it is made where it is not there yet.")
    chart: Path = Field(
        description="The chart file (TOML): accounts, vendors, tax codes, dimensions, period lock."
    )
    fava_url: str | None = Field(
        default=None,
        pattern="^https?://",
        description="The address of the Fava that shows the ledger, for links to entries; none: no links.",
    )
