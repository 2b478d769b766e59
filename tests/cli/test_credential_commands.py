"""`companies`, `credentials` and `webhooks`: what they leave behind, also where something is missing on the way."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlsplit
from urllib.request import HTTPRedirectHandler, build_opener
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from pleo_export.cli import app
from pleo_export.cli.common import ExitCode
from pleo_export.cli.credentials import GIVEN_ANEW
from pleo_export.service import kinds as service_kinds
from pleo_export.service.companies import Companies
from pleo_export.service.kinds import API_KEY, CONNECTING, OAUTH
from pleo_export.service.opening import opened
from pleo_export.service.settings import ServiceSettings
from pleo_export.store.second_factors import KIND
from pleo_export.vault import Vault, new_key
from pleo_export.vault.keys import read_keys
from tests.cli.desk import Desk
from tests.store.stores import NOON
from tests.store.stores import opened as opened_store

PUBLIC = "http://localhost:8480"


class Backstage(Desk):
    """A desk with a service's store."""

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder, url, str(uuid4()))
        client = self.pleo.register_client("Ours", f"{PUBLIC}/oauth/callback", ["export-jobs:read"])
        self.env = {
            "PLEO_EXPORT_DATABASE_URL": f"sqlite:///{folder}/service.db",
            "PLEO_EXPORT_ENCRYPTION_KEY": new_key(),
            "PLEO_EXPORT_PUBLIC_URL": PUBLIC,
            "PLEO_EXPORT_OAUTH_SERVER": url,
            "PLEO_EXPORT_OAUTH_SCOPES": "export-jobs:read",
            "PLEO_EXPORT_OAUTH_CLIENT_ID": client["clientId"],
            "PLEO_EXPORT_OAUTH_CLIENT_SECRET": client["clientSecret"],
        }
        self.key_file = folder / "api-key"
        self.key_file.write_text(f"{self.key}\n", encoding="utf-8")

    def say(self, *command: str, env: Mapping[str, str] | None = None) -> Result:
        return CliRunner().invoke(app, command, env=self.env if env is None else env)

    def do(self, *command: str) -> str:
        done = self.say(*command)
        assert done.exit_code == 0, done.stderr
        return done.stdout

    def add(self, *options: str) -> Result:
        return self.say("companies", "add", str(self.settings), *options)

    def connect(self) -> None:
        """Connect the company as a person does, with a browser."""
        self.pleo.consent(self.company_id)
        address = self.do("credentials", "connect", self.company_id).strip()
        with pytest.raises(HTTPError) as sent_back:
            build_opener(Stays).open(address)
        query = dict(parse_qsl(urlsplit(sent_back.value.headers["Location"]).query))
        sent_back.value.close()
        asyncio.run(self._finish(query))

    async def _finish(self, query: Mapping[str, str]) -> None:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.env.items():
                patch.setenv(name, value)
            async with opened(ServiceSettings()) as (_, companies, connecting):
                assert await connecting.finish(query, companies.pleo_url) == self.company_id

    def calls(self, method: str, path: str) -> int:
        """How many such calls Pleo has accepted for the company."""
        return sum(
            (entry["method"], entry["path"], entry["companyId"]) == (method, path, self.company_id)
            and entry["status"] < 300
            for entry in self.pleo.audit()
        )


class Stays(HTTPRedirectHandler):
    """Goes nowhere by itself."""

    def redirect_request(self, *_: object) -> None:
        return None


@pytest.fixture
def backstage(simulator_url: str, tmp_path: Path) -> Backstage:
    return Backstage(tmp_path, simulator_url)


@pytest.mark.slow
def test_ctrl_c_while_the_subscription_is_taken_back_removes_nothing(
    backstage: Backstage, monkeypatch: pytest.MonkeyPatch
) -> None:
    backstage.add("--api-key-file", str(backstage.key_file))

    async def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("pleo_export.cli.webhooks.remove_subscriptions", interrupted)
    stopped = backstage.say("companies", "remove", backstage.company_id)
    assert stopped.exit_code == ExitCode.STOPPED
    assert "was removed" not in stopped.stdout
    monkeypatch.undo()
    assert backstage.company_id in backstage.do("companies", "list")


