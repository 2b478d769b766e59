"""One reader, beside the writer and never waiting for it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from pleo_export.store.database import Database
from pleo_export.store.errors import StoreClosedError
from pleo_export.store.writer import Operation, T


class Reader:
    """Runs queries on a thread of its own, each against what is committed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # One thread is enough for reading, and asyncio's own pool would keep six.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-reader")
        self._closed = False

    async def run(self, query: Operation[T]) -> T:
        """Return what the query finds. Raises StoreError."""
        if self._closed:
            raise StoreClosedError
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._query, query)

    def close(self) -> None:
        """Refuse everything after it."""
        self._closed = True
        self._thread.shutdown()

    def _query(self, query: Operation[T]) -> T:
        try:
            with self._database.reader.begin() as connection:
                return query(connection)
        except self._database.driver_errors as error:
            raise self._database.explained(error) from error
