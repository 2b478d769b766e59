"""The always-on service: how fast a webhook becomes a started job, and how many webhooks it takes while it works."""

import asyncio
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import aiohttp
import msgspec
from standardwebhooks import Webhook
from tests.e2e.service_process import Service, call, environment, free_port, running, until
from tests.e2e.story import API_KEY, COMPANY_ID, Story
from tests.store.postgres_server import a_server

from pleo_export.pleo.auth import ApiKey
from pleo_export.simulator.hands import simulator_process
from pleo_export.vault import new_key

ROUNDS = 30
APART_SECONDS = 1.5  # jobs that follow at once would wait for Pleo's limit of calls a minute
A_SECOND, SECONDS = 200, 30
KEY = new_key()


def main() -> None:
    for kind in ("sqlite", "postgresql"):
        with tempfile.TemporaryDirectory() as folder, _database(kind, Path(folder)) as url:
            if "--flood" not in sys.argv:
                started(Bench(kind, Path(folder) / "started", url))
            flood(Bench(kind, Path(folder) / "one", url), apart=False)
            flood(Bench(kind, Path(folder) / "two", url), apart=True)


class Bench:
    """A service to be measured: its folder, its environment, its port."""

    def __init__(self, kind: str, place: Path, url: str) -> None:
        self.kind, self.place, self.port = kind, place, free_port()
        place.mkdir()
        self.env = {
            **environment(place, PLEO_EXPORT_API_KEY=API_KEY, PLEO_EXPORT_POLL_MINUTES="1000"),
            "PLEO_EXPORT_DATABASE_URL": url,
            "PLEO_EXPORT_ENCRYPTION_KEY": KEY,
            "PLEO_EXPORT_PUBLIC_URL": f"http://127.0.0.1:{self.port}",
            "PLEO_EXPORT_LOG_LEVEL": "warning",
        }

    @contextmanager
    def serving(self, *commands: str) -> Iterator[tuple[Story, Service]]:
        """Run a Pleo and the commands, the first of which answers, with a webhook subscribed."""
        with simulator_process() as pleo, ExitStack() as stack:
            story = Story(self.place, pleo)
            first, *others = commands
            settings = ["--settings", str(story.settings)]
            service = stack.enter_context(running([first, *settings], self.env, self.place, port=self.port))
            for other in others:
                stack.enter_context(running([other], self.env, self.place))
            call(self.env, "webhooks", "ensure")
            yield story, service


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'service.db'}"
        return
    with tempfile.TemporaryDirectory(prefix="pleo-export-postgres-") as data, a_server(Path(data)) as server:
        yield server.url


def started(bench: Bench) -> None:
    """From Export pressed (its webhook is sent at once) to Pleo's 202 for `started`, by the clock of this process."""
    with bench.serving("serve") as (story, _):
        waits = []
        for seed in range(ROUNDS):
            ids = story.expenses(1, seed=seed, receipts=0)
            began = time.perf_counter()
            job = story.press_export(ids)
            while story.job(job)["status"] == "pending":
                time.sleep(0.005)
            waits.append(time.perf_counter() - began)
            until(lambda job=job: story.job(job)["status"] == "completed", "the job")  # type: ignore[misc]
            time.sleep(APART_SECONDS)
    p50, p90 = statistics.median(waits), statistics.quantiles(waits, n=10)[8]
    print(
        f"{bench.kind}: Export pressed to started: p50 {p50 * 1000:.0f} ms, p90 {p90 * 1000:.0f} ms,"
        f" {ROUNDS} jobs"
    )


def flood(bench: Bench, *, apart: bool) -> None:
    """Send signed webhooks at a steady pace while a job runs: web and worker in one process, or in two."""
    with bench.serving(*(("web", "worker") if apart else ("serve",))) as (story, service):
        secret = _secret(story)
        story.press_export(story.expenses(2000, seed=99, receipts=0))
        waits, refused = asyncio.run(_send(f"{service.url}/webhooks/pleo?company={COMPANY_ID}", secret))
        counted = re.search(r'webhooks_total\{result="taken"\} ([\d.]+)', service.text("/metrics"))
    p50, p99 = statistics.median(waits), statistics.quantiles(waits, n=100)[98]
    print(
        f"{bench.kind}, {'two processes' if apart else 'one process'}: {len(waits)} webhooks, {A_SECOND} a second while"
        f" a job runs: p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms; refused {refused};"
        f" counted as taken {counted and counted[1]}"
    )


def _secret(story: Story) -> str:
    headers = {"Authorization": ApiKey(API_KEY).header}

    async def ask() -> str:
        async with aiohttp.ClientSession(headers=headers) as http:
            async with http.get(f"{story.url}/v1/subscriptions") as answer:
                (subscription,) = (await answer.json())["data"]
            async with http.get(f"{story.url}/v1/subscriptions/{subscription['id']}/secret") as answer:
                secret: str = (await answer.json())["data"]["secretKey"]
                return secret

    return asyncio.run(ask())


async def _send(url: str, secret: str) -> tuple[list[float], int]:
    signer = Webhook(secret)
    waits: list[float] = []
    refused = 0

    async def one(number: int, http: aiohttp.ClientSession) -> None:
        nonlocal refused
        at, webhook_id = datetime.now(UTC), f"msg_{uuid4().hex}"
        body = msgspec.json.encode(
            {"data": {"companyId": COMPANY_ID}, "eventId": str(number), "eventType": "v1.export-job.created"}
        )
        headers = {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signer.sign(webhook_id, at, body.decode()),
        }
        began = time.perf_counter()
        async with http.post(url, data=body, headers=headers) as answer:
            refused += answer.status != 204
        waits.append(time.perf_counter() - began)

    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
        asyncio.TaskGroup() as group,
    ):
        began = time.perf_counter()
        for number in range(A_SECOND * SECONDS):
            await asyncio.sleep(max(0.0, began + number / A_SECOND - time.perf_counter()))
            group.create_task(one(number, http))
    return waits, refused


if __name__ == "__main__":
    main()