def test_an_authorisation_server_that_cannot_be_used_is_named_by_its_variable(backstage: Backstage) -> None:
    env = backstage.env | {"PLEO_EXPORT_OAUTH_SERVER": "http://auth.staging.example"}
    refused = backstage.say("companies", "list", env=env)
    assert refused.exit_code == ExitCode.WRONG_SETTINGS
    assert "PLEO_EXPORT_OAUTH_SERVER" in refused.stderr


def test_where_no_company_was_added_a_check_says_where_it_looked(backstage: Backstage) -> None:
    for command in (("check",), ("webhooks", "ensure")):
        refused = backstage.say(*command)
        assert refused.exit_code == ExitCode.WRONG_SETTINGS
        assert "service.db: pleo-export companies add FILE" in refused.stderr


def test_a_company_whose_key_cannot_be_kept_is_not_added_either(backstage: Backstage) -> None:
    key = ("--api-key-file", str(backstage.key_file))
    backstage.env["PLEO_EXPORT_ENCRYPTION_KEY"], encryption_key = (
        "",
        backstage.env["PLEO_EXPORT_ENCRYPTION_KEY"],
    )
    refused = backstage.add(*key)
    assert (refused.exit_code, "no encryption key" in refused.stderr) == (ExitCode.WRONG_SETTINGS, True)
    backstage.env["PLEO_EXPORT_ENCRYPTION_KEY"] = encryption_key
    assert backstage.add(*key).exit_code == 0


@pytest.mark.slow
def test_a_company_that_is_there_already_keeps_its_key(backstage: Backstage) -> None:
    backstage.add("--api-key-file", str(backstage.key_file))
    backstage.key_file.write_text("plp_another", encoding="utf-8")
    assert backstage.add("--api-key-file", str(backstage.key_file)).exit_code == ExitCode.WRONG_SETTINGS
    assert "created" in backstage.do("webhooks", "ensure")


@pytest.mark.parametrize("text", ["", "two words", "nøgle"])
def test_a_key_that_cannot_be_sent_is_refused_at_once_and_not_shown(backstage: Backstage, text: str) -> None:
    backstage.add()
    backstage.key_file.write_text(text, encoding="utf-8")
    refused = backstage.say("credentials", "set-api-key", backstage.company_id, str(backstage.key_file))
    assert (refused.exit_code, "cannot be sent" in refused.stderr) == (ExitCode.WRONG_SETTINGS, True)
    assert not text or text not in refused.stderr


@pytest.mark.slow
def test_an_api_key_takes_the_place_of_a_connection_by_oauth(backstage: Backstage) -> None:
    backstage.add()
    backstage.connect()
    said = backstage.do("credentials", "set-api-key", backstage.company_id, str(backstage.key_file))
    assert "Its connection by OAuth was ended." in said
    assert backstage.calls("DELETE", "/v1/installations/me") == 1
    tokens = backstage.calls("POST", "/oauth/token")
    assert "created" in backstage.do("webhooks", "ensure")
    assert backstage.calls("POST", "/oauth/token") == tokens


@pytest.mark.slow
def test_a_connection_is_ended_once(backstage: Backstage) -> None:
    backstage.add()
    backstage.connect()
    assert "was ended" in backstage.do("credentials", "disconnect", backstage.company_id)
    assert "is not connected" in backstage.do("credentials", "disconnect", backstage.company_id)
    assert backstage.calls("DELETE", "/v1/installations/me") == 1


@pytest.mark.slow
def test_a_company_that_leaves_takes_its_connection_along_even_one_that_pleo_has_ended(
    backstage: Backstage,
) -> None:
    backstage.add()
    backstage.connect()
    assert "was ended" in backstage.do("companies", "remove", backstage.company_id)
    assert backstage.calls("DELETE", "/v1/installations/me") == 1
    backstage.add()
    backstage.connect()
    backstage.pleo.disconnect(backstage.company_id)
    assert "not ended in Pleo" in backstage.do("companies", "remove", backstage.company_id)
    assert "is not connected" in backstage.do("credentials", "disconnect", backstage.company_id)


