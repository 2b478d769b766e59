import psycopg
import pytest

from pleo_export.engine.database import address
from pleo_export.engine.liveness import Liveness, liveness_at


def is_free(watching: Liveness, worker: str) -> bool:
    with watching.grasped(worker) as free:
        return free


def test_a_lock_is_free_once_its_worker_lets_go_and_never_before(url: str) -> None:
    working, watching = liveness_at(address(url)), liveness_at(address(url))
    watching.hold("watcher")
    working.hold("worker")
    assert not is_free(watching, "worker")
    working.hold("worker")  # every look asks for it again
    assert not is_free(watching, "worker")
    working.release()
    assert is_free(watching, "worker")
    assert is_free(watching, "worker")
    watching.release()


def test_a_worker_that_never_was_is_dead(url: str) -> None:
    watching = liveness_at(address(url))
    watching.hold("watcher")
    assert is_free(watching, "nobody")
    watching.release()


@pytest.mark.slow
def test_a_session_that_was_lost_is_noticed_and_the_lock_taken_again(postgres_url: str) -> None:
    working, watching = liveness_at(address(postgres_url)), liveness_at(address(postgres_url))
    watching.hold("watcher")
    working.hold("worker")
    with psycopg.connect(postgres_url, autocommit=True) as administrator:
        administrator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid ="
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
    working.release()
    watching.release()
