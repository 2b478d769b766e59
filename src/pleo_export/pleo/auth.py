"""The two credentials Pleo accepts. A secret is sent, and otherwise never shown."""

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Protocol


class UnusableSecretError(ValueError):
    """The secret cannot be sent in a header. The message never shows it."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"The {kind} is empty or holds blanks or characters that cannot be sent. Copy it again from Pleo."
        )


class Credential(Protocol):
    """Proves to Pleo who calls. It is asked before every call, so what it returns may change."""

    @property
    def header(self) -> str:
        """The value of the Authorization header."""
        ...


@dataclass(frozen=True)
class ApiKey:
    """A key made in the Pleo web app. Raises UnusableSecretError."""

    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        _require_sendable(self.secret, "Pleo API key")

    @property
    def header(self) -> str:
        """The key as user name with an empty password."""
        return "Basic " + b64encode(f"{self.secret}:".encode("ascii")).decode("ascii")


@dataclass(frozen=True)
class BearerToken:
    """An OAuth access token. Raises UnusableSecretError."""

    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        _require_sendable(self.secret, "Pleo access token")

    @property
    def header(self) -> str:
        """The token as it is: opaque."""
        return f"Bearer {self.secret}"


def _require_sendable(secret: str, kind: str) -> None:
    if not secret or not all("!" <= character <= "~" for character in secret):
        raise UnusableSecretError(kind)
