"""Made-up secrets of every kind that may pass through the service, and the forms in which they would be written."""

import base64
import json
import string
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Seeded:
    """A text as somebody might log it, and the part of it that must never be seen."""

    text: str
    secret: str


def _grouped(iban: str, separator: str) -> str:
    return separator.join(iban[at : at + 4] for at in range(0, len(iban), 4))


def _basic(secret: str) -> str:
    return base64.b64encode(f"{secret}:".encode()).decode()


opaque = st.text(LETTERS + "-_", min_size=10, max_size=60)
keys = st.binary(min_size=32, max_size=32).map(lambda raw: base64.b64encode(raw).decode())
ibans = st.builds(
    "{}{}{}".format,
    st.sampled_from(["DE", "DK", "GB", "NL", "MT", "NO"]),
    st.integers(10, 98),
    st.text(string.ascii_uppercase + string.digits, min_size=11, max_size=27),
)
emails = st.builds(
    "{}@{}.example".format,
    st.text(LETTERS + ".+-_", min_size=8, max_size=30),
    st.text(LETTERS + "-", min_size=3, max_size=20),
)

FORMS: dict[str, st.SearchStrategy[Seeded]] = {
    "API key": opaque.map(lambda secret: Seeded(f"key plp_{secret} was refused", secret)),
    "Basic": opaque.map(lambda secret: Seeded(f"Basic {_basic(secret)}", _basic(secret))),
    "Bearer": opaque.map(lambda secret: Seeded(f"authorised with Bearer {secret}", secret)),
    "header": opaque.map(lambda secret: Seeded(f"Authorization: {secret}", secret)),
    "headers": opaque.map(lambda secret: Seeded(str({"authorization": f"Bearer {secret}"}), secret)),
    "lower-case scheme": opaque.map(lambda secret: Seeded(f"proxy-authorization=bearer {secret}", secret)),
    "cookie": opaque.map(lambda secret: Seeded(f"Set-Cookie: session={secret}", secret)),
    "token pair": opaque.map(
        lambda secret: Seeded(json.dumps({"access_token": secret, "expires_in": 900}), secret)
    ),
    "nested JSON": opaque.map(
        lambda secret: Seeded(json.dumps({"body": json.dumps({"refresh_token": secret})}), secret)
    ),
    "form": opaque.map(lambda secret: Seeded(f"grant_type=refresh_token&refresh_token={secret}&x=1", secret)),
    "client secret": opaque.map(lambda secret: Seeded(f"client_secret='{secret}'", secret)),
    "bytes": opaque.map(lambda secret: Seeded(repr({b"api-key": secret.encode()}), secret)),
    "password": opaque.map(lambda secret: Seeded(f"host=db password={secret} user=pleo", secret)),
    "database": opaque.map(
        lambda secret: Seeded(f"postgresql://pleo:{secret}@db.internal:5432/pleo is down", secret)
    ),
    "signed link": opaque.map(
        lambda secret: Seeded(f"GET https://files.pleo.io/a/b.pdf?X-Amz-Signature={secret}&e=1: 403", secret)
    ),
    "bare query": opaque.map(lambda secret: Seeded(f"<https://files.pleo.io/a?{secret}>", secret)),
    "fragment": opaque.map(lambda secret: Seeded(f"https://app.example/back#access_token={secret}", secret)),
    "callback": opaque.map(
        lambda secret: Seeded(f'"GET /oauth/callback?code={secret} HTTP/1.1" 200', secret)
    ),
    "webhook secret": keys.map(lambda secret: Seeded(f"whsec_{secret}", secret)),
    "webhook signature": keys.map(
        lambda secret: Seeded(f"webhook-signature: v1,{secret} v1,{secret}", secret)
    ),
    "bare signature": keys.map(lambda secret: Seeded(f"got v1,{secret}.", secret)),
    "encryption key": keys.map(lambda secret: Seeded(f"the key {secret} cannot open it", secret)),
    "signed token": opaque.map(lambda secret: Seeded(f"eyJhbGciOiJIUzI1NiJ9.{secret}.{secret}", secret)),
    "private key": keys.map(
        lambda secret: Seeded(f"-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----", secret)
    ),
    "IBAN": ibans.map(lambda iban: Seeded(f"the account {iban} is closed", iban)),
    "IBAN in groups": ibans.map(
        lambda iban: Seeded(f"IBAN {_grouped(iban, ' ')} is closed", _grouped(iban, " "))
    ),
    "e-mail": emails.map(lambda email: Seeded(f"sent to <{email}>, twice", email)),
    "escaped e-mail": emails.map(
        lambda email: Seeded(f"/users/{email.replace('@', '%40')}/x", email.replace("@", "%40"))
    ),
}
seeded = st.one_of(*FORMS.values())


class Telltale:
    """Something whose text is all it shows."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return f"Telltale({self._text})"


def nested(text: str) -> dict[str, Any]:
    return {"outer": [{"inner": (text, 1)}, {text}, text.encode(), Telltale(text)], "object": Telltale(text)}
