"""E-mail through real servers: TLS, STARTTLS, logins, and servers that refuse or are away."""

import logging
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from pleo_export.cli.init import settings_text
from pleo_export.config import SettingsError, parse_settings
from pleo_export.domain.catalogue import Cause
from pleo_export.service.settings import ServiceSettings
from pleo_export.service.telling.errors import MailError
from pleo_export.service.telling.mail import send_mail
from pleo_export.service.telling.messages import Message
from pleo_export.service.telling.set_up import mail_server as read_url
from pleo_export.service.telling.telling import pause_after
from tests.service.telling_scene import (
    ADDRESS,
    COMPANY,
    JOB,
    NAME,
    PAGE,
    PASSWORD,
    SECRET,
    Certificate,
    Post,
    Scene,
    certificate,
    mail_server,
    scene,
)
from tests.store.stores import NOON

OTHER = "ada@example.com"
NOTIFY = f'email = ["{ADDRESS}"]'
LOGIN = "bot%40example.com:p%40ss%2Fword@"
SENDER = "pleo-export@example.org"


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificate:
    made = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.authority))
    return made


def by_mail(post: Post | int, url: str = "smtp://127.0.0.1:{port}") -> dict[str, Any]:
    port = post if isinstance(post, int) else post.port
    return {"smtp_url": SecretStr(url.format(port=port)), "mail_from": SENDER}


async def fail_and_look(opened: Scene) -> None:
    await opened.fail_job(Cause.NO_LINES, Cause.NO_LINES, recorded=1, total="EUR 71.20")
    await opened.telling.look()


@pytest.mark.slow
async def test_each_person_gets_one_mail_that_says_what_failed_and_where_to_look(tmp_path: Path) -> None:
    async with mail_server() as post:
        notify = f'email = ["{ADDRESS}", "{OTHER}"]'
        async with scene(tmp_path, notify, **by_mail(post)) as opened:
            await fail_and_look(opened)
            await opened.telling.look()
    assert sorted(to for to, _ in post.taken) == [[OTHER], [ADDRESS]]
    mail = post.taken[0][1]
    assert mail["Subject"] == f"Export of {NAME} ended with failures"
    assert mail["From"] == f"pleo-export <{SENDER}>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().replace("\r\n", "\n") == (
        f"Export job {JOB} of {NAME} ended with failures.\n\n"
        "3 expenses: 1 recorded, 2 failed.\n\n"
        "2 x Pleo sent this expense of … without any line, so there is nothing to book.\n"
        "    Open it in Pleo, choose a category and export it again.\n\n"
        f"See {PAGE}/companies/{COMPANY}/jobs/{JOB}\n"
    )


BREAKS = ("\r\n", "\n", "\r", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029")


async def test_a_name_with_line_breaks_adds_nothing_to_the_head_of_a_mail_and_begins_no_other(
    tmp_path: Path,
) -> None:
    lines = ("Bcc: eve@evil.test", "", ".", "RCPT TO:<eve@evil.test>")
    name = "Acme" + "".join(f"{end}{line}" for end in BREAKS for line in lines)
    async with (
        mail_server() as post,
        scene(tmp_path, NOTIFY, name, **by_mail(post)) as opened,
    ):
        await fail_and_look(opened)
        assert await opened.problems() == [None]
    ((to, mail),) = post.taken
    assert to == [ADDRESS]
    assert set(mail.keys()) == {
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"),
        *("Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
    }
    assert mail["Subject"].startswith("Export of Acme Bcc: eve@evil.test . RCPT TO:")


@pytest.mark.parametrize("field", ["subject", "receiver", "sender"])
def test_a_head_that_would_hold_two_lines_is_not_sent_at_all(field: str) -> None:
    """Before anything is called: nobody listens there."""
    given = {"subject": "s", "receiver": ADDRESS, "sender": SENDER} | {
        field: "a@example.com\r\nBcc: eve@evil.test"
    }
    message = Message(
        id="msg_1", about="a job", type="job.ended", at=NOON, subject=given["subject"], text="t", data={}
    )
    with pytest.raises(MailError, match="cannot be given"):
        send_mail(read_url("smtp://127.0.0.1:9"), given["sender"], given["receiver"], message)


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize(
    ("url", "implicit"),
    [(f"smtp://{LOGIN}127.0.0.1:{{port}}?starttls", False), (f"smtps://{LOGIN}127.0.0.1:{{port}}", True)],
)
async def test_it_logs_in_over_tls(tmp_path: Path, trusted: Certificate, url: str, *, implicit: bool) -> None:
    async with (
        mail_server(trusted.context, implicit=implicit) as post,
        scene(tmp_path, NOTIFY, **by_mail(post, url)) as opened,
    ):
        await fail_and_look(opened)
        assert await opened.problems() == [None]
    assert [to for to, _ in post.taken] == [[ADDRESS]]


async def test_a_login_that_is_refused_is_told_and_tried_again(tmp_path: Path, trusted: Certificate) -> None:
    async with mail_server(trusted.context) as post:
        wrong = by_mail(post, "smtp://bot:wrong-one@127.0.0.1:{port}?starttls")
        async with scene(tmp_path, NOTIFY, **wrong) as opened:
            await fail_and_look(opened)
            assert await opened.problems() == ["The mail server did not accept the login (535)."]
            (note,) = await opened.store.notifications.kept(COMPANY)
            assert note.next_at == opened.clock.now() + pause_after(1)
    assert post.taken == []


async def test_a_server_that_nobody_vouches_for_gets_no_password(tmp_path: Path) -> None:
    async with mail_server(certificate(tmp_path).context) as post:
        url = f"smtp://{LOGIN}127.0.0.1:{{port}}?starttls"
        async with scene(tmp_path, NOTIFY, **by_mail(post, url)) as opened:
            await fail_and_look(opened)
            (problem,) = await opened.problems()
    assert problem is not None
    assert problem.startswith("The mail server could not be trusted")


async def test_a_server_without_starttls_gets_no_mail(tmp_path: Path) -> None:
    async with (
        mail_server() as post,
        scene(tmp_path, NOTIFY, **by_mail(post, "smtp://127.0.0.1:{port}?starttls")) as opened,
    ):
        await fail_and_look(opened)
        assert await opened.problems() == [
            "The mail server lacks what its address asks for: STARTTLS, or a login."
        ]
    assert post.taken == []


@pytest.mark.slow
async def test_a_server_that_is_away_gets_the_same_mail_when_it_is_back(tmp_path: Path) -> None:
    async with mail_server() as post:
        port = post.port
    async with scene(tmp_path, NOTIFY, **by_mail(port)) as opened:
        await fail_and_look(opened)
        (away,) = await opened.problems()
        assert away == "The mail server could not be reached, or hung up (ConnectionRefusedError)."
        async with mail_server(port=port) as back:
            back.refusal = f"451 {ADDRESS} try later"
            await opened.pass_time(pause_after(1))
            assert await opened.problems() == ["The mail server refused the message (451)."]
            back.refusal = None
            await opened.pass_time(pause_after(2))
    ((_, mail),) = back.taken
    assert mail["Message-ID"].startswith("<msg_")
    assert mail["Message-ID"].endswith("@example.org>")


@pytest.mark.slow
async def test_one_who_is_not_known_there_keeps_nobody_else_from_being_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with mail_server() as post:
        post.unknown.add(OTHER)
        async with scene(tmp_path, f'email = ["{OTHER}", "{ADDRESS}"]', **by_mail(post)) as opened:
            await fail_and_look(opened)
            await opened.pass_time(pause_after(1))
            assert await opened.problems() == ["The mail server did not take the receiver (550).", None]
    assert [to for to, _ in post.taken] == [[ADDRESS]]
    ours = [line.getMessage() for line in caplog.records if line.name.startswith("pleo_export")]
    assert len(ours) == 3
    assert "example.com" not in "\n".join(ours)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1",
        "smtp://",
        "smtp://host:port",
        "smtp://user:hidden@mail.example.com:587",
        "smtp://user:hidden@mail.example.com:587?tls",
        "smtps://user:hid/den@mail.example.com",
    ],
)
def test_an_address_of_a_mail_server_that_cannot_be_used_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ServiceSettings(smtp_url=SecretStr(url))
    (error,) = refused.value.errors()
    assert not any(hidden in error["msg"] for hidden in ("hidden", "hid/den", "mail.example.com"))


