"""How the vault fails. No message shows a key or a secret.

VaultError
├── MissingKeyError        no key is configured
├── UnusableKeyError       what is configured is no key
├── UnknownKeyError        a secret was encrypted with a key that is not configured
└── DamagedSecretError     a stored secret was changed, or belongs to something else
"""


class VaultError(Exception):
    """A secret cannot be encrypted or decrypted."""


class MissingKeyError(VaultError):
    """There is no encryption key."""

    def __init__(self) -> None:
        super().__init__(
            "There is no encryption key. Make one and set the environment variable PLEO_EXPORT_ENCRYPTION_KEY to it, or"
            " PLEO_EXPORT_ENCRYPTION_KEY_FILE to a file that holds it."
        )


class UnusableKeyError(VaultError):
    """What is configured is no encryption key; `source` says where, `problem` what about it."""

    def __init__(self, source: str, problem: str) -> None:
        super().__init__(
            f"{source} {problem}. An encryption key is the base64 text of 32 bytes; several stand on lines of their own,"
            " the newest first."
        )


class UnknownKeyError(VaultError):
    """A secret was encrypted with a key that is not configured."""

    def __init__(self) -> None:
        super().__init__(
            "A stored secret was encrypted with another key. Configure that key again, below the newer ones."
        )


class DamagedSecretError(VaultError):
    """A stored secret was changed, or was moved here from another company."""

    def __init__(self) -> None:
        super().__init__("A stored secret is damaged. Give the secret, or connect to Pleo, again.")
