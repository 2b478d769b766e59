"""Signing in by OpenID Connect: the code flow with PKCE, and an ID token of which everything is checked.

ProviderError
├── ProviderUnusableError     the provider does not answer, or not as the standard says
├── ProviderRefusedError      the provider refused, or the person did
├── NotBegunHereError         this browser did not begin the sign-in, or too long ago
├── BadIdTokenError           the ID token is not one for us, for now, for this sign-in
├── UnknownPersonError        the provider vouches for somebody whom nobody added here
└── OtherAccountError         the provider vouches for somebody whom it knew by another account before
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar, cast
from urllib.parse import quote_plus, urlsplit

import httpx
import msgspec
from authlib.common.security import generate_token  # type: ignore[import-untyped]
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # type: ignore[import-untyped]
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]

from pleo_export.service.page.access.errors import AccessError
from pleo_export.service.page.access.tokens import same

if TYPE_CHECKING:
    from joserfc.jwk import KeySet, KeySetSerialization

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
KEYS_KEPT = timedelta(minutes=10)  # what the provider publishes is read again after that, or for a new key
CLOCKS_APART_MAX = timedelta(minutes=1)
TIMEOUT_SECONDS = 10.0
_SECRET_CHARACTERS = 48

T = TypeVar("T")
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]


class ProviderError(AccessError):
    """Nobody was signed in by the provider."""


class ProviderUnusableError(ProviderError):
    """The provider does not answer, or not as the standard says."""

    status = 503

    def __init__(self, detail: str) -> None:
        super().__init__(f"The service that signs you in could not be used: {detail}. Try again later.")


class ProviderRefusedError(ProviderError):
    """The provider refused, or the person did."""

    def __init__(self) -> None:
        super().__init__("The service that signs you in has refused it. Try again, or ask an administrator.")


class NotBegunHereError(ProviderError):
    """This browser did not begin the sign-in, or too long ago."""

    def __init__(self) -> None:
        super().__init__("This sign-in was not begun in this browser, or too long ago. Sign in again.")


class BadIdTokenError(ProviderError):
    """The ID token is not one for us, for now, for this sign-in. What is wrong goes to the log."""

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__("What the service that signs you in said could not be trusted. Sign in again.")


class UnknownPersonError(ProviderError):
    """The provider vouches for somebody whom nobody added here."""

    def __init__(self) -> None:
        super().__init__(
            "You are signed in at your organisation, but nobody has added you here."
            " Ask an administrator of pleo-export to add a user with your e-mail address."
        )


class OtherAccountError(ProviderError):
    """The provider vouches for somebody with a user's address whom it, or the one before it, knew by another account."""

    def __init__(self) -> None:
        super().__init__(
            "You are signed in at your organisation with another account than the one that is known here."
            " Ask an administrator of pleo-export to press “Forget organisation” beside your name under Users, or to run"
            " pleo-export users forget-provider with your e-mail address; then sign in again."
        )


class Beginning(msgspec.Struct, frozen=True):
    """What the browser keeps until the person comes back; `to` is where the way led."""

    state: Text
    nonce: Text
    verifier: Text
    to: str


class Person(NamedTuple):
    """Whom the provider vouches for; `email` only where the provider has verified it, `proven_at` where it says when it looked."""

    issuer: str
    subject: str
    email: str | None
    proven_at: datetime | None


class _Published(msgspec.Struct, frozen=True):
    """What a provider tells of itself."""

    issuer: Text
    authorization_endpoint: Text
    token_endpoint: Text
    jwks_uri: Text
    token_endpoint_auth_methods_supported: list[str] = msgspec.field(
        default_factory=lambda: ["client_secret_basic"]
    )


class _Tokens(msgspec.Struct, frozen=True):
    id_token: Annotated[str, msgspec.Meta(min_length=1, max_length=65536)]


class _Claims(msgspec.Struct, frozen=True):
    iss: str
    sub: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    aud: str | list[str]
    exp: float
    iat: float
    nonce: str
    nbf: float = 0.0
    azp: str | None = None
    email: str | None = None
    email_verified: Any = False
    auth_time: float | None = None


