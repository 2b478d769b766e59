"""What somebody who signs in has shown; a session begins, and passwords change, only while it proves something."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from sqlalchemy import ColumnElement

from pleo_export.store.tables import users


class PasswordProof(NamedTuple):
    """A password was shown that has this hash and, where the user had a second factor, that as well: then it is `strong`."""

    password_hash: str
    strong: bool

    def stands(self) -> Sequence[ColumnElement[bool]]:
        """Return what is true of the user as long as it proves anything."""
        has_factor = users.c.factor_step.is_not(None)
        return (users.c.password_hash == self.password_hash, has_factor if self.strong else ~has_factor)


class ProviderProof(NamedTuple):
    """An OpenID provider has vouched for whom it knows so; it is told to ask for a second factor itself."""

    issuer: str
    subject: str
    strong: Literal[True] = True

    def stands(self) -> Sequence[ColumnElement[bool]]:
        """Return what is true of the user as long as it proves anything."""
        return (users.c.issuer == self.issuer, users.c.subject == self.subject)


Proof = PasswordProof | ProviderProof
