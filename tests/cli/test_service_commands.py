"""What the commands tell of companies that the service works for."""

import asyncio
import json
import os
import socket
import subprocess
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pleo_export.cli import app
from pleo_export.cli.common import ExitCode
from pleo_export.cli.init import settings_text
from pleo_export.engine import Engine, RunState
from pleo_export.store import Store
from pleo_export.vault import new_key
from tests.e2e.story import PLEO_EXPORT

COMPANY = "5f0c7f4e-1d54-4a6e-9a6b-0d8c1f3a2b10"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def clock() -> datetime:
    return NOON


def call(*command: str, code: ExitCode = ExitCode.ALL_WELL) -> str:
    result = CliRunner().invoke(app, list(command))
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A service with one company."""
    url = f"sqlite:///{tmp_path}/service.db"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLEO_EXPORT_DATABASE_URL", url)
    Path("pleo-export.toml").write_text(settings_text({"pleo.company_id": COMPANY}), encoding="utf-8")
    call("companies", "add", "pleo-export.toml", "--name", "Desk ApS")
    return url


def remember(database: str, change: Callable[[Store], Awaitable[None]]) -> None:
    async def work() -> None:
        store = await Store.open(database, clock)
        try:
            await change(store)
        finally:
            await store.close()

    asyncio.run(work())


def fail_for_good(database: str) -> None:
    """Let a run of the company be lost to six workers in a row."""
    engine = Engine(f"{database}.engine.db", clock)
    engine.fire(COMPANY, "webhook")
    for worker in range(6):
        (run,) = engine.status().waiting
        assert engine._runs.begin(run.id, f"worker {worker}") is not None
        assert engine._runs.hand_on(run.id, f"Worker {worker} died.", lost_worker=f"worker {worker}")
    assert engine.runs_of(COMPANY).ended is not None
    engine.close()


def listed() -> Any:
    (company,) = json.loads(call("companies", "list", "--json"))
    return company


def test_the_jobs_of_a_company_of_the_service_are_shown(database: str) -> None:
    async def expire(store: Store) -> None:
        await store.see_job("job-1", COMPANY)
        await store.abandoned("job-1", "Pleo gave the job up.")

    remember(database, expire)
    shown = call("status", "--company", COMPANY)
    assert "job-1" in shown
    assert "Pleo gave the job up." in shown
    assert "--company" in call("status")


def test_brackets_in_names_and_sentences_are_shown_as_they_are(database: str) -> None:
    other = COMPANY.replace("5", "6")
    Path("other.toml").write_text(settings_text({"pleo.company_id": other}), encoding="utf-8")
    call("companies", "add", "other.toml", "--name", "Acme [/b] [de] A/S")
    assert "Acme [/b] [de] A/S" in call("companies", "list")

    async def expire(store: Store) -> None:
        await store.see_job("job-1", COMPANY)
        await store.abandoned("job-1", "The chart /srv/w [/x] [de]/chart.toml is not valid.")

    remember(database, expire)
    assert "/srv/w [/x] [de]/chart.toml" in call("status", "--company", COMPANY)


def test_a_company_that_is_added_without_a_key_is_to_be_connected(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = COMPANY.replace("5", "6")
    Path("other.toml").write_text(settings_text({"pleo.company_id": other}), encoding="utf-8")
    monkeypatch.delenv("PLEO_EXPORT_API_KEY", raising=False)
    said = " ".join(call("companies", "add", "other.toml").split())
    assert f"{other} was added." in said
    assert "Press Connect with Pleo on its page" in said
    assert f"credentials set-api-key {other} FILE" in said
    call("companies", "remove", other)
    monkeypatch.setenv("PLEO_EXPORT_API_KEY", "of-everybody")
    assert "takes it up within seconds" in call("companies", "add", "other.toml")


def test_without_a_company_it_says_where_it_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLEO_EXPORT_DATABASE_URL", f"sqlite:///{tmp_path / 'mine.db'}")
    assert f"No company was added yet in {tmp_path / 'mine.db'}: " in call("companies", "list")


@pytest.mark.slow
def test_a_service_whose_port_is_taken_says_so_and_what_to_set(database: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [PLEO_EXPORT, "serve"],
            env=os.environ | {"PLEO_EXPORT_PORT": port},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == ExitCode.WRONG_SETTINGS
    assert f"127.0.0.1:{port}: Address already in use." in done.stderr
    assert "PLEO_EXPORT_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_company_that_nobody_knows_has_no_status(database: str) -> None:
    assert "is not known here" in call("status", "--company", "ghost", code=ExitCode.WRONG_SETTINGS)


@pytest.mark.parametrize(
    "command",
    [
        ("companies", "show", COMPANY),
        ("companies", "remove", COMPANY),
        ("credentials", "set-api-key", COMPANY, "key.txt"),
        ("credentials", "connect", COMPANY),
        ("check", COMPANY),
        ("reconcile", COMPANY),
        ("webhooks", "ensure", COMPANY),
    ],
)
def test_of_a_company_that_was_removed_nothing_but_the_memory_is_known(
    database: str, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("PLEO_EXPORT_ENCRYPTION_KEY", new_key())
    monkeypatch.setenv("PLEO_EXPORT_OAUTH_CLIENT_ID", "client")
    monkeypatch.setenv("PLEO_EXPORT_OAUTH_CLIENT_SECRET", "secret")
    monkeypatch.setenv("PLEO_EXPORT_PUBLIC_URL", "https://books.example/")
    Path("key.txt").write_text("plp_key", encoding="utf-8")
    call("companies", "remove", COMPANY)
    assert call(*command, code=ExitCode.WRONG_SETTINGS) == (
        f"company {COMPANY} is not known here; add it first\n"
    )
    assert call("status", "--company", COMPANY)


def test_a_paused_company_is_not_looked_at(database: str) -> None:
    causes_of_what_waits(database)
    call("companies", "pause", COMPANY)
    refused = call("check", COMPANY, code=ExitCode.WRONG_SETTINGS)
    assert "is paused, so nothing is looked for. Resume it first." in refused
    assert causes_of_what_waits(database) == []


@pytest.mark.slow
def test_a_worker_without_a_work_folder_does_not_start(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLEO_EXPORT_WORK_FOLDER", str(tmp_path / "pleo-export.toml" / "work"))
    ended = subprocess.run([PLEO_EXPORT, "worker"], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == ExitCode.WRONG_SETTINGS
    assert "Set PLEO_EXPORT_WORK_FOLDER" in ended.stderr


@pytest.mark.slow
def test_a_company_whose_workers_all_died_is_shown_in_trouble_with_the_sentence_and_since_when(
    database: str,
) -> None:
    fail_for_good(database)
    shown = call("companies", "show", COMPANY)
    assert f"{COMPANY} (Desk ApS): in trouble" in shown
    assert "since 2026-03-01 12:00 UTC: 6 workers in a row were lost" in shown
    assert "runs that went on where a worker died: 5" in shown
    assert "6 workers in a row were lost" in call("companies", "list")
    assert (listed()["state"], listed()["takeovers"]) == ("in trouble", 5)


def causes_of_what_waits(database: str) -> list[str]:
    engine = Engine(f"{database}.engine.db", clock)
    waiting = [(run.id, run.cause) for run in engine.status().waiting if run.company_id == COMPANY]
    for run_id, _ in waiting:
        engine._runs.begin(run_id, "a worker")
        engine._runs.end(run_id, RunState.DONE, None, successor=None)
    engine.close()
    return [cause for _, cause in waiting]


@pytest.mark.slow
def test_a_company_that_comes_back_is_looked_at_at_once(database: str) -> None:
    assert causes_of_what_waits(database) == ["added"]
    call("companies", "pause", COMPANY)
    assert causes_of_what_waits(database) == []
    call("companies", "resume", COMPANY)
    assert causes_of_what_waits(database) == ["resumed"]
    call("companies", "remove", COMPANY)
    call("companies", "add", "pleo-export.toml")
    assert causes_of_what_waits(database) == ["added"]


def test_a_company_is_resumed_even_where_the_engine_cannot_be_told(database: str) -> None:
    call("companies", "pause", COMPANY)
    Path("service.db.engine.db").write_text("no database", encoding="utf-8")
    shown = call("companies", "resume", COMPANY, code=ExitCode.NOT_REACHED)
    assert f"{COMPANY} is worked for again." in shown
    assert "the engine's database" in shown


def test_what_waits_and_what_is_at_work_is_shown(database: str) -> None:
    causes_of_what_waits(database)  # which ends it
    engine = Engine(f"{database}.engine.db", clock)
    engine.fire(COMPANY, "webhook")
    assert "waiting since 2026-03-01 12:00 UTC" in call("companies", "list")
    (run,) = engine.status().waiting
    engine._runs.begin(run.id, "a worker")
    assert "at work since 2026-03-01 12:00 UTC" in call("companies", "show", COMPANY)
    engine._runs.end(run.id, RunState.DONE, None, successor=None)
    engine.close()
    known = listed()
    assert (known["state"], known["running_since"], known["waiting_since"]) == ("working", None, None)
    assert known["last_run_ended_at"] == "2026-03-01T12:00:00Z"


@pytest.mark.slow
def test_the_trouble_that_a_worker_told_comes_first(database: str) -> None:
    fail_for_good(database)
    remember(database, lambda store: store.trouble(COMPANY, "The ledger cannot be written."))
    assert listed()["trouble"] == "The ledger cannot be written."
    call("companies", "pause", COMPANY)
    assert listed()["state"] == "paused"
