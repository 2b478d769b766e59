"""What is PostgreSQL's alone. The other tests of the store run on it as well."""

import asyncio
import threading
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError

from pleo_export.domain.progress import Phase
from pleo_export.store import Store, StoreError
from pleo_export.store.errors import (
    DamagedStoreError,
    NewerStoreError,
    StoreAddressError,
    StoreConflictError,
    StoreFailedError,
    StoreFullError,
    StoreLockedError,
    StoreNotWritableError,
    StoreUnreachableError,
)
from pleo_export.store.migrate import HEAD, make_ready, migrate
from pleo_export.store.postgres import PostgresDatabase
from pleo_export.store.tables import metadata
from tests.store.postgres_server import PostgresServer
from tests.store.stores import COMPANY, JOB, NOON, create_entry, opened, planned, reject

pytestmark = pytest.mark.slow
ENTRIES = [f"e{number:03}" for number in range(200)]


def assert_schema(engine: Engine) -> None:
    with engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert context.get_current_revision() == HEAD
        assert compare_metadata(context, metadata) == []


async def shown(store: Store, name: str) -> object:
    return await store._writer.run(lambda connection: connection.exec_driver_sql(f"SHOW {name}").scalar())


async def test_what_is_acknowledged_is_synced_whatever_the_server_is_set_to(postgres_url: str) -> None:
    separator = "&" if "?" in postgres_url else "?"
    async with opened(f"{postgres_url}{separator}options=-c%20synchronous_commit%3Doff") as store:
        assert await shown(store, "synchronous_commit") == "on"
        assert await shown(store, "transaction_isolation") == "read committed"
        assert await shown(store, "lock_timeout") == "15s"


