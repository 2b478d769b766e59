"""What the environment says about telling people: the mail server's address, and the secret of webhooks."""

import base64
import binascii
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from pleo_export.pleo.addresses import is_loopback

SECRET_BYTES = range(24, 65)  # as Standard Webhooks asks for
_PREFIX = "whsec_"
_PORTS = {"smtps": 465, "smtp": 587}


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed in. `tls`: from the first byte on; `starttls`: once the server was greeted."""

    host: str
    port: int
    tls: bool
    starttls: bool
    user: str | None
    password: str = field(repr=False)


def mail_server(url: str) -> MailServer:
    """Read the address of a mail server. Raises ValueError, whose words show nothing of it."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme not in _PORTS or not host or parts.path.strip("/"):
        raise ValueError("must be smtps://user:password@host:465 or smtp://user:password@host:587?starttls")
    if parts.query not in ("", "starttls") or parts.fragment:
        raise ValueError("may end with ?starttls and nothing else; write % signs and the like as %25")
    tls = parts.scheme == "smtps"
    starttls = parts.query == "starttls"
    if parts.username and not (tls or starttls or is_loopback(host)):
        raise ValueError("would send the password unencrypted: use smtps://, or end it with ?starttls")
    return MailServer(
        host=host,
        port=port or _PORTS[parts.scheme],
        tls=tls,
        starttls=starttls and not tls,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password or ""),
    )


def is_signing_secret(secret: str) -> bool:
    """Whether webhooks can be signed with it."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    return secret.startswith(_PREFIX) and len(key) in SECRET_BYTES
