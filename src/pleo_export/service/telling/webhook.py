"""Calls the receiver of webhooks, signed as Standard Webhooks has it."""

from datetime import datetime

import aiohttp
from standardwebhooks import Webhook
from yarl import URL

from pleo_export.pleo.addresses import PrivateAddressError, PublicResolver, is_loopback
from pleo_export.service.telling.errors import ReceiverError
from pleo_export.service.telling.messages import Message, webhook_body

SECONDS_MAX = 15.0
_TAKEN = range(200, 300)


async def send_webhook(url: str, secret: str, message: Message, now: datetime) -> None:
    """Return once the receiver has said that it has the message. Raises ReceiverError.

    `url` is one that `receiver_url` has read. Redirects are not followed: they might lead inside our network.
    """
    body = webhook_body(message)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(message.id, now, body.decode()),
    }
    try:
        status = await _post(URL(url), body, headers)
    except aiohttp.ClientConnectorDNSError as error:
        inside = isinstance(error.os_error, PrivateAddressError)
        raise ReceiverError(
            "is in a private network" if inside else "has a name that leads nowhere"
        ) from None
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ReceiverError(f"could not be reached, or did not answer ({type(error).__name__})") from None
    if status not in _TAKEN:
        raise ReceiverError(f"answered {status}")


async def _post(url: URL, body: bytes, headers: dict[str, str]) -> int:
    resolver = None if is_loopback(url.host or "") else PublicResolver()
    async with (
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=resolver),
            timeout=aiohttp.ClientTimeout(total=SECONDS_MAX),
            cookie_jar=aiohttp.DummyCookieJar(),
        ) as session,
        session.post(url, data=body, headers=headers, allow_redirects=False) as response,
    ):
        return response.status
