"""Tokens that stand for a person: made here, shown once, and kept as a hash only."""

import hmac
from hashlib import sha256
from secrets import token_urlsafe

_TOKEN_BYTES = 32


def new_token() -> str:
    """Return 256 random bits, as a link or a cookie may hold them."""
    return token_urlsafe(_TOKEN_BYTES)


def hashed(token: str) -> str:
    """Return what the store keeps of a token. It is random, so no slow hash is needed."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def csrf_of(token: str) -> str:
    """Return what the forms of a session carry: whoever knows it knows nothing of the session's token."""
    return hmac.new(token.encode("utf-8", "surrogatepass"), b"forms", sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare without telling by time how much is right."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))