@pytest.mark.slow
def test_one_companys_trouble_keeps_no_other_from_its_subscription(
    backstage: Backstage, simulator_url: str, tmp_path: Path
) -> None:
    backstage.add("--api-key-file", str(backstage.key_file))
    others = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        others.append(other := Backstage(tmp_path / name, simulator_url))
        other.env |= {
            key: backstage.env[key] for key in ("PLEO_EXPORT_DATABASE_URL", "PLEO_EXPORT_ENCRYPTION_KEY")
        }
        other.key_file.write_text("plp_nobodys", encoding="utf-8")
        other.add("--api-key-file", str(other.key_file))
    ensured = backstage.say("webhooks", "ensure")
    assert ensured.exit_code == ExitCode.SOMETHING_FAILED
    assert f"{backstage.company_id}: subscription created" in ensured.stdout
    for other in others:
        assert f"{other.company_id}: Pleo did not accept the credential" in ensured.stderr
    alone = backstage.say("webhooks", "ensure", others[0].company_id)
    assert alone.exit_code == ExitCode.NOT_REACHED


def test_connecting_without_a_registration_says_what_is_missing(backstage: Backstage) -> None:
    backstage.add()
    backstage.env["PLEO_EXPORT_OAUTH_CLIENT_ID"] = ""
    refused = backstage.say("credentials", "connect", backstage.company_id)
    assert refused.exit_code == ExitCode.WRONG_SETTINGS
    assert "PLEO_EXPORT_OAUTH_CLIENT_ID" in refused.stderr


def test_rotating_goes_on_past_what_it_cannot_open_and_says_what_to_do(backstage: Backstage) -> None:
    backstage.add("--api-key-file", str(backstage.key_file))
    old, lost, new = backstage.env["PLEO_EXPORT_ENCRYPTION_KEY"], new_key(), new_key()
    database = backstage.env["PLEO_EXPORT_DATABASE_URL"]

    async def keep() -> None:
        vault = Vault(read_keys(lost, "the lost key"))
        async with opened_store(database) as store:
            ada = await store.people.add("ada", {}, NOON)
            for place, kind in ((backstage.company_id, OAUTH), (ada, KIND), ("connecting x", CONNECTING)):
                await store.keep_secret(place, kind, vault.seal(b"secret", f"{place} {kind}"))

    async def api_key() -> str | None:
        async with opened_store(database) as store:
            return await Companies(store, Vault(read_keys(new, "new"))).secret(backstage.company_id, API_KEY)

    asyncio.run(keep())
    backstage.env["PLEO_EXPORT_ENCRYPTION_KEY"] = f"{new} {old}"
    told = backstage.say("credentials", "rotate")
    assert (told.exit_code, told.stdout) == (ExitCode.SOMETHING_FAILED, "1 secrets were encrypted anew.\n")
    assert "2 could not be opened:" in told.stderr
    assert f"{backstage.company_id}, {OAUTH}: A stored secret was encrypted with another key." in told.stderr
    assert f"If that cannot be: pleo-export credentials connect {backstage.company_id}\n" in told.stderr
    assert "pleo-export users reset-second-factor ada\n" in told.stderr
    assert "connecting" not in told.stderr
    assert asyncio.run(api_key()) == backstage.key
    backstage.env["PLEO_EXPORT_ENCRYPTION_KEY"] = f"{new} {old} {lost}"
    assert backstage.do("credentials", "rotate") == "3 secrets were encrypted anew.\n"


def test_there_is_a_way_to_give_every_secret_anew() -> None:
    kinds = {value for name, value in vars(service_kinds).items() if name.isupper()} | {KIND}
    assert set(GIVEN_ANEW) == kinds - {CONNECTING}


def test_rotating_with_a_key_that_is_none_says_so(backstage: Backstage) -> None:
    backstage.env["PLEO_EXPORT_ENCRYPTION_KEY"] = "short"
    refused = backstage.say("credentials", "rotate")
    assert refused.exit_code == ExitCode.WRONG_SETTINGS
    assert "PLEO_EXPORT_ENCRYPTION_KEY" in refused.stderr
