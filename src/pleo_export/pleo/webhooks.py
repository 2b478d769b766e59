"""What Pleo calls us with: whether a webhook is really Pleo's, and what it hints at.

WebhookError                     `status` is the HTTP status to answer with
├── UnsignedWebhookError         401: the headers of the signature are missing or malformed
├── BadSignatureError            401: nobody who knows the secret has signed this
├── StaleWebhookError            400: signed too long ago, or in the future
├── WebhookTooLargeError         413
├── UnreadableWebhookError       400: no event of Pleo's
└── NoSigningSecretError         503: our own trouble, so Pleo shall deliver again
"""

import binascii
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

import msgspec
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from pleo_export.domain.item import PleoModel

EXPORT_JOB_CREATED = "v1.export-job.created"
# Pleo's pages spell the event with and without a version, and put the dot and the hyphen in either place.
_EXPORT_JOB_CREATED = re.compile(r"(v[0-9]+\.)?export[.-]job[.-]created", re.IGNORECASE)

body_bytes_max = 1024 * 1024
tolerance_seconds = 5 * 60

_ID = re.compile(r"[!-~]{1,256}")
_SECONDS = re.compile(r"0|[1-9][0-9]{0,15}")

# Room for some twenty signatures; each is compared with what every secret gives.
_signatures_length_max = 1024

Word = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class WebhookError(Exception):
    """A webhook is not accepted. `status` is the HTTP status to answer with; the text may be shown to anybody."""

    status: ClassVar[int]
    happened: ClassVar[str]

    def __init__(self) -> None:
        super().__init__(self.happened)


class UnsignedWebhookError(WebhookError):
    """The headers of the signature are missing or malformed."""

    status, happened = 401, "The webhook is not signed."


class BadSignatureError(WebhookError):
    """No signature fits the body, the id, the time and one of the secrets."""

    status, happened = 401, "The signature of the webhook is wrong."


class StaleWebhookError(WebhookError):
    """The time of signing is too far from now, in either direction."""

    status, happened = 400, "The webhook was signed too long ago, or in the future."


class WebhookTooLargeError(WebhookError):
    """The body is longer than `body_bytes_max`."""

    status, happened = 413, f"The webhook is longer than {body_bytes_max} bytes."


class UnreadableWebhookError(WebhookError):
    """The body is no event."""

    status, happened = 400, "The webhook holds no event."


class NoSigningSecretError(WebhookError):
    """There is no secret to check signatures with, or none that is usable."""

    status, happened = 503, "Webhooks cannot be checked just now."


class Hint(msgspec.Struct, frozen=True, kw_only=True):
    """What a webhook of Pleo's says. Only a reason to look: what is true now, Pleo's API tells.

    `webhook_id` stays the same when Pleo delivers again. `job_id` is set for export jobs only, and even there Pleo may
    leave out the ids.
    """

    webhook_id: str
    event_type: str
    event_id: str | None = None
    company_id: str | None = None
    job_id: str | None = None


class _Event(PleoModel, frozen=True):
    """An event; what stands in `data` differs from type to type."""

    event_type: Word
    event_id: Word | None = None
    data: Any = None


class _Wrapped(PleoModel, frozen=True):
    """Pleo's pages also show the event below `payload`, beside copies of the headers; only the headers count."""

    payload: _Event | None = None


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> Hint:
    """Return what a webhook says, once it is proven to be Pleo's.

    `body` is what came over the wire, byte for byte; any of the `secrets` may have signed it, so that one can be
    replaced by another. A webhook that comes twice is accepted twice: remember `webhook_id`. Raises a WebhookError, and
    nothing else whatever the headers and the body are.
    """
    if len(body) > body_bytes_max:
        raise WebhookTooLargeError
    given = {name.lower(): value for name, value in headers.items()}
    webhook_id, seconds = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    signatures = given.get("webhook-signature", "")
    # Written in one way only, as the signature is about the number, not about how it is spelled.
    sizes_fit = 0 < len(signatures) <= _signatures_length_max
    if not (sizes_fit and _ID.fullmatch(webhook_id) and _SECONDS.fullmatch(seconds)):
        raise UnsignedWebhookError
    if abs(now.timestamp() - int(seconds)) > tolerance_seconds:
        raise StaleWebhookError
    signed_at = datetime.fromtimestamp(int(seconds), UTC)
    if not _is_signed(webhook_id, signed_at, body, signatures, secrets):
        raise BadSignatureError
    return _hint(webhook_id, body)


def is_export_job_created(event_type: str) -> bool:
    """Whether an event says that somebody pressed Export, in any of the spellings of Pleo's pages."""
    return _EXPORT_JOB_CREATED.fullmatch(event_type) is not None


def is_usable_secret(secret: str) -> bool:
    """Whether signatures can be checked with a secret."""
    return _signer(secret) is not None


def _is_signed(
    webhook_id: str, signed_at: datetime, body: bytes, signatures: str, secrets: Sequence[str]
) -> bool:
    signers = [signer for secret in secrets if (signer := _signer(secret))]
    if not signers:
        raise NoSigningSecretError
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise UnreadableWebhookError from None
    # The library's own check reads the real clock and fails in many ways on malformed headers; its signature does not.
    expected = [signer.sign(webhook_id, signed_at, text).encode() for signer in signers]
    offered = [entry.encode("utf-8", "replace") for entry in signatures.split(" ")]
    # Compared each with each to the end, so that the time it takes tells nothing.
    matches = [hmac.compare_digest(one, other) for one in expected for other in offered]
    return any(matches)


def _signer(secret: str) -> Webhook | None:
    try:
        return Webhook(secret)
    except (EmptyWebhookSecretError, binascii.Error, ValueError):
        return None


def _hint(webhook_id: str, body: bytes) -> Hint:
    try:
        event = msgspec.json.decode(body, type=_Wrapped).payload or msgspec.json.decode(body, type=_Event)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UnreadableWebhookError from None
    is_job = is_export_job_created(event.event_type)
    return Hint(
        webhook_id=webhook_id,
        event_type=event.event_type,
        event_id=event.event_id,
        company_id=_word(event.data, "companyId"),
        job_id=_word(event.data, "id") if is_job else None,
    )


def _word(data: Any, name: str) -> str | None:
    try:
        return msgspec.convert(data[name], Word)
    except (TypeError, KeyError, msgspec.ValidationError):
        return None
