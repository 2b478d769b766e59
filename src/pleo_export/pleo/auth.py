"""What proves to Pleo who calls: a key, a token, or (see oauth) a connection. A secret is sent, and otherwise never shown."""

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Protocol


class UnusableSecretError(ValueError):
    """The secret cannot be sent in a header. The message never shows it."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"The {kind} is empty or holds blanks or characters that cannot be sent. Copy it again from where it was shown."
        )


class Credential(Protocol):
    """Proves to Pleo who calls. It is asked before every call, so what it returns may change."""

    @property
    def header(self) -> str:
        """The value of the Authorization header; empty where none is sent."""
        ...

    async def refreshed_if_needed(self, refused: str | None = None) -> None:
        """See to it that `header` can be used now. `refused` is a header that Pleo has just answered with 401.

        A credential that cannot be refreshed does nothing. Raises a PleoError.
        """
        ...


class Unchanging:
    """A credential that stays as it is."""

    async def refreshed_if_needed(self, refused: str | None = None) -> None:
        """There is nothing to refresh."""


@dataclass(frozen=True)
class Basic(Unchanging):
    """A user name and a password."""

    name: str
    password: str = field(repr=False)

    @property
    def header(self) -> str:
        """Both, as HTTP Basic wants them."""
        return "Basic " + b64encode(f"{self.name}:{self.password}".encode("ascii")).decode("ascii")


class Nobody(Unchanging):
    """No credential in the header."""

    header = ""


@dataclass(frozen=True)
class ApiKey(Unchanging):
    """A key made in the Pleo web app. Raises UnusableSecretError."""

    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        require_sendable(self.secret, "Pleo API key")

    @property
    def header(self) -> str:
        """The key as user name with an empty password."""
        return Basic(self.secret, "").header


@dataclass(frozen=True)
class BearerToken(Unchanging):
    """An OAuth access token. Raises UnusableSecretError."""

    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        require_sendable(self.secret, "Pleo access token")

    @property
    def header(self) -> str:
        """The token as it is: opaque."""
        return f"Bearer {self.secret}"


def require_sendable(secret: str, kind: str) -> None:
    """Raise UnusableSecretError for a secret that a header cannot carry."""
    if not secret or not all("!" <= character <= "~" for character in secret):
        raise UnusableSecretError(kind)
