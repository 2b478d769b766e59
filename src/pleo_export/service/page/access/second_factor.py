"""A second factor: codes that an app makes of a secret and the time (RFC 6238), and codes on paper for when it is lost."""

import hmac
import secrets
from base64 import b32decode, b32encode
from datetime import datetime
from urllib.parse import quote

from pleo_export.service.page.access.errors import WrongCodeError
from pleo_export.service.page.access.tokens import hashed, same
from pleo_export.service.page.parts import PageParts
from pleo_export.store.second_factors import KIND

# What every app can do. A code is good in its own half minute only.
STEP_SECONDS = 30
DIGITS = 6
SECRET_BYTES = 20
RECOVERY_CODES = 10
RECOVERY_BYTES = 15  # 120 bits, so that no slow hash is needed


def new_secret() -> str:
    """Return a random secret, as apps take it."""
    return b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def new_recovery_codes() -> list[str]:
    """Return random codes as people write them down, four times six letters and digits."""
    texts = [b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower() for _ in range(RECOVERY_CODES)]
    return ["-".join(text[at : at + 6] for at in range(0, len(text), 6)) for text in texts]


def kept_of(recovery_code: str) -> str:
    """Return what the store keeps of a recovery code, however it was typed."""
    return hashed("".join(filter(str.isalnum, recovery_code.lower())))


def link_of(secret: str, name: str) -> str:
    """Return the link that an app takes the secret from."""
    return f"otpauth://totp/{quote(f'pleo-export:{name}')}?secret={secret}&issuer=pleo-export"


def code_at(secret: bytes, step: int) -> str:
    """Return the code of a half minute, by its number."""
    digest = hmac.digest(secret, step.to_bytes(8), "sha1")
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4]) & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """Return the number of this half minute where the code is that of it."""
    step = int(now.timestamp()) // STEP_SECONDS
    right = same("".join(code.split()), code_at(b32decode(secret), step))
    return step if right else None


async def identify(parts: PageParts, user_id: str, name: str, code: str) -> bool:
    """Use up the code that a user shows; return whether there is a second factor to show one of.

    Raises WrongCodeError, VaultError.
    """
    secret = await parts.companies.secret(user_id, KIND)
    if secret is None:
        return False
    step = step_of(secret, code, parts.now())
    factors = parts.store.second_factors
    if step is not None and await factors.take_step(user_id, step):
        return True
    if not await factors.take_code(user_id, kept_of(code)):
        raise WrongCodeError
    left = await factors.codes_left(user_id)
    await parts.store.note_action(name, None, "used a recovery code", f"{left} are left")
    return True
