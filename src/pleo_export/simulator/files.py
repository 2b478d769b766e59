"""Signed links to receipts, valid for 24 hours."""

import hashlib
import hmac
from datetime import datetime, timedelta

from pleo_export.simulator.companies import StoredFile
from pleo_export.simulator.receipts import Receipt

LINK_LIFE = timedelta(hours=24)


class LinkRefusedError(Exception):
    """The link is forged or its time is over."""

    def __init__(self) -> None:
        super().__init__("The link is not valid, or not any more.")


class FileStore:
    """All receipts of all companies. A link carries its own proof, so handing one out stores nothing."""

    def __init__(self, seed: int) -> None:
        self._secret = hashlib.sha256(f"pleo-simulator-files:{seed}".encode()).digest()
        self._files: list[StoredFile] = []

    def add(self, receipt: Receipt) -> StoredFile:
        stored = StoredFile(len(self._files), receipt)
        self._files.append(stored)
        return stored

    def path(self, file: StoredFile, now: datetime) -> str:
        """Return the path of a fresh link."""
        claim = f"{file.id}-{int((now + LINK_LIFE).timestamp() * 1000)}"
        return f"/files/{claim}-{self._signature(claim)}/{file.receipt.name}"

    def open(self, token: str, now: datetime) -> Receipt:
        """Return the receipt behind a link's token; raises LinkRefusedError."""
        claim, _, signature = token.rpartition("-")
        if not hmac.compare_digest(signature.encode(), self._signature(claim).encode()):
            raise LinkRefusedError
        place, _, end = claim.partition("-")
        if now.timestamp() * 1000 >= int(end):
            raise LinkRefusedError
        return self._files[int(place)].receipt

    def _signature(self, claim: str) -> str:
        return hmac.digest(self._secret, claim.encode(), "sha256").hex()
