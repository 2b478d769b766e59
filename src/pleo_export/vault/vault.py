"""Encrypts secrets before they are stored: AES-256-GCM, bound to what the secret is about."""

import os
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Self

from pleo_export.vault.errors import DamagedSecretError, MissingKeyError, UnknownKeyError
from pleo_export.vault.keys import configured_keys

# A sealed secret: the form's number, which key, the nonce, then the ciphertext with its tag.
_FORM = b"\x01"
_KEY_NAME_BYTES = 8
_NONCE_BYTES = 12
_TAG_BYTES = 16
_NONCE_STARTS = len(_FORM) + _KEY_NAME_BYTES
_CIPHERTEXT_STARTS = _NONCE_STARTS + _NONCE_BYTES


class Vault:
    """Seals and opens secrets. The first key seals, every key opens: so keys are replaced without losing a secret.

    `keys` are 32 bytes each, newest first. Raises MissingKeyError where there is none.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise MissingKeyError
        # A library of 7 MB; who keeps no secrets does without.
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        self._damage = InvalidTag
        self._ciphers = {_name(key): AESGCM(key) for key in keys}
        self._newest = _name(keys[0])

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Open the vault with the configured keys. Raises MissingKeyError, UnusableKeyError."""
        return cls(configured_keys(environment))

    def seal(self, plain: bytes, about: str) -> bytes:
        """Encrypt a secret. It can be opened only as `about` the same, such as one company's refresh token."""
        head, nonce = _FORM + self._newest, os.urandom(_NONCE_BYTES)
        return head + nonce + self._ciphers[self._newest].encrypt(nonce, plain, head + about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        """Return what was sealed. Raises UnknownKeyError, DamagedSecretError."""
        if len(sealed) < _CIPHERTEXT_STARTS + _TAG_BYTES or not sealed.startswith(_FORM):
            raise DamagedSecretError
        head, nonce = sealed[:_NONCE_STARTS], sealed[_NONCE_STARTS:_CIPHERTEXT_STARTS]
        cipher = self._ciphers.get(head[len(_FORM) :])
        if cipher is None:
            raise UnknownKeyError
        try:
            return cipher.decrypt(nonce, sealed[_CIPHERTEXT_STARTS:], head + about.encode())
        except self._damage:
            raise DamagedSecretError from None

    def reseal(self, sealed: bytes, about: str) -> bytes:
        """Return the secret under the newest key; unchanged where it is so already. Raises as `open` does."""
        plain = self.open(sealed, about)
        return sealed if sealed.startswith(_FORM + self._newest) else self.seal(plain, about)


def _name(key: bytes) -> bytes:
    """Tell keys apart without telling anything about them: they are random, so a hash gives nothing away."""
    return sha256(b"pleo-export key name" + key).digest()[:_KEY_NAME_BYTES]
