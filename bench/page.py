"""The page under load: `python -m bench.page`. How soon and how large its answers are, with many companies and a large job.

The service is a process of its own, `pleo-export web`; who asks is signed in, on one connection, one request after the other.
"""

import asyncio
import http.client
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import msgspec
from tests.e2e.service_process import environment, free_port, running

from bench.local import ledger_in
from pleo_export.cli.init import settings_text
from pleo_export.clock import SystemClock
from pleo_export.domain.book import book
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Entry
from pleo_export.domain.explanation import Explanation
from pleo_export.domain.failures import Rejection
from pleo_export.domain.item import ExportItem, decode_as_sent
from pleo_export.domain.job import JobEventType
from pleo_export.domain.settings import AccountSettings, CompanySettings, VatSettings
from pleo_export.service.page.access import sessions
from pleo_export.service.page.access.roles import Role
from pleo_export.service.page.access.tokens import hashed, new_token
from pleo_export.simulator.generator import generate
from pleo_export.store import Store, sqlite_url
from pleo_export.store.tables import EVERY_COMPANY
from pleo_export.vault import new_key

COMPANIES, ITEMS, ITEMS_ELSEWHERE = 1_000, 10_000, 3
FAILED_EVERY = 20  # one item of so many
ROUNDS, DOWNLOADS, AT_ONCE = 30, 5, 500
FIRST_BYTE_MS_MAX, BYTES_MAX = 300, 10**6
COMPANY = str(UUID(int=0))
JOB = str(UUID(int=2**64))
CAUSES = (Cause.ACCOUNT_UNKNOWN, Cause.TAX_CODE_UNKNOWN, Cause.PERIOD_CLOSED)


class Answer(NamedTuple):
    """Seconds to the first byte and to the last, bytes as they were sent, and how they were packed."""

    first: float
    last: float
    sent: int
    packed: str


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder, token = Path(place), new_token()
        item = asyncio.run(fill(folder, token))
        port = free_port()
        env = {
            **environment(folder),
            "PLEO_EXPORT_ENCRYPTION_KEY": new_key(),
            "PLEO_EXPORT_LOG_LEVEL": "warning",
        }
        with running(["web"], env, folder, port=port):
            client = Client(port, token)
            print(f"{COMPANIES:,} companies, one with a job of {ITEMS:,} items; {ROUNDS} requests each")
            for name, path in pages(item).items():
                table_line(name, [client.get(path) for _ in range(ROUNDS)])
            for kind in ("csv", "json"):
                download(
                    kind, [client.get(f"/companies/{COMPANY}/jobs/{JOB}.{kind}") for _ in range(DOWNLOADS)]
                )


def pages(item: str) -> Mapping[str, str]:
    company = f"/companies/{COMPANY}"
    job = f"{company}/jobs/{JOB}"
    whole = {
        "overview": "/",
        "overview, searched": "/?search=Company+99",
        "company": company,
        "job": job,
        "job, failed ones": f"{job}?outcome=failed",
        "job, part of an id": f"{job}?text=abc",
        "job, page 50": f"{job}?page=50",
        "item": f"{job}/items/{item}",
    }
    parts = {"overview": "/?part=live", "company": f"{company}?part=live", "job": f"{job}?part=live"}
    return whole | {f"{name}, the part that lives": path for name, path in parts.items()}


def table_line(name: str, answers: Sequence[Answer]) -> None:
    firsts = [answer.first * 1000 for answer in answers]
    p50, p95 = statistics.median(firsts), statistics.quantiles(firsts, n=20)[18]
    size, packed = max(answer.sent for answer in answers), answers[0].packed
    good = p95 < FIRST_BYTE_MS_MAX and size < BYTES_MAX
    print(
        f"{name:<32} first byte p50 {p50:4.0f} ms, p95 {p95:4.0f} ms; {size / 1000:6.1f} kB {packed};"
        f" {'within' if good else 'BEYOND'} {FIRST_BYTE_MS_MAX} ms and {BYTES_MAX / 10**6:g} MB"
    )