class Provider:
    """The provider that was configured. `now` gives the time; `transport` is how it is reached, None for the network."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client_secret: str | None,
        now: Callable[[], datetime],
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._issuer, self._client_id, self._secret = issuer, client_id, client_secret
        self._now, self._transport = now, transport
        self._published: tuple[datetime, _Published] | None = None
        self._keys: tuple[datetime, KeySet] | None = None

    async def begin(self, redirect_uri: str, to: str, *, again: bool = False) -> tuple[str, Beginning]:
        """Return the address where the person signs in, and what the browser has to keep. Raises ProviderError.

        With `again` the provider is asked to look at the person anew, and to say when it did.
        """
        published = await self._discover()
        state, nonce, verifier = (generate_token(_SECRET_CHARACTERS) for _ in range(3))
        address: str = prepare_grant_uri(
            published.authorization_endpoint,
            self._client_id,
            "code",
            redirect_uri=redirect_uri,
            scope="openid email",
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
            **({"prompt": "login", "max_age": "0"} if again else {}),
        )
        return address, Beginning(state, nonce, verifier, to)

    async def finish(self, query: Mapping[str, str], begun: Beginning | None, redirect_uri: str) -> Person:
        """Return whom the provider vouches for. `query` is what came back with the person. Raises ProviderError."""
        if begun is None or not same(query.get("state", ""), begun.state):
            raise NotBegunHereError
        if query.get("iss", self._issuer) != self._issuer:
            raise NotBegunHereError
        code = query.get("code")
        if "error" in query or not code:
            raise ProviderRefusedError
        claims = await self._claims(await self._exchange(code, begun.verifier, redirect_uri))
        self._require_for_us(claims, begun.nonce)
        email = claims.email if claims.email_verified is True else None
        return Person(claims.iss, claims.sub, email, self._instant(claims.auth_time))

    def _instant(self, seconds: float | None) -> datetime | None:
        """Return a time that has come, None for any other number."""
        if seconds is None or not 0 <= seconds <= (self._now() + CLOCKS_APART_MAX).timestamp():
            return None
        return datetime.fromtimestamp(seconds, UTC)

    def _require_for_us(self, claims: _Claims, nonce: str) -> None:
        audience = [claims.aud] if isinstance(claims.aud, str) else claims.aud
        now, apart = self._now().timestamp(), CLOCKS_APART_MAX.total_seconds()
        wrong = {
            "the issuer is another": claims.iss != self._issuer,
            "it is for somebody else": self._client_id not in audience,
            "somebody else asked for it": claims.azp not in (None, self._client_id),
            "it is for several, and says not who asked": len(audience) > 1 and claims.azp is None,
            "it has expired": claims.exp <= now - apart,
            "it is of the future": max(claims.iat, claims.nbf) > now + apart,
            "it belongs to another sign-in": not same(claims.nonce, nonce),
        }
        if found := [sentence for sentence, is_so in wrong.items() if is_so]:
            raise BadIdTokenError(", ".join(found))

    async def _exchange(self, code: str, verifier: str, redirect_uri: str) -> str:
        published = await self._discover()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        auth = None
        if self._secret is None:
            form["client_id"] = self._client_id
        elif "client_secret_basic" in published.token_endpoint_auth_methods_supported:
            auth = httpx.BasicAuth(quote_plus(self._client_id), quote_plus(self._secret))
        else:
            form |= {"client_id": self._client_id, "client_secret": self._secret}
        request = httpx.Request("POST", published.token_endpoint, data=form)
        return (await self._ask(request, _Tokens, auth)).id_token

    async def _claims(self, id_token: str) -> _Claims:
        try:
            claims = self._opened(id_token, await self._key_set(fresh=False))
        except BadIdTokenError:
            # The provider may have new keys; the same answer is looked at once more with those.
            claims = self._opened(id_token, await self._key_set(fresh=True))
        try:
            return msgspec.convert(claims, _Claims)
        except msgspec.ValidationError as error:
            raise BadIdTokenError(str(error)) from error

    @staticmethod
    def _opened(id_token: str, keys: "KeySet") -> dict[str, Any]:
        # What opens tokens is loaded with the first one: most services never see any.
        from joserfc import jwt  # noqa: PLC0415
        from joserfc.errors import JoseError  # noqa: PLC0415

        try:
            return jwt.decode(id_token, keys, algorithms=ALGORITHMS).claims
        except (JoseError, ValueError) as error:
            raise BadIdTokenError(f"the signature or the form is wrong: {type(error).__name__}") from error

    async def _key_set(self, *, fresh: bool) -> "KeySet":
        from joserfc.errors import JoseError  # noqa: PLC0415 as in `_opened`
        from joserfc.jwk import KeySet  # noqa: PLC0415 likewise

        if self._keys is None or fresh or self._now() - self._keys[0] > KEYS_KEPT:
            published = await self._discover()
            found = await self._ask(httpx.Request("GET", published.jwks_uri), dict[str, Any])
            try:
                self._keys = self._now(), KeySet.import_key_set(cast("KeySetSerialization", found))
            except (JoseError, ValueError, KeyError, TypeError) as error:
                raise ProviderUnusableError("its keys cannot be read") from error
        return self._keys[1]

    async def _discover(self) -> _Published:
        if self._published is None or self._now() - self._published[0] > KEYS_KEPT:
            address = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
            found = await self._ask(httpx.Request("GET", address), _Published)
            self._require_usable(found)
            self._published = self._now(), found
        return self._published[1]

    def _require_usable(self, found: _Published) -> None:
        if found.issuer != self._issuer:
            raise ProviderUnusableError("it calls itself by another name than PLEO_EXPORT_OIDC_ISSUER")
        scheme = urlsplit(self._issuer).scheme
        addresses = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri)
        if any(urlsplit(address).scheme not in (scheme, "https") for address in addresses):
            raise ProviderUnusableError("it names addresses that are not https")

    async def _ask(self, request: httpx.Request, shape: type[T], auth: httpx.Auth | None = None) -> T:
        async with httpx.AsyncClient(transport=self._transport, timeout=TIMEOUT_SECONDS) as client:
            try:
                answer = await client.send(request, auth=auth)
            except httpx.HTTPError as error:
                raise ProviderUnusableError(type(error).__name__) from error
        if answer.status_code != httpx.codes.OK:
            raise ProviderUnusableError(f"it answered {answer.status_code}")
        try:
            return msgspec.json.decode(answer.content, type=shape)
        except msgspec.DecodeError as error:
            raise ProviderUnusableError("its answer cannot be read") from error