def test_an_address_of_a_mail_server_is_read() -> None:
    server = read_url(f"smtps://{LOGIN}mail.example.com")
    assert (server.host, server.port, server.tls, server.starttls) == ("mail.example.com", 465, True, False)
    assert (server.user, server.password) == ("bot@example.com", PASSWORD)
    assert PASSWORD not in repr(server)
    assert read_url("smtp://mail.example.com?starttls").port == 587


@pytest.mark.parametrize("secret", ["whsec_", "whsec_c2hvcnQ=", "not base64", SECRET.removeprefix("whsec_")])
def test_a_secret_that_signs_nothing_is_refused(secret: str) -> None:
    with pytest.raises(ValidationError, match="must be whsec_ and 24 to 64 bytes"):
        ServiceSettings(notify_secret=SecretStr(secret))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('webhook_url = "http://hooks.example.com/hidden"', "must begin with https:// and a host"),
        ('webhook_url = "https://10.0.0.7/hidden"', "leads into a private network"),
        ('webhook_url = "https://[fd00::1]/hidden"', "leads into a private network"),
        ('webhook_url = "https://me:hidden@hooks.example.com"', "must hold neither a name"),
        ('email = ["Ada hidden <ada@example.com>"]', "must be a list of e-mail addresses, without names"),
        ('email = ["ada@example.com\\nBcc: hidden@example.com"]', "must be a list of e-mail addresses"),
    ],
)
def test_a_receiver_that_may_not_be_is_refused_and_not_shown(tmp_path: Path, line: str, problem: str) -> None:
    text = settings_text({"pleo.company_id": "5f0c7f4e-1d54-4a6e-9a6b-0d8c1f3a2b10"})
    text = text.replace("[notify]", f"[notify]\n{line}")
    with pytest.raises(SettingsError, match=problem) as refused:
        parse_settings(text, tmp_path / "pleo-export.toml")
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["https://hooks.example.com/x?y=z", "http://127.0.0.1:9/x", "http://localhost/x"]
)
def test_a_receiver_is_reached_over_https_or_on_this_machine(tmp_path: Path, url: str) -> None:
    text = settings_text({"pleo.company_id": "5f0c7f4e-1d54-4a6e-9a6b-0d8c1f3a2b10"})
    text = text.replace("[notify]", f'[notify]\nwebhook_url = "{url}"')
    assert parse_settings(text, tmp_path / "pleo-export.toml").notify.webhook_url == url


@pytest.mark.parametrize("sender", ["a..b@example.com", "a;b@example.com", "ä@example.com"])
def test_a_sender_that_no_mail_can_have_is_told_and_nothing_is_sent(sender: str) -> None:
    message = Message(id="msg_1", about="a job", type="job.ended", at=NOON, subject="s", text="t", data={})
    with pytest.raises(MailError, match="sender"):
        send_mail(read_url("smtp://127.0.0.1:9"), sender, "ada@example.com", message)
