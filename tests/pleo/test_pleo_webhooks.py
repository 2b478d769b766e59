"""Which webhooks are accepted: those Pleo signed a moment ago, and no others, whatever comes."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pleo_export.pleo.webhooks import (
    BadSignatureError,
    Hint,
    NoSigningSecretError,
    StaleWebhookError,
    UnreadableWebhookError,
    UnsignedWebhookError,
    WebhookError,
    WebhookTooLargeError,
    body_bytes_max,
    is_export_job_created,
    is_usable_secret,
    verify,
)
from tests.scorecard.plugin import Score

pytestmark = pytest.mark.scorecard("D")

SECRET = "whsec_cGxlby1kZW1vLXNpZ25pbmcta2V5LTI0"
OTHER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SENT = 1767605401
NOW = datetime.fromtimestamp(SENT, UTC)
ID = "msg_2f6c0d9a7be14c58"
COMPANY, JOB = "0b0f7a52-3a52-4d6f-9a55-2f7d4a3a1c01", "6f1f4a38-6d0c-4f6a-9d0e-6b6d1d3f2a10"
EVENT = "5a9c1f5e-52b1-4f0e-8a0d-0c5a6a0b7d33"
BODY = (
    b'{"data":{"companyId":"0b0f7a52-3a52-4d6f-9a55-2f7d4a3a1c01","createdAt":"2026-01-05T09:30:00.123456789Z",'
    b'"createdBy":"4f2b1f0a-8f9d-4f36-9a0b-7a2d1c9e5b02","expiresIn":3600,'
    b'"id":"6f1f4a38-6d0c-4f6a-9d0e-6b6d1d3f2a10","numberOfItems":2,"status":"pending"},'
    b'"eventId":"5a9c1f5e-52b1-4f0e-8a0d-0c5a6a0b7d33","eventType":"v1.export-job.created"}'
)
SIGNATURE = "v1,M9Z4Ge4mDZXKDAPU2KpyO8cx5wGZtXUdM4rbOcvw1es="
HINT = Hint(webhook_id=ID, event_type="v1.export-job.created", event_id=EVENT, company_id=COMPANY, job_id=JOB)


def headers(
    signature: str = SIGNATURE, webhook_id: str = ID, seconds: object = SENT, **more: str
) -> Mapping[str, str]:
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": signature,
        **more,
    }


def signature(body: bytes, webhook_id: str = ID, seconds: object = SENT, secret: str = SECRET) -> str:
    """Signs as the public recipe says, without the library that the code under test uses."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{webhook_id}.{seconds}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def signed(body: object) -> Hint:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return verify(headers(signature(raw)), raw, [SECRET], NOW)


