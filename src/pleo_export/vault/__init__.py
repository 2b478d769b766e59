"""Encryption of secrets at rest."""

from pleo_export.vault.keys import new_key, read_keys
from pleo_export.vault.vault import Vault

__all__ = ["Vault", "new_key", "read_keys"]
