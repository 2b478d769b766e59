"""The service beside a simulated Pleo: webhook, polling and button, and what a stop leaves behind."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from pleo_export.clock import SystemClock
from pleo_export.engine import Engine
from pleo_export.service.opening import engine_url
from pleo_export.simulator.hands import simulator_process
from pleo_export.vault import new_key
from tests.e2e.connected import connect, registered
from tests.e2e.service_process import Service, call, environment, free_port, running, until
from tests.e2e.story import API_KEY, COMPANY_ID, Story, assert_ledger_clean, events_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
UNAUTHORISED = 401
SELDOM = "1000"  # minutes: polling plays no part


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    with simulator_process() as url:
        yield Story(tmp_path, url)


@pytest.fixture
def env(tmp_path: Path) -> Mapping[str, str]:
    return environment(tmp_path, PLEO_EXPORT_API_KEY=API_KEY, PLEO_EXPORT_POLL_MINUTES=SELDOM)


def serve(story: Story) -> list[str]:
    return ["serve", "--settings", str(story.settings)]


def completed(story: Story, job_id: str) -> bool:
    return bool(story.job(job_id)["status"] == "completed")


def at_rest(env: Mapping[str, str]) -> bool:
    """Whether no run waits, and none is at work."""
    with closing(Engine(engine_url(env["PLEO_EXPORT_DATABASE_URL"]), SystemClock().now)) as engine:
        status = engine.status()
    return not (status.waiting or status.running)


@pytest.mark.scorecard("D")
def test_a_job_that_waited_is_found_at_the_start_and_a_later_one_by_polling_alone(
    story: Story, env: Mapping[str, str], tmp_path: Path
) -> None:
    first = story.press_export(story.expenses(5, seed=1))
    with running(serve(story), {**env, "PLEO_EXPORT_POLL_MINUTES": "0.05"}, tmp_path) as service:
        until(lambda: completed(story, first), "the first job")
        second = story.press_export(story.expenses(5, seed=2))
        until(lambda: completed(story, second), "the second job")
        assert 'state="well"' in service.text("/metrics")
    assert len(story.entry_files()) == 10
    assert_ledger_clean(story.books)
    assert API_KEY not in service.said()


def test_the_button_of_the_command_line_finds_a_job_at_once(
    story: Story, env: Mapping[str, str], tmp_path: Path
) -> None:
    with running(serve(story), env, tmp_path):
        call(env, "check")  # whatever the start looks for is over when this run is
        job = story.press_export(story.expenses(3))
        until(lambda: "noted" in call(env, "check", COMPANY_ID), "a run of its own")
        until(lambda: completed(story, job), "the job")


@pytest.mark.scorecard("D")
def test_pressing_export_reaches_the_service_through_pleos_webhook(
    story: Story, env: Mapping[str, str], tmp_path: Path
) -> None:
    port = free_port()
    keyed = {
        **env,
        "PLEO_EXPORT_ENCRYPTION_KEY": new_key(),
        "PLEO_EXPORT_PUBLIC_URL": f"http://127.0.0.1:{port}",
    }
    with running(serve(story), keyed, tmp_path, port=port) as service:
        assert "created" in call(keyed, "webhooks", "ensure")
        assert "unchanged" in call(keyed, "webhooks", "ensure")
        job = story.press_export(story.expenses(3))
        until(lambda: completed(story, job), "the job")
        assert 'result="taken"' in service.text("/metrics")
        assert "1 subscriptions removed" in call(keyed, "companies", "remove", COMPANY_ID)


@pytest.mark.scorecard("D")
def test_webhooks_that_come_late_twice_in_disorder_or_forged_end_with_each_expense_once(
    story: Story, env: Mapping[str, str], tmp_path: Path
) -> None:
    port, ids = free_port(), story.expenses(6)
    keyed = {
        **env,
        "PLEO_EXPORT_ENCRYPTION_KEY": new_key(),
        "PLEO_EXPORT_PUBLIC_URL": f"http://127.0.0.1:{port}",
    }
    with running(serve(story), keyed, tmp_path, port=port) as service:
        call(keyed, "webhooks", "ensure")
        call(keyed, "check")  # whatever the start looks for is over when this run is
        story.bookkeeper.webhooks(duplicates=3, delaySeconds=0.2, disorderSeconds=1, retrySeconds=[])
        for job in [story.press_export([one]) for one in ids[:4]]:
            until(partial(completed, story, job), "the jobs whose webhooks are late")
        until(lambda: story.bookkeeper.deliveries()["unsettled"] == 0, "the last duplicate")
        until(lambda: at_rest(keyed), "the last run that one of them was taken for")
        story.bookkeeper.webhooks(duplicates=0, delaySeconds=0, disorderSeconds=0, wrongSignature=True)
        unheard = story.press_export([ids[4]])
        until(lambda: story.bookkeeper.deliveries()["unsettled"] == 0, "the forged one")
        assert story.bookkeeper.deliveries()["attempts"][-1]["status"] == UNAUTHORISED
        assert story.job(unheard)["status"] == "pending"
        story.bookkeeper.webhooks(wrongSignature=False)
        heard = story.press_export([ids[5]])
        until(lambda: completed(story, heard), "the job that was heard of, behind the other")
        # Made in the same second, the other one may be the first of the two.
        until(lambda: completed(story, unheard), "the job that nobody was told of")
        assert 'result="taken"' in service.text("/metrics")
    assert {one: len(paths) for one, paths in story.entry_files().items()} == dict.fromkeys(ids, 1)


@pytest.mark.scorecard("E")
def test_a_connection_that_was_lost_says_reconnect_asks_pleo_no_more_and_is_mended_by_connecting(
    story: Story, env: Mapping[str, str], tmp_path: Path
) -> None:
    port = free_port()
    connected = registered(story, {**env, "PLEO_EXPORT_POLL_MINUTES": "0.02"}, port)

    def asked() -> int:
        return sum(entry["path"] == "/oauth/token" for entry in story.audit())

    def runs(service: Service) -> int:
        """How many runs have ended, as their log tells."""
        return service.said().count("Connect the company to Pleo again")

    with running(serve(story), connected, tmp_path, port=port) as service:
        connect(connected)
        story.bookkeeper.tokens(loseAnswers=1)
        story.bookkeeper.advance(24 * 3600)  # the access token has ended
        until(lambda: "in trouble" in call(connected, "companies", "list"), "the trouble")
        shown = call(connected, "companies", "show", COMPANY_ID)
        assert "the answer to a refresh was lost" in shown
        assert "Connect the company to Pleo again" in shown
        before, told = asked(), runs(service)
        until(lambda: runs(service) >= told + 3, "more looks at the company")
        assert asked() == before
        connect(connected)
        job = story.press_export(story.expenses(3))
        until(lambda: completed(story, job), "the job")
        until(lambda: "working" in call(connected, "companies", "list"), "the end of the trouble")


def test_a_company_is_connected_by_oauth_and_its_tokens_are_renewed(
    story: Story, env: Mapping[str, str], tmp_path: Path
) -> None:
    port = free_port()
    connected = registered(story, env, port)
    story.bookkeeper.tokens(accessTokenSeconds=2)
    with running(serve(story), connected, tmp_path, port=port) as service:
        connect(connected)
        for seed in (1, 2):
            job = story.press_export(story.expenses(3, seed=seed))
            call(connected, "check", COMPANY_ID)
            until(lambda job=job: completed(story, job), "the job")  # type: ignore[misc]
        until(lambda: bool(call(connected, "check")) and story.bookkeeper.refreshes() > 0, "a refresh")
        said = service.said()
    assert connected["PLEO_EXPORT_OAUTH_CLIENT_SECRET"] not in said
    assert "Bearer" not in said
    assert b"access" not in (tmp_path / "service.db").read_bytes()


def test_a_stop_in_the_middle_of_a_job_finishes_what_is_in_hand_and_the_next_start_the_rest(
    story: Story, env: Mapping[str, str], tmp_path: Path
) -> None:
    ids = story.expenses(150)
    job = story.press_export(ids)
    with running(serve(story), env, tmp_path):
        until(lambda: len(story.entry_files()) > 5, "the first entries")
    done = len(story.entry_files())
    assert done < 150
    with running(serve(story), env, tmp_path):
        until(lambda: completed(story, job), "the rest")
    assert set(story.entry_files()) == set(ids)
    assert events_of(story.audit(), job) == Counter(started=1, completed=1)


def test_a_kill_in_the_middle_of_a_job_costs_nothing(
    story: Story, env: Mapping[str, str], tmp_path: Path
) -> None:
    ids = story.expenses(150)
    job = story.press_export(ids)
    with running(serve(story), env, tmp_path) as service:
        until(lambda: len(story.entry_files()) > 5, "the first entries")
        service.kill()
    with running(serve(story), env, tmp_path):
        until(lambda: completed(story, job), "the rest")
    assert {reference: len(paths) for reference, paths in story.entry_files().items()} == dict.fromkeys(
        ids, 1
    )
    assert events_of(story.audit(), job) == Counter(started=1, completed=1)


def test_companies_are_added_paused_and_removed(story: Story, env: Mapping[str, str], tmp_path: Path) -> None:
    assert "was added" in call(env, "companies", "add", str(story.settings), "--name", "Story ApS")
    assert "working" in call(env, "companies", "list")
    assert "paused" in call(env, "companies", "pause", COMPANY_ID)
    job = story.press_export(story.expenses(3))
    with running(["serve"], env, tmp_path):
        call(env, "companies", "resume", COMPANY_ID)
        call(env, "check", COMPANY_ID)
        until(lambda: completed(story, job), "the job of the resumed company")
    assert "was removed" in call(env, "companies", "remove", COMPANY_ID)
    assert COMPANY_ID not in call(env, "companies", "list", "--json")


def test_a_company_in_trouble_says_what_and_since_when_and_goes_on_by_itself(
    story: Story, env: Mapping[str, str], tmp_path: Path
) -> None:
    key = tmp_path / "key.txt"
    key.write_text("plp_another_key")
    story.write_settings({"pleo.api_key_file": str(key)})
    without_key = {name: value for name, value in env.items() if name != "PLEO_EXPORT_API_KEY"}
    call(without_key, "companies", "add", str(story.settings))
    job = story.press_export(story.expenses(3))
    with running(["serve"], {**without_key, "PLEO_EXPORT_POLL_MINUTES": "0.05"}, tmp_path):
        until(lambda: "in trouble" in call(env, "companies", "list"), "the trouble")
        assert "since" in call(env, "companies", "show", COMPANY_ID)
        key.write_text(API_KEY)
        until(lambda: completed(story, job), "the job")
        until(lambda: "working" in call(env, "companies", "list"), "the end of the trouble")
