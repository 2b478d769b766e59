"""The only module that knows DBOS: a durable queue with one partition a company, in the engine's database.

Of DBOS we use what is public, and little of it: enqueue in a transaction of ours, claim one entry a partition over all
processes, list, cancel and delete entries. Its steps and its recovery are not used: a run begun again starts from the
store, which knows of every expense how far it came.
"""

import logging
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer, WorkflowStatus
from sqlalchemy import URL, Connection, Engine

APPLICATION = "pleo-export"
QUEUE = "exports"
WORKFLOW = "drain"
# Raised when entries that wait must not be begun by an older program any more; the watch then queues them anew.
VERSION = 1
IDS_PER_LOOKUP_MAX = 500  # SQLite takes a limited number of values in one statement

UNFINISHED = {"ENQUEUED", "PENDING"}

logger = logging.getLogger("dbos")


class Entry(NamedTuple):
    """A run as the queue sees it."""

    id: str
    claimed: bool  # by a worker, which works on it unless it is dead
    ended: bool
    worker: str | None
    version: int


def entry_id(company_id: str, run_id: int) -> str:
    """Return the entry's id; padded, because DBOS breaks ties in time by the id's order."""
    return f"{company_id}:{run_id:012d}"


def run_of(entry: str) -> int:
    return int(entry.rpartition(":")[2])


def migrate(url: URL) -> None:
    """Create DBOS's own tables, or bring them to the version that is installed."""
    DBOS.migrate(url.render_as_string(hide_password=False))


class Queue:
    """What waits and what is claimed, over all processes on one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # Not its own console: records go where all of ours go.
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
        self._client = DBOSClient(
            system_database_engine=engine,
            serializer=DBOSPortableJSONSerializer(),
            application_name=APPLICATION,
            lazy=True,
            retry_connection_errors=False,
        )

    def put(self, connection: Connection, company_id: str, run_id: int) -> None:
        """Enqueue the run within the caller's transaction."""
        self._client.enqueue_in_transaction(
            connection,
            {
                "workflow_name": WORKFLOW,
                "queue_name": QUEUE,
                "queue_partition_key": company_id,
                "app_version": str(VERSION),
                "workflow_id": entry_id(company_id, run_id),
            },
            run_id,
        )

    def claimed(self) -> list[Entry]:
        """Return what workers have claimed and not ended."""
        rows = self._client.list_workflows(
            status="PENDING", queue_name=QUEUE, load_input=False, load_output=False
        )
        return [_entry(row) for row in rows]

    def find(self, ids: Sequence[str]) -> dict[str, Entry]:
        """Return the entries with these ids that exist."""
        found = {}
        for start in range(0, len(ids), IDS_PER_LOOKUP_MAX):
            some = list(ids[start : start + IDS_PER_LOOKUP_MAX])
            for row in self._client.list_workflows(workflow_ids=some, load_input=False, load_output=False):
                found[row.workflow_id] = _entry(row)
        return found

    def cancel(self, ids: Sequence[str]) -> None:
        """End entries that nobody will end; a company is free again afterwards."""
        if ids:
            self._client.cancel_workflows(list(ids))

    def delete(self, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), IDS_PER_LOOKUP_MAX):
            self._client.delete_workflows(list(ids[start : start + IDS_PER_LOOKUP_MAX]))

    def start(self, worker: str, capacity: int, poll_seconds: float, work: Callable[[int], None]) -> None:
        """Claim entries from now on, and call `work` with the run of each, in a thread of its own."""
        DBOS(
            config={
                "name": APPLICATION,
                "system_database_engine": self._engine,
                "serializer": DBOSPortableJSONSerializer(),
                "application_version": str(VERSION),
                "executor_id": worker,
                "log_level": "WARNING",
                "run_migrations": False,
                # For messages, of which we send none; what it decides is how long a stop takes.
                "notification_listener_polling_interval_sec": poll_seconds * 5,
            }
        )

        @DBOS.workflow(name=WORKFLOW)
        def drain(run_id: int) -> None:
            work(run_id)

        # Before it listens: it looks for new queues once a second only.
        self._client.register_queue(
            QUEUE,
            partition_concurrency=1,
            worker_concurrency=capacity,
            polling_interval_sec=poll_seconds,
            on_conflict="always_update",
        )
        DBOS.launch()

    def stop(self, grace_seconds: float) -> None:
        """Claim nothing more, and wait for what runs, for so long at most."""
        DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=math.ceil(grace_seconds))

    def close(self) -> None:
        self._client.destroy()


def _entry(row: WorkflowStatus) -> Entry:
    return Entry(
        id=row.workflow_id,
        claimed=row.status == "PENDING",
        ended=row.status not in UNFINISHED,
        worker=row.executor_id,
        version=int(row.app_version or 0),
    )
