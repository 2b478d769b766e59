"""What the web part answers, and what it has kept by then."""

from base64 import b64encode
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook

from pleo_export.config import SettingsError
from pleo_export.engine.errors import EngineUnreachableError
from pleo_export.pleo.errors import (
    AuthorisationDeniedError,
    Facts,
    GrantRefusedError,
    NoCompanyError,
    OAuthClientRefusedError,
    PleoNoAnswerError,
)
from pleo_export.service.errors import OAuthNotSetUpError, OtherCompanyError, UnknownConnectionError
from pleo_export.service.settings import ServiceSettings
from pleo_export.service.web import WebParts, web_app
from pleo_export.store.errors import StoreError, StoreUnreachableError, UnknownCompanyError
from pleo_export.vault.errors import MissingKeyError, UnknownKeyError

NOW = datetime.now(UTC)
COMPANY = "0b0f7a52-3a52-4d6f-9a55-2f7d4a3a1c01"
SECRET = "whsec_" + b64encode(b"a secret of twenty-four.").decode()
OLDER = "whsec_" + b64encode(b"another one, given up ..").decode()
TOKEN = "an operator's token"


class Kept:
    """What was fired and remembered, in order; may be told to fail."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, ...]] = []
        self.seen: set[str] = set()
        self.broken = False
        self.fault: str | None = None
        self.trouble: Exception | None = None

    def fire(self, company_id: str, cause: str) -> bool:
        if self.broken:
            raise EngineUnreachableError("postgresql://nowhere", "away")
        self.steps.append(("fired", company_id, cause))
        return True

    async def saw_webhooks(self, webhook_ids: Collection[str]) -> set[str]:
        return self.seen.intersection(webhook_ids)

    async def see_webhooks(self, event_ids: Mapping[str, str | None]) -> None:
        self.steps += [("seen", webhook_id) for webhook_id in event_ids]
        self.seen.update(event_ids)

    async def secrets_of(self, company_id: str | None) -> tuple[str, Sequence[str]] | None:
        if self.trouble is not None:
            raise self.trouble
        return (COMPANY, (SECRET, OLDER)) if company_id in (COMPANY, None) else None

    async def connect(self, query: Mapping[str, str]) -> str:
        if self.trouble is not None:
            raise self.trouble
        if query.get("state") != "right":
            raise UnknownConnectionError
        return COMPANY

    async def ready(self) -> None:
        if self.broken:
            raise StoreError("the database is away")


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
async def web(kept: Kept) -> AsyncIterator[httpx.AsyncClient]:
    parts = WebParts(
        settings=ServiceSettings(operator_token=SecretStr(TOKEN)),
        engine=kept,
        store=kept,
        secrets_of=kept.secrets_of,
        connect=kept.connect,
        ready=kept.ready,
        fault=lambda: kept.fault,
        now=lambda: NOW,
    )
    transport = httpx.ASGITransport(web_app(parts, triggers=True))
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        yield client


def event(event_type: str = "v1.export-job.created", company: str = COMPANY) -> bytes:
    data = {"companyId": company, "id": "6f1f4a38-6d0c-4f6a-9d0e-6b6d1d3f2a10", "status": "pending"}
    return msgspec.json.encode({"data": data, "eventId": "event-1", "eventType": event_type})


def signed(
    body: bytes, *, secret: str = SECRET, webhook_id: str = "msg_1", at: datetime = NOW
) -> dict[str, str]:
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, body.decode()),
    }


async def send(
    web: httpx.AsyncClient, body: bytes, headers: dict[str, str], company: str | None = COMPANY
) -> int:
    query = {} if company is None else {"company": company}
    return (await web.post("/webhooks/pleo", content=body, headers=headers, params=query)).status_code


@pytest.mark.parametrize("secret", [SECRET, OLDER])
@pytest.mark.parametrize("company", [COMPANY, None])
@pytest.mark.scorecard("D")
async def test_a_signed_hint_is_kept_before_it_is_answered_and_remembered_after_it_was_kept(
    web: httpx.AsyncClient, kept: Kept, secret: str, company: str | None
) -> None:
    body = event()
    assert await send(web, body, signed(body, secret=secret), company) == 204
    assert kept.steps == [("fired", COMPANY, "webhook"), ("seen", "msg_1")]


@pytest.mark.slow
@pytest.mark.scorecard("D")
async def test_a_webhook_that_was_taken_is_answered_again_but_fires_nothing(
    web: httpx.AsyncClient, kept: Kept
) -> None:
    body = event()
    assert [await send(web, body, signed(body)) for _ in range(1000)] == [204] * 1000
    assert kept.steps == [("fired", COMPANY, "webhook"), ("seen", "msg_1")]


@pytest.mark.scorecard("D")
async def test_a_webhook_that_could_not_be_kept_is_new_when_it_comes_again(
    web: httpx.AsyncClient, kept: Kept
) -> None:
    body, kept.broken = event(), True
    assert await send(web, body, signed(body)) == 503
    kept.broken = False
    assert await send(web, body, signed(body)) == 204
    assert kept.steps == [("fired", COMPANY, "webhook"), ("seen", "msg_1")]


@pytest.mark.parametrize(
    "spelling", ["v1.export.job-created", "export-job.created", "export.job-created", "v2.export-job.created"]
)
async def test_every_spelling_of_the_event_starts_a_look(
    web: httpx.AsyncClient, kept: Kept, spelling: str
) -> None:
    body = event(spelling)
    assert await send(web, body, signed(body)) == 204
    assert kept.steps[0] == ("fired", COMPANY, "webhook")


async def test_a_wrapped_body_is_read_as_well(web: httpx.AsyncClient, kept: Kept) -> None:
    wrapped: dict[str, Any] = {"webhook-id": "msg_1", "payload": msgspec.json.decode(event())}
    body = msgspec.json.encode(wrapped)
    assert await send(web, body, signed(body)) == 204
    assert kept.steps[0] == ("fired", COMPANY, "webhook")


async def test_a_webhook_for_a_company_that_nobody_knows_leaves_a_line_that_its_sender_cannot_fill(
    web: httpx.AsyncClient, kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert await send(web, event(), {}, "made\nup, and very long") == 204
    (line,) = (record.getMessage() for record in caplog.records if "not here" in record.getMessage())
    assert line == r"a webhook came for a company that is not here: 'made\nu"
    assert kept.steps == []


@pytest.mark.parametrize(
    ("body", "company"),
    [
        (event("v1.vendor.created"), COMPANY),
        (event(company="11111111-1111-4111-8111-111111111111"), COMPANY),
        (event(), "11111111-1111-4111-8111-111111111111"),
    ],
)
async def test_what_concerns_nobody_here_is_answered_and_starts_nothing(
    web: httpx.AsyncClient, kept: Kept, body: bytes, company: str
) -> None:
    assert await send(web, body, signed(body), company) == 204
    assert kept.steps == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"webhook-signature": "v1,AAAA"}, 401),
        ({"webhook-signature": ""}, 401),
        ({"webhook-id": "msg_2"}, 401),
        ({"webhook-timestamp": str(int(NOW.timestamp()) - 301)}, 400),
        ({"webhook-timestamp": str(int(NOW.timestamp()) + 301)}, 400),
        ({"webhook-timestamp": "yesterday"}, 400),
    ],
)
@pytest.mark.scorecard("D")
async def test_what_is_not_from_pleo_or_too_old_is_refused(
    web: httpx.AsyncClient, kept: Kept, change: dict[str, str], status: int
) -> None:
    body = event()
    answered = await send(web, body, signed(body) | change)
    assert answered in (status, 401)
    assert kept.steps == []


@pytest.mark.scorecard("D")
async def test_a_body_that_was_changed_or_is_too_large_is_refused(web: httpx.AsyncClient, kept: Kept) -> None:
    body = event()
    assert await send(web, body + b" ", signed(body)) == 401
    assert await send(web, b"x" * 2_000_000, signed(body)) == 413
    assert kept.steps == []


@pytest.mark.scorecard("D")
async def test_our_own_trouble_asks_pleo_to_send_it_again(web: httpx.AsyncClient, kept: Kept) -> None:
    kept.broken = True
    body = event()
    assert await send(web, body, signed(body)) == 503
    assert (await web.get("/readyz")).status_code == 503
    assert (await web.get("/healthz")).status_code == 200


async def test_a_process_that_has_to_be_started_again_says_so(web: httpx.AsyncClient, kept: Kept) -> None:
    kept.fault = "The watch has ended."
    answer = await web.get("/healthz")
    assert (answer.status_code, answer.json()) == (503, {"detail": "The watch has ended."})


async def test_the_button_needs_the_operators_token(web: httpx.AsyncClient, kept: Kept) -> None:
    path = f"/api/companies/{COMPANY}/check"
    assert (await web.post(path)).status_code == 401
    assert (await web.post(path, headers={"Authorization": "Bearer wrong"})).status_code == 401
    assert kept.steps == []
    right = {"Authorization": f"Bearer {TOKEN}"}
    assert (await web.post(path, headers=right)).json() == {"noted": True}
    assert kept.steps == [("fired", COMPANY, "button")]
    assert (await web.post("/api/companies/nobody/check", headers=right)).status_code == 404


async def test_a_person_who_comes_back_from_pleo_is_told_what_became_of_it(web: httpx.AsyncClient) -> None:
    right = await web.get("/oauth/callback", params={"code": "c", "state": "right"})
    assert (right.status_code, COMPANY in right.text) == (200, True)
    wrong = await web.get("/oauth/callback", params={"code": "c", "state": "wrong"})
    assert wrong.status_code == 400
    assert "too old or was used already" in wrong.text


FACTS = Facts(method="POST", path="/oauth/token")
AWAY = StoreUnreachableError("the PostgreSQL database pleo", "away")


@pytest.mark.parametrize("trouble", [AWAY, MissingKeyError(), UnknownKeyError()])
async def test_what_we_cannot_read_just_now_is_our_own_trouble(
    web: httpx.AsyncClient, kept: Kept, trouble: Exception
) -> None:
    kept.trouble, body = trouble, event()
    assert await send(web, body, signed(body)) == 503
    pressed = await web.post(f"/api/companies/{COMPANY}/check", headers={"Authorization": f"Bearer {TOKEN}"})
    assert (pressed.status_code, pressed.json()) == (503, {"detail": str(trouble)})
    assert kept.steps == []


async def test_a_button_whose_press_cannot_be_kept_says_so(web: httpx.AsyncClient, kept: Kept) -> None:
    kept.broken = True
    pressed = await web.post(f"/api/companies/{COMPANY}/check", headers={"Authorization": f"Bearer {TOKEN}"})
    assert (pressed.status_code, "cannot be used" in pressed.text) == (503, True)


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        (400, AuthorisationDeniedError("access_denied")),
        (400, OtherCompanyError("a", "b")),
        (400, NoCompanyError()),
        (400, UnknownCompanyError(COMPANY)),
        (400, GrantRefusedError(FACTS)),
        (503, OAuthNotSetUpError()),
        (503, OAuthClientRefusedError(FACTS)),
        (503, PleoNoAnswerError(FACTS)),
        (503, SettingsError(Path("pleo-export.toml"), ["pleo.nonsense: there is no such setting"])),
        (503, EngineUnreachableError("postgresql://nowhere", "away")),
        (503, AWAY),
        (503, MissingKeyError()),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else type(value).__name__,
)
async def test_a_person_who_was_not_connected_is_told_why_and_whose_matter_it_is(
    web: httpx.AsyncClient, kept: Kept, status: int, trouble: Exception
) -> None:
    kept.trouble = trouble
    answer = await web.get("/oauth/callback", params={"code": "c", "state": "right"})
    assert (answer.status_code, answer.text) == (status, str(trouble))


async def test_the_metrics_count_webhooks_by_what_became_of_them(web: httpx.AsyncClient) -> None:
    body = event()
    await send(web, body, signed(body))
    text = (await web.get("/metrics")).text
    assert 'result="taken"' in text
