"""A company in trouble or with failures, real receivers of mail and webhooks, and a clock that tests move."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple, cast

from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import rejection
from pleo_export.domain.job import JobEventType
from pleo_export.service.settings import ServiceSettings
from pleo_export.service.telling.telling import Telling
from pleo_export.store import Store, sqlite_url
from tests.store.stores import create_entry
from tests.workflow.workflow_scene import FakeClock

COMPANY, NAME, JOB = "company-a", "Añejo ApS", "job-1"
SECRET = "whsec_" + "c2VjcmV0" * 4
USER, PASSWORD = "bot@example.com", "p@ss/word"
ADDRESS = "books@example.com"
PAGE = "https://books.example"


class Certificate(NamedTuple):
    """A self-signed one for 127.0.0.1; `authority` is what trusts it."""

    authority: Path
    context: ssl.SSLContext


def certificate(folder: Path) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / "authority.pem", folder / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    kind, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, kind, none))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, private)
    return Certificate(chain, context)


class Post:
    """A real mail server. `refusal` is what it says to a message instead of taking it."""

    def __init__(self) -> None:
        self.taken: list[tuple[list[str], EmailMessage]] = []
        self.refusal: str | None = None
        self.unknown: set[str] = set()
        self.port = 0

    async def handle_RCPT(  # noqa: N802  aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.unknown:
            return f"550 {address} is not known here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.refusal is not None:
            return self.refusal
        mail = message_from_bytes(cast("bytes", envelope.content), policy=policy.default)
        self.taken.append((envelope.rcpt_tos, mail))
        return "250 taken"


def _login(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any) -> AuthResult:
    right = LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=given == right, handled=False)


@asynccontextmanager
async def mail_server(
    context: ssl.SSLContext | None = None, *, implicit: bool = False, port: int = 0
) -> AsyncIterator[Post]:
    """Run a mail server; with a `context` it wants STARTTLS or, `implicit`, TLS at once, and a login."""
    post = Post()
    secured: dict[str, Any] = {"authenticator": _login, "auth_required": True} if context else {}
    if implicit:
        secured |= {"auth_require_tls": False}  # it does not know that it is spoken to over TLS
    elif context:
        secured |= {"tls_context": context, "require_starttls": True}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(post, loop=loop, hostname="mail.example", **secured),
        "127.0.0.1",
        port,
        ssl=context if implicit else None,
    )
    post.port = server.sockets[0].getsockname()[1]
    try:
        yield post
    finally:
        server.close()
        await server.wait_closed()


@dataclass
class Receiver:
    """A real receiver of webhooks, which answers with `status`."""

    url: str = ""
    status: int = 204
    got: list[tuple[Mapping[str, str], str]] = field(default_factory=list)
    before: Callable[[], None] = lambda: None


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    taking = Receiver()

    async def take(request: web.Request) -> web.Response:
        taking.got.append((dict(request.headers), await request.text()))
        taking.before()
        location = {"Location": f"{taking.url}/elsewhere"} if taking.status == 302 else {}
        return web.Response(status=taking.status, headers=location)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    taking.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield taking
    finally:
        await runner.cleanup()


@dataclass
class Scene:
    """A company in service, and who tells of it."""

    store: Store
    clock: FakeClock
    telling: Telling

    async def settle(self, text: str) -> None:
        await self.store.change_company(COMPANY, f"[notify]\n{text}", "/srv")

    async def fail_job(self, *causes: Cause, recorded: int = 0, job_id: str = JOB, **values: object) -> None:
        """End a job: an expense for each cause that failed, and some that were recorded."""
        entries = [f"e{number}" for number in range(len(causes) + recorded)]
        await self.store.see_job(job_id, COMPANY)
        await self.store.plan(job_id, entries)
        for entry_id, cause in zip(entries, causes, strict=False):
            await self.store.rejected(job_id, entry_id, rejection(cause, **values))
        for entry_id in entries[len(causes) :]:
            await self.store.intend(job_id, entry_id)
            await create_entry(self.store, entry_id, f"JE-{entry_id}", job_id, complete=True)
        event = JobEventType.COMPLETED_WITH_ERRORS if causes and recorded else JobEventType.FAILED
        await self.store.closing(job_id, event if causes else JobEventType.COMPLETED)
        await self.store.closed(job_id)

    async def pass_time(self, passes: timedelta) -> None:
        """Let time pass, then look."""
        self.clock.advance(passes.total_seconds())
        await self.telling.look()

    async def problems(self) -> list[str | None]:
        return [note.problem for note in await self.store.notifications.kept(COMPANY)]


@asynccontextmanager
async def scene(folder: Path, notify: str, name: str = NAME, **environment: Any) -> AsyncIterator[Scene]:
    clock = FakeClock()
    clock.time = datetime.now(UTC)  # the library that checks signatures goes by the real one
    settings = ServiceSettings(public_url=PAGE, **environment)
    store = await Store.open(sqlite_url(folder / "store.db"), clock.now)
    await store.add_company(COMPANY, name, f"[notify]\n{notify}", "/srv")
    telling = Telling(settings, store, clock)
    try:
        yield Scene(store, clock, telling)
    finally:
        telling.close()
        await store.close()