async def test_the_tables_stand_beside_those_of_other_programs(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute("DROP TABLE IF EXISTS public.jobs")
        other.execute("CREATE TABLE public.jobs (title text)")
        async with planned(postgres_url, "e1") as store:
            assert (await store.item(JOB, "e1")).phase is Phase.PLANNED
        found = other.execute("SELECT count(*) FROM public.jobs").fetchone()
        assert found == (0,)
        other.execute("DROP TABLE public.jobs")


async def test_the_reading_engine_cannot_write(postgres_url: str) -> None:
    async with planned(postgres_url, "e1") as store:
        with pytest.raises(StoreNotWritableError, match="read-only"):
            await store._reader.run(lambda connection: connection.exec_driver_sql("DELETE FROM items"))


def test_the_migrations_lead_to_the_tables_the_code_uses(postgres_url: str) -> None:
    database = PostgresDatabase(postgres_url)
    with database.preparing() as connection:
        migrate(connection, None)
    assert_schema(database.reader)
    database.dispose()


async def test_a_new_store_needs_no_migration(postgres_url: str) -> None:
    async with opened(postgres_url) as store:
        assert_schema(store._database.reader)


@pytest.mark.parametrize("revision", ["0001", "0002"])
async def test_a_store_of_an_earlier_version_keeps_its_items(postgres_url: str, revision: str) -> None:
    database = PostgresDatabase(postgres_url)
    with database.preparing() as connection:
        migrate(connection, None, revision)
        for statement in (
            f"INSERT INTO companies (company_id, first_seen_at) VALUES ('{COMPANY}', '2026-03-01 12:00Z')",
            f"INSERT INTO jobs (job_id, company_id, first_seen_at) VALUES ('{JOB}', '{COMPANY}', '2026-03-01 12:00Z')",
            (
                "INSERT INTO items (job_id, accounting_entry_id, position, phase, already_there, unknown)"
                f" VALUES ('{JOB}', 'e1', 0, 'intended', false, false)"
            ),
        ):
            connection.exec_driver_sql(statement)
    database.dispose()
    async with opened(postgres_url) as store:
        assert (await store.item(JOB, "e1")).phase is Phase.INTENDED
        assert (await store.company(COMPANY)).first_seen_at == NOON
        await reject(store, "e1")
        assert_schema(store._database.reader)


async def test_a_store_of_a_newer_version_is_refused(postgres_url: str) -> None:
    async with opened(postgres_url):
        pass
    with psycopg.connect(postgres_url) as connection:
        connection.execute("UPDATE pleo_export.alembic_version SET version_num = '9999'")
    with pytest.raises(NewerStoreError, match="written by a newer version"):
        await Store.open(postgres_url, lambda: NOON)


async def test_several_processes_may_open_a_new_store_at_once(postgres_url: str) -> None:
    stores = await asyncio.gather(*(Store.open(postgres_url, lambda: NOON) for _ in range(6)))
    for number, store in enumerate(stores):
        await store.see_company(str(number))
    assert len(await stores[0].companies()) == 6
    for store in stores:
        await store.close()


async def test_whoever_may_not_make_a_schema_is_told(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS pleo_export_guest")
        connection.execute("CREATE ROLE pleo_export_guest LOGIN PASSWORD 'hunter2'")
        guest = postgres_url.replace("postgres:@", "pleo_export_guest:hunter2@")
        if guest == postgres_url:
            pytest.skip("this server's URL names its user in another way")
        with pytest.raises(StoreNotWritableError, match="permission denied") as raised:
            await Store.open(guest, lambda: NOON)
        assert "hunter2" not in str(raised.value)
        connection.execute("DROP ROLE pleo_export_guest")


async def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    with pytest.raises(
        StoreUnreachableError, match=r"the PostgreSQL database books at 127\.0\.0\.1"
    ) as raised:
        await Store.open("postgresql://me:hunter2@127.0.0.1:1/books", lambda: NOON)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["mysql://me:hunter2@host/db", "sqlite:///", "", "postgresql://me:hunter2@host:x/db?a"]
)
async def test_an_address_that_cannot_be_used_is_not_repeated(url: str) -> None:
    with pytest.raises(StoreAddressError, match="the address of the store cannot be used") as raised:
        await Store.open(url, lambda: NOON)
    assert "hunter2" not in str(raised.value)


async def test_a_server_that_was_killed_and_started_again_is_used_as_if_nothing_had_been(
    postgres: PostgresServer, postgres_url: str
) -> None:
    async with planned(postgres_url, "e1", "e2") as store:
        await store.intend(JOB, "e1")
        await store.items(JOB)
        postgres.kill()
        postgres.start()
        await store.intend(JOB, "e2")
        assert [item.phase for item in await store.items(JOB)] == [Phase.INTENDED] * 2


async def test_while_the_server_is_down_every_call_says_so_and_the_next_one_works(
    postgres: PostgresServer, postgres_url: str
) -> None:
    async with planned(postgres_url, "e1") as store:
        postgres.kill()
        try:
            for _ in range(2):
                with pytest.raises(StoreUnreachableError, match="Start the server"):
                    await store.intend(JOB, "e1")
                with pytest.raises(StoreUnreachableError):
                    await store.items(JOB)
                with pytest.raises(StoreUnreachableError):
                    async with store.exclusively("a"):
                        pytest.fail("held by nobody")
        finally:
            postgres.start()
        await store.intend(JOB, "e1")
        assert (await store.item(JOB, "e1")).phase is Phase.INTENDED


async def test_what_was_acknowledged_survives_the_servers_death_in_the_middle_of_writing(
    postgres: PostgresServer, postgres_url: str
) -> None:
    async with planned(postgres_url, *ENTRIES) as store:
        acknowledged: list[str] = []
        some = asyncio.Event()

        async def export(worker: int) -> None:
            for entry_id in ENTRIES[worker::8]:
                await store.intend(JOB, entry_id)
                await create_entry(store, entry_id, f"JE-{entry_id}")
                acknowledged.append(entry_id)
                if len(acknowledged) == 40:
                    some.set()

        workers = [asyncio.create_task(export(worker)) for worker in range(8)]
        await some.wait()
        await asyncio.to_thread(postgres.kill)
        outcomes = await asyncio.gather(*workers, return_exceptions=True)
        postgres.start()
        assert {type(outcome) for outcome in outcomes} == {StoreUnreachableError}
        found = {item.accounting_entry_id: item for item in await store.items(JOB)}
        assert len(found) == len(ENTRIES)
        assert all(found[entry_id].external_id == f"JE-{entry_id}" for entry_id in acknowledged)


async def test_a_connection_cut_inside_a_transaction_fails_all_of_its_batch(postgres_url: str) -> None:
    async with planned(postgres_url, "e1", "e2") as store:

        def cut(connection: Connection) -> None:
            own = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            with psycopg.connect(postgres_url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", (own,))
            connection.exec_driver_sql("SELECT 1")

        outcomes = await asyncio.gather(
            store.intend(JOB, "e1"), store._writer.run(cut), store.intend(JOB, "e2"), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [StoreUnreachableError] * 3
        assert [item.phase for item in await store.items(JOB)] == [Phase.PLANNED] * 2
        await store.intend(JOB, "e1")


async def test_processes_that_wait_for_each_other_are_parted_and_both_go_on(postgres_url: str) -> None:
    async with opened(postgres_url) as one, opened(postgres_url) as other:
        for company_id in ("a", "b"):
            await one.see_company(company_id)
        both = threading.Barrier(2)

        def crosswise(first: str, second: str) -> Any:
            met = False

            def touch(connection: Connection) -> None:
                nonlocal met
                for number, company_id in enumerate((first, second)):
                    connection.exec_driver_sql(
                        "UPDATE companies SET name = coalesce(name, '') || %s WHERE company_id = %s",
                        (first, company_id),
                    )
                    if number == 0 and not met:
                        met = True
                        both.wait()

            return touch

        await asyncio.gather(one._writer.run(crosswise("a", "b")), other._writer.run(crosswise("b", "a")))
        names = [company.name for company in await one.companies()]
        assert names[0] == names[1]
        assert sorted(names[0] or "") == ["a", "b"]


async def test_processes_that_can_never_be_parted_are_told_in_the_end(postgres_url: str) -> None:
    async with planned(postgres_url, "e1") as store:
        tries = 0

        def conflict(connection: Connection) -> None:
            nonlocal tries
            tries += 1
            connection.exec_driver_sql("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$")

        outcomes = await asyncio.gather(
            store.intend(JOB, "e1"), store._writer.run(conflict), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [StoreConflictError] * 2
        assert tries == 5
        await store.intend(JOB, "e1")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("53100", StoreFullError),
        ("55P03", StoreLockedError),
        ("25006", StoreNotWritableError),
        ("42501", StoreNotWritableError),
        ("XX001", DamagedStoreError),
        ("08006", StoreUnreachableError),
        ("57P03", StoreUnreachableError),
        ("53300", StoreUnreachableError),
        ("42P01", StoreFailedError),
    ],
)
async def test_what_the_server_says_is_told_apart_and_harms_no_neighbour(
    postgres_url: str, state: str, expected: type[StoreError]
) -> None:
    async with opened(postgres_url) as store:

        def fail(connection: Connection) -> None:
            connection.exec_driver_sql(
                f"DO $$ BEGIN RAISE EXCEPTION 'so it is' USING ERRCODE = '{state}'; END $$"
            )

        outcomes = await asyncio.gather(
            store.see_company("a"), store._writer.run(fail), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [type(None), expected]
        assert len(await store.companies()) == 1


def test_opening_at_the_same_time_as_another_waits_for_it(postgres_url: str) -> None:
    one, other = PostgresDatabase(postgres_url), PostgresDatabase(postgres_url)

    def hurry(connection: Any, _entry: object) -> None:
        connection.execute("SET lock_timeout = '100ms'")

    event.listen(other.writer, "connect", hurry)
    with one.preparing() as connection:
        make_ready(connection)
        with pytest.raises(OperationalError, match="lock timeout"), other.preparing():
            pytest.fail("both prepare")
    with other.preparing() as connection:
        make_ready(connection)
    one.dispose()
    other.dispose()
