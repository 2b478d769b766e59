"""The commands that name users."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pleo_export.cli import app
from pleo_export.cli.common import ExitCode
from pleo_export.cli.init import settings_text
from tests.store.stores import opened

COMPANY = "5f0c7f4e-1d54-4a6e-9a6b-0d8c1f3a2b10"


def call(*command: str, code: ExitCode = ExitCode.ALL_WELL) -> str:
    result = CliRunner().invoke(app, ["users", *command])
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture(autouse=True)
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service with one company."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLEO_EXPORT_DATABASE_URL", f"sqlite:///{tmp_path}/service.db")
    monkeypatch.setenv("PLEO_EXPORT_PUBLIC_URL", "https://books.example/")
    Path("pleo-export.toml").write_text(settings_text({"pleo.company_id": COMPANY}), encoding="utf-8")
    assert CliRunner().invoke(app, ["companies", "add", "pleo-export.toml"]).exit_code == 0


def roles(name: str) -> object:
    return {user["name"]: user["roles"] for user in json.loads(call("list", "--json"))}[name]


def test_a_user_is_added_with_a_link_to_the_page() -> None:
    shown = call("add", "Ada@Example.com", "--role", "operator", "--company", COMPANY)
    assert "https://books.example/welcome/" in shown
    assert roles("ada@example.com") == {COMPANY: "operator"}
    assert "operator of 5f0c" in call("list")
    call("add", "bo", "--role", "administrator")
    assert roles("bo") == {"*": "administrator"}


@pytest.mark.slow
def test_roles_are_given_and_taken_away() -> None:
    call("add", "ada", "--role", "viewer")
    call("grant", "Ada", "operator", "--company", COMPANY)
    assert roles("ada") == {"*": "viewer", COMPANY: "operator"}
    call("revoke", "ada")
    assert roles("ada") == {COMPANY: "operator"}


def test_a_role_that_nobody_has_is_not_taken_away() -> None:
    call("add", "ada", "--role", "viewer", "--company", COMPANY)
    refused = call("revoke", "Ada", code=ExitCode.WRONG_SETTINGS)
    assert f"ada has no role of every company; the roles are: viewer of {COMPANY}." in refused
    shown = call("revoke", "ada", "--company", COMPANY, "--company", "ghost", code=ExitCode.WRONG_SETTINGS)
    assert f"ada has no role of {COMPANY} any more." in shown
    assert "ada has no role of ghost, nor any other." in shown
    assert roles("ada") == {}


@pytest.mark.slow
def test_a_disabled_user_gets_no_link() -> None:
    call("add", "ada", "--role", "viewer")
    assert "/welcome/" in call("link", "ada")
    call("disable", "ada")
    assert "nothing, disabled" in call("list")
    assert "is disabled" in call("link", "ada", code=ExitCode.WRONG_SETTINGS)
    call("enable", "ada")
    assert "/welcome/" in call("link", "ada")


def test_a_second_factor_is_reset() -> None:
    call("add", "ada", "--role", "viewer")
    assert "Ada signs in with the password alone" in call("reset-second-factor", "Ada")


def test_the_account_at_the_provider_is_forgotten(tmp_path: Path) -> None:
    call("add", "ada@example.com", "--role", "viewer")

    async def sign_in() -> None:
        async with opened(f"sqlite:///{tmp_path}/service.db") as store:
            ada = await store.people.named("ada@example.com")
            assert await store.people.identify(ada.user_id, "https://id.test", "s")

    asyncio.run(sign_in())
    assert "organisation" in call("list")
    assert "signed out everywhere" in call("forget-provider", "Ada@example.com")
    assert "organisation" not in call("list")


@pytest.mark.parametrize(
    "command",
    [
        ("reset-second-factor", "eve"),
        ("forget-provider", "eve"),
        ("add", "a b", "--role", "viewer"),
        ("add", "ada", "--role", "viewer", "--company", "nowhere"),
        ("grant", "eve", "viewer"),
        ("disable", "eve"),
        ("link", "eve"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_added(command: tuple[str, ...]) -> None:
    call(*command, code=ExitCode.WRONG_SETTINGS)
    assert "No user was added yet" in call("list")
