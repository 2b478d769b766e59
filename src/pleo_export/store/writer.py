"""One writer: everything that waits is committed together, so that many waiters share one sync of the disk."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection
from sqlalchemy.engine.interfaces import DBAPICursor

from pleo_export.crash_points import reach
from pleo_export.store.database import Database
from pleo_export.store.errors import (
    StoreClosedError,
    StoreConflictError,
    StoreError,
)

T = TypeVar("T")
Operation = Callable[[Connection], T]
Outcome = Any  # the operation's result, or the exception it ended with
ATTEMPTS_MAX = 5


class Waiting(NamedTuple):
    """An operation, and who waits for it."""

    operation: Operation[Any]
    future: asyncio.Future[Any]


class Writer:
    """Runs operations on a thread of its own, in the order they came; answers once they are on the disk."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-writer")
        self._loop = asyncio.get_running_loop()
        self._waiting: list[Waiting] = []
        self._idle = asyncio.Event()
        self._idle.set()
        self.closed = False

    async def run(self, operation: Operation[T]) -> T:
        """Return the operation's result once it is committed, or raise its error.

        Raises StoreError where the batch it was part of could not be committed: nothing of it was kept then. The
        operation is finished also where its waiter is cancelled.
        """
        if self.closed:
            raise StoreClosedError
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting.append(Waiting(operation, future))
        if self._idle.is_set():
            self._idle.clear()
            # Not at once: whoever else is ready to run may join the batch first.
            self._loop.call_soon(self._start)
        return await future

    async def close(self) -> None:
        """Finish what waits; refuse everything after it."""
        self.closed = True
        await self._idle.wait()
        self._thread.shutdown()

    def _start(self) -> None:
        batch, self._waiting = self._waiting, []
        operations = [waiting.operation for waiting in batch]
        done = self._loop.run_in_executor(self._thread, commit_together, self._database, operations)
        done.add_done_callback(lambda done: self._settle(batch, done))

    def _settle(self, batch: Sequence[Waiting], done: asyncio.Future[list[Outcome]]) -> None:
        failure = done.exception()
        outcomes = [failure] * len(batch) if failure else done.result()
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if future.cancelled():
                continue
            if isinstance(outcome, BaseException):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
        if self._waiting:
            # Those who were just answered run before this and may join as well.
            self._loop.call_soon(self._start)
        else:
            self._idle.set()


def commit_together(database: Database, operations: Sequence[Operation[Any]]) -> list[Outcome]:
    """Run the operations in one transaction; return the result or the error of each.

    An operation that fails is undone alone. Raises StoreError where the transaction as a whole failed.
    """
    for _ in range(ATTEMPTS_MAX - 1):
        try:
            return _commit_once(database, operations)
        except StoreConflictError:
            continue  # the database parted two processes that waited for each other; nothing was kept
    return _commit_once(database, operations)


def _commit_once(database: Database, operations: Sequence[Operation[Any]]) -> list[Outcome]:
    try:
        with database.writer.begin() as connection:
            outcomes = _run_all(database, connection, operations)
            reach("store.committing")
    except database.driver_errors as error:
        raise database.explained(error) from error
    reach("store.committed")
    database.verify_in_place()
    return outcomes


def _run_all(
    database: Database, connection: Connection, operations: Sequence[Operation[Any]]
) -> list[Outcome]:
    savepoint = connection.connection.cursor()
    # Nearly always none of them fails: what undoes one alone is set up for those batches only in which one does.
    if len(operations) > 1:
        together = _run_alone(
            database, connection, savepoint, lambda connection: [one(connection) for one in operations]
        )
        if isinstance(together, list):
            return together
    return [_run_alone(database, connection, savepoint, operation) for operation in operations]


def _run_alone(
    database: Database, connection: Connection, savepoint: DBAPICursor, operation: Operation[Any]
) -> Outcome:
    # The driver's own cursor: SQLAlchemy's savepoints cost three times what they protect.
    savepoint.execute("SAVEPOINT operation")
    try:
        result = operation(connection)
    except Exception as error:  # its edge: whatever it is, it concerns this operation alone
        failure = database.explained(error) if isinstance(error, database.driver_errors) else error
        try:
            savepoint.execute("ROLLBACK TO operation")
        except database.driver_errors as lost:
            # A full disk ends the whole transaction, savepoints and all: nobody in the batch may be told "done".
            raise failure if isinstance(failure, StoreError) else database.explained(lost) from error
        if isinstance(failure, StoreConflictError):
            raise failure from error
        return failure
    savepoint.execute("RELEASE operation")
    return result
