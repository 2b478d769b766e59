"""A connection that is due for a refresh, and a time that stands still."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from pleo_export.pleo.oauth import AuthorisationServer, OAuthCredential, TokenPair
from pleo_export.pleo.retrying import Surroundings
from tests.pleo.misbehaving_server import NOW
from tests.pleo.token_keepers import FileKeeper

PAIR = TokenPair(access_token="access-0", refresh_token="refresh-0", refresh_at=NOW - timedelta(seconds=1))
VERIFIER = "v" * 43


@dataclass
class Time:
    """The time, and what waited for it."""

    now: datetime = NOW
    waits: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    @property
    def around(self) -> Surroundings:
        return Surroundings(clock=lambda: self.now, sleep=self.sleep, random=Random(7))


def another(pleo_auth: AuthorisationServer, path: Path) -> OAuthCredential:
    """What another process has: it shares nothing with the first but the file."""
    return OAuthCredential(pleo_auth, FileKeeper(path))