def download(kind: str, answers: Sequence[Answer]) -> None:
    rate = statistics.median(answer.sent / answer.last for answer in answers) / 10**6
    first = statistics.median(answer.first for answer in answers) * 1000
    print(
        f"{kind} of {ITEMS:,} items: {answers[0].sent / 10**6:.2f} MB, {rate:.1f} MB a second, first byte {first:.0f} ms"
    )


class Client:
    """Somebody who is signed in, and takes what is packed."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Cookie": f"{sessions.COOKIE}={token}", "Accept-Encoding": "gzip"}

    def get(self, path: str) -> Answer:
        began = time.perf_counter()
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        first = time.perf_counter() - began
        body = answer.read()
        assert answer.status == 200, (path, answer.status)
        packed = answer.headers.get("Content-Encoding", "not packed")
        return Answer(first, time.perf_counter() - began, len(body), packed)


async def fill(folder: Path, token: str) -> str:
    """Fill the store that the service will open, let an administrator be signed in, and return an item's id."""
    async with opened(folder) as store:
        now = SystemClock().now()
        user_id = await store.people.add("bench", {EVERY_COMPANY: Role.ADMINISTRATOR}, now)
        assert await store.people.begin_session(user_id, hashed(token), now)
        ids = [str(UUID(int=number)) for number in range(COMPANIES)]
        for company_id in ids:
            text = settings_text({"pleo.company_id": company_id})
            await store.add_company(company_id, f"Company {int(UUID(company_id))}", text, str(folder))
        made = await explanations(folder)
        await a_job(store, COMPANY, JOB, made)
        for number, company_id in enumerate(ids[1:]):
            few = {f"{entry_id}-{number}": one for entry_id, one in list(made.items())[:ITEMS_ELSEWHERE]}
            await a_job(store, company_id, str(UUID(int=2**65 + number)), few)
        return next(iter(made))


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Store]:
    store = await Store.open(sqlite_url(folder / "service.db"), SystemClock().now)
    try:
        yield store
    finally:
        await store.close()


async def explanations(folder: Path) -> Mapping[str, Explanation]:
    """Book made-up expenses, as a job would."""
    connector = ledger_in(folder / "sample")
    reference = await connector.reference_data()
    await connector.close()
    settings = CompanySettings(
        accounts=AccountSettings(wallet="1910", out_of_pocket="2450", contra="1990", accounts_payable="2400"),
        vat=VatSettings(input_account="2640", output_account="2610"),
    )
    made = {}
    for one in generate(1, ITEMS, company_id=COMPANY, receipts=0):
        item = decode_as_sent(msgspec.json.encode(one.payload | {"files": None}), ExportItem)
        entry = book(item, settings, reference)
        assert isinstance(entry, Entry), entry
        made[item.accounting_entry_id] = Explanation(item, entry)
    return made


async def a_job(store: Store, company_id: str, job_id: str, made: Mapping[str, Explanation]) -> None:
    """Let a job have been exported, with failures of several causes."""
    await store.see_job(job_id, company_id)
    await store.mark_started(job_id)
    await store.plan(job_id, list(made))
    for step in range(2, 8):
        await store.step_taken(job_id, step)
    numbered = list(enumerate(made.items()))
    for start in range(0, len(numbered), AT_ONCE):
        await asyncio.gather(
            *(decided(store, job_id, number, *one) for number, one in numbered[start : start + AT_ONCE])
        )
    await store.reported(job_id, list(made))
    await store.closing(job_id, JobEventType.COMPLETED_WITH_ERRORS)
    await store.closed(job_id)


async def decided(store: Store, job_id: str, number: int, entry_id: str, explanation: Explanation) -> None:
    if number % FAILED_EVERY == 1:
        cause = CAUSES[number // FAILED_EVERY % len(CAUSES)]
        why = Rejection(cause, f"Account {6000 + number % 400} does not exist. Create it, then export again.")
        await store.rejected(job_id, entry_id, why, explanation)
        return
    await store.intend(job_id, entry_id, explanation)
    await store.entry_created(
        job_id,
        entry_id,
        external_id=f"JE-{entry_id}",
        url=f"https://books.example/entries/{entry_id}",
        exported_at=SystemClock().now(),
        posted_on=date(2026, 1, 31),
        complete=True,
    )


if __name__ == "__main__":
    main()