@pytest.mark.parametrize(
    ("secret", "webhook_id", "seconds", "body", "expected"),
    [
        (SECRET, ID, SENT, BODY, SIGNATURE),
        (SECRET, "msg_0001", SENT, b'{"test":1}', "v1,zJaV8KeaDBP08ihUPqWVqvRy9vuFwwvsZaVshhUql6I="),
        (SECRET, "msg_0001", SENT, b'{"test":2}', "v1,RKMvDsYEyRHujH8hkqsj4xg5W8DH77zJRSvT7UUs0w0="),
        (
            OTHER,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1614265330,
            b'{"test": 2432232314}',
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
    ],
)
def test_the_public_vectors_are_what_the_tests_sign_and_what_is_accepted(
    secret: str, webhook_id: str, seconds: int, body: bytes, expected: str
) -> None:
    assert signature(body, webhook_id, seconds, secret) == expected
    given_headers, now = headers(expected, webhook_id, seconds), datetime.fromtimestamp(seconds, UTC)
    if body == BODY:
        assert verify(given_headers, body, [secret], now) == HINT
    else:  # signed well, but no event
        with pytest.raises(UnreadableWebhookError):
            verify(given_headers, body, [secret], now)


def test_the_names_of_headers_may_be_written_in_any_case() -> None:
    shouted = {name.upper(): value for name, value in headers().items()}
    assert verify(shouted, BODY, [SECRET], NOW) == HINT


@pytest.mark.parametrize("secrets", [[SECRET, OTHER], [OTHER, SECRET], ["whsec_", SECRET]])
def test_while_a_secret_is_replaced_either_is_accepted(secrets: Sequence[str]) -> None:
    assert verify(headers(), BODY, secrets, NOW) == HINT


@pytest.mark.parametrize(
    "listed",
    [f"v1,{'A' * 43}= {SIGNATURE}", f"v1a,abc {SIGNATURE}", f"nonsense {SIGNATURE} v1,"],
)
def test_one_right_signature_in_a_list_is_enough(listed: str) -> None:
    assert verify(headers(listed), BODY, [SECRET], NOW) == HINT


@pytest.mark.parametrize(
    ("changed", "body", "secret"),
    [
        (headers(), BODY.replace(b"3600", b"3601"), SECRET),
        (headers(), BODY + b"\n", SECRET),
        (headers(webhook_id="msg_another"), BODY, SECRET),
        (headers(seconds=SENT + 1), BODY, SECRET),
        (headers(), BODY, OTHER),
        (headers(SIGNATURE.replace("v1,", "v2,")), BODY, SECRET),
        (headers(SIGNATURE.removeprefix("v1,")), BODY, SECRET),
        (headers("v1,"), BODY, SECRET),
        (headers("v1,schlüssel"), BODY, SECRET),
    ],
)
def test_whatever_was_changed_the_signature_is_bad(
    changed: Mapping[str, str], body: bytes, secret: str
) -> None:
    with pytest.raises(BadSignatureError):
        verify(changed, body, [secret], NOW)


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("instead", [None, ""])
def test_without_one_of_the_headers_a_webhook_is_unsigned(missing: str, instead: str | None) -> None:
    left = {name: value for name, value in headers().items() if name != missing}
    if instead is not None:
        left[missing] = instead
    with pytest.raises(UnsignedWebhookError):
        verify(left, BODY, [SECRET], NOW)


@pytest.mark.parametrize(
    "seconds", ["soon", f"0{SENT}", f"{SENT}.5", f"+{SENT}", "-1", "NaN", "1" * 5000, "\u0661"]
)
def test_a_time_that_is_no_plain_number_is_malformed(seconds: str) -> None:
    with pytest.raises(UnsignedWebhookError):
        verify(headers(signature(BODY, seconds=seconds), seconds=seconds), BODY, [SECRET], NOW)


def test_a_list_of_signatures_without_end_is_malformed() -> None:
    with pytest.raises(UnsignedWebhookError):
        verify(headers(" ".join([SIGNATURE] * 30)), BODY, [SECRET], NOW)


@pytest.mark.parametrize(("seconds", "accepted"), [(299, True), (300, True), (301, False), (360, False)])
@pytest.mark.parametrize("direction", [-1, 1])
def test_five_minutes_are_tolerated_in_both_directions(
    seconds: int, direction: int, *, accepted: bool
) -> None:
    now = NOW + timedelta(seconds=seconds * direction)
    if accepted:
        assert verify(headers(), BODY, [SECRET], now) == HINT
    else:
        with pytest.raises(StaleWebhookError):
            verify(headers(), BODY, [SECRET], now)


def test_a_time_beyond_every_calendar_is_stale() -> None:
    with pytest.raises(StaleWebhookError):
        verify(headers(seconds="9" * 16), BODY, [SECRET], NOW)


def test_a_body_above_the_limit_is_refused_before_anything_is_computed() -> None:
    with pytest.raises(WebhookTooLargeError):
        verify({}, b" " * (body_bytes_max + 1), [], NOW)
    with pytest.raises(UnsignedWebhookError):
        verify({}, b" " * body_bytes_max, [], NOW)


@pytest.mark.parametrize("secrets", [[], [""], ["whsec_"], ["whsec_!!!"], ["whsec_A"], ["schlüssel"]])
def test_without_a_usable_secret_it_is_our_trouble_and_pleo_shall_deliver_again(
    secrets: Sequence[str],
) -> None:
    assert not any(is_usable_secret(secret) for secret in secrets)
    with pytest.raises(NoSigningSecretError) as caught:
        verify(headers(), BODY, secrets, NOW)
    assert caught.value.status == 503


def test_each_failure_has_the_status_that_is_answered() -> None:
    statuses = {kind.__name__: kind.status for kind in WebhookError.__subclasses__()}
    assert statuses == {
        "UnsignedWebhookError": 401,
        "BadSignatureError": 401,
        "StaleWebhookError": 400,
        "WebhookTooLargeError": 413,
        "UnreadableWebhookError": 400,
        "NoSigningSecretError": 503,
    }


def test_an_event_below_payload_is_read_and_only_the_headers_count() -> None:
    wrapped = {
        "webhook-id": "msg_of_the_body",
        "webhook-timestamp": 1,
        "webhook-signature": "v1,of the body",
        "payload": json.loads(BODY),
    }
    assert signed(wrapped) == HINT


@pytest.mark.parametrize(
    "spelling",
    [
        "v1.export-job.created",
        "v1.export.job-created",
        "export-job.created",
        "export.job-created",
        "v2.export-job.created",
    ],
)
def test_every_spelling_of_the_export_event_is_recognised(spelling: str) -> None:
    hint = signed({**json.loads(BODY), "eventType": spelling})
    assert is_export_job_created(hint.event_type)
    assert (hint.company_id, hint.job_id) == (COMPANY, JOB)


@pytest.mark.parametrize("other", ["v1.vendor.created", "v1.export-job.createdX", "v1.export-job.finished"])
def test_another_event_is_told_as_such_and_its_id_is_not_taken_for_a_job(other: str) -> None:
    hint = signed({**json.loads(BODY), "eventType": other})
    assert not is_export_job_created(hint.event_type)
    assert (hint.event_type, hint.company_id, hint.job_id) == (other, COMPANY, None)


@pytest.mark.parametrize("data", [None, [], "text", {}, {"companyId": 7, "id": ""}, {"companyId": "x" * 201}])
def test_an_event_without_ids_is_still_an_event(data: object) -> None:
    hint = signed({"eventType": "v1.export-job.created", "data": data})
    assert (hint.company_id, hint.job_id, hint.event_id) == (None, None, None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"eventType": 7}',
        b'{"eventType": ""}',
        b'{"payload": 7}',
        b"\xff\xfe",
        b'{"eventType": "\\ud800"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_event_is_unreadable_even_if_signed_well(body: bytes) -> None:
    with pytest.raises(UnreadableWebhookError):
        signed(body)


def test_no_failure_shows_what_was_sent_or_the_secret() -> None:
    with pytest.raises(WebhookError) as caught:
        verify(headers("v1,forged"), BODY, [SECRET], NOW)
    for shown in (str(caught.value), repr(caught.value)):
        assert "forged" not in shown
        assert SECRET not in shown


anything = st.text() | st.sampled_from([ID, str(SENT), SIGNATURE, "v1,", ".", "v1,M9Z4", ""])
names = st.sampled_from(["webhook-id", "Webhook-Timestamp", "webhook-signature", "webhook-timestamp"])


@pytest.mark.slow
@given(given_headers=st.dictionaries(names | st.text(), anything), body=st.binary() | st.just(BODY))
@example(given_headers=headers(webhook_id="\ud800"), body=BODY)
@example(given_headers=headers(signature="\ud800"), body=BODY)
def test_nothing_but_a_webhook_error_is_ever_raised_and_nothing_unsigned_is_accepted(
    given_headers: Mapping[str, str], body: bytes
) -> None:
    lowered = {name.lower(): value for name, value in given_headers.items()}
    genuine = body == BODY and headers().items() <= lowered.items()
    try:
        verify(given_headers, body, [SECRET], NOW)
    except WebhookError:
        assert not genuine
    else:
        assert body == BODY
        assert SIGNATURE in lowered["webhook-signature"].split(" ")


@given(body=st.binary())
def test_no_well_signed_body_raises_anything_but_a_webhook_error(body: bytes) -> None:
    try:
        hint = signed(body)
    except WebhookError:
        return
    assert hint.webhook_id == ID


FORGERIES = 10_000


def _wrong_bytes(random: Random) -> tuple[Mapping[str, str], bytes, datetime]:
    body = bytearray(BODY)
    body[random.randrange(len(body))] ^= 1 << random.randrange(8)
    return headers(), bytes(body), NOW


def _wrong_secret(random: Random) -> tuple[Mapping[str, str], bytes, datetime]:
    secret = "whsec_" + base64.b64encode(random.randbytes(24)).decode()
    return headers(signature(BODY, secret=secret)), BODY, NOW


def _guessed(random: Random) -> tuple[Mapping[str, str], bytes, datetime]:
    return headers("v1," + base64.b64encode(random.randbytes(random.randrange(40))).decode()), BODY, NOW


def _replayed_as_new(random: Random) -> tuple[Mapping[str, str], bytes, datetime]:
    later = random.randrange(1, 10**6)
    return headers(seconds=SENT + later), BODY, NOW + timedelta(seconds=later)


def _replayed_under_another_id(random: Random) -> tuple[Mapping[str, str], bytes, datetime]:
    return headers(webhook_id=f"msg_{random.randrange(10**9)}"), BODY, NOW


def _stale(random: Random) -> tuple[Mapping[str, str], bytes, datetime]:
    away = random.choice([-1, 1]) * random.randrange(301, 10**8)
    return headers(), BODY, NOW + timedelta(seconds=away)


@pytest.mark.slow
def test_of_ten_thousand_forged_replayed_and_stale_webhooks_none_is_accepted(score: Score) -> None:
    random, accepted = Random(20260105), 0
    ways = [_wrong_bytes, _wrong_secret, _guessed, _replayed_as_new, _replayed_under_another_id, _stale]
    for number in range(FORGERIES):
        given_headers, body, now = ways[number % len(ways)](random)
        try:
            verify(given_headers, body, [OTHER, SECRET], now)
        except (BadSignatureError, StaleWebhookError, UnreadableWebhookError):
            continue
        accepted += 1
    score.note(forgeries=FORGERIES, accepted=accepted)
    assert accepted == 0
    assert verify(headers(), BODY, [OTHER, SECRET], NOW) == HINT
