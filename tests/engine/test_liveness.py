from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from pleo_export.engine.database import address
from pleo_export.engine.liveness import Liveness, liveness_at
from tests.engine.bench import eventually


@contextmanager
def a_watcher(url: str) -> Iterator[Liveness]:
    watching = liveness_at(address(url))
    watching.hold("watcher")
    try:
        yield watching
    finally:
        watching.release()


@contextmanager
def a_worker_and_a_watcher(url: str) -> Iterator[tuple[Liveness, Liveness]]:
    working = liveness_at(address(url))
    with a_watcher(url) as watching:
        working.hold("worker")
        try:
            yield working, watching
        finally:
            working.release()


def is_free(watching: Liveness, worker: str) -> bool:
    with watching.grasped(worker) as free:
        return free


def test_a_lock_is_free_once_its_worker_lets_go_and_never_before(url: str) -> None:
    with a_worker_and_a_watcher(url) as (working, watching):
        assert not is_free(watching, "worker")
        working.hold("worker")  # every look asks for it again
        assert not is_free(watching, "worker")
        working.release()
        eventually(lambda: is_free(watching, "worker"))  # a server ends a closed session in its own time
        assert is_free(watching, "worker")


def test_a_worker_that_never_was_is_dead(url: str) -> None:
    with a_watcher(url) as watching:
        assert is_free(watching, "nobody")


@pytest.mark.slow
def test_a_session_that_was_lost_is_noticed_and_the_lock_taken_again(postgres_url: str) -> None:
    with a_worker_and_a_watcher(postgres_url) as (working, watching):
        with psycopg.connect(postgres_url, autocommit=True) as administrator:
            administrator.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory' AND pid ="
                " (SELECT min(pid) FROM pg_locks WHERE locktype = 'advisory' AND database ="
                " (SELECT oid FROM pg_database WHERE datname = current_database()))"
            )
        for one, name in ((watching, "watcher"), (working, "worker")):
            try:
                one.hold(name)
            except psycopg.OperationalError:
                one.hold(name)
        assert not is_free(watching, "worker")
        assert not is_free(working, "watcher")
