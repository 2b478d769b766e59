"""A small OpenID provider: discovery, keys, and codes that are exchanged once, with PKCE. It says what a test lets it say."""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.service.page.site import Clock

ISSUER = "https://id.test"
CLIENT_ID, CLIENT_SECRET = "pleo-export", "the client's secret"
BASIC = "Basic " + b64encode(b"pleo-export:the+client%27s+secret").decode()


@cache
def key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, parameters={"kid": kid})


class OpenId:
    """`claims` and `header` change what the ID token says, `kid` is the key in use, `sign` makes the token."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.claims: dict[str, Any] = {}
        self.document: dict[str, Any] = {}
        self.kid = self.signed_with = "one"
        self.asked: dict[str, str] = {}
        self.down = False
        self.sign: Callable[[dict[str, Any]], str] = self._signed
        self.codes: dict[str, dict[str, str]] = {}
        self.transport = httpx.ASGITransport(self._app())

    def log_in(self, address: str, email: str | None = "anna@example.com") -> dict[str, str]:
        """Be the person who signs in at the address; return what the browser brings back."""
        asked = {name: value for name, (value,) in parse_qs(urlsplit(address).query).items()}
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        assert asked["client_id"] == CLIENT_ID
        assert asked["scope"].split() == ["openid", "email"]
        self.asked = asked
        if email is not None:
            asked["email"] = email
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": ISSUER}

    def _signed(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "RS256", "kid": self.signed_with}, claims, key(self.signed_with))

    def _app(self) -> FastAPI:
        app = FastAPI()
        app.get("/.well-known/openid-configuration")(self._discovery)
        app.get("/keys")(self._keys)
        app.post("/token")(self._token)
        return app

    async def _discovery(self) -> JSONResponse:
        document = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorise?tenant=one",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
        }
        return JSONResponse(document | self.document, 503 if self.down else 200)

    async def _keys(self) -> dict[str, Any]:
        return {"keys": [key(self.kid).as_dict(private=False)]}

    async def _token(self, request: Request) -> JSONResponse:
        form = await request.form()
        asked = self.codes.pop(str(form["code"]), None)
        challenge = urlsafe_b64encode(sha256(str(form["code_verifier"]).encode()).digest()).rstrip(b"=")
        right = (
            asked is not None
            and request.headers.get("authorization") == BASIC
            and challenge.decode() == asked["code_challenge"]
            and form["redirect_uri"] == asked["redirect_uri"]
        )
        if not right or asked is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(self._clock().timestamp())
        claims = {
            "iss": ISSUER,
            "sub": "subject-1",
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "email": asked.get("email"),
            "email_verified": True,
        }
        return JSONResponse(
            {"access_token": "a", "token_type": "Bearer", "id_token": self.sign(claims | self.claims)}
        )
