"""Where calls may go: the API only over TLS or on this machine, files only to the open internet."""

import socket

import pytest

from pleo_export.pleo.addresses import (
    PrivateAddressError,
    PublicResolver,
    UnusableBaseUrlError,
    base_url,
    is_loopback,
    is_public,
)
from pleo_export.pleo.auth import ApiKey, BearerToken, UnusableSecretError


@pytest.mark.parametrize(
    "text",
    [
        "https://external.pleo.io",
        "https://proxy.example/pleo/",
        "http://localhost:8000",
        "http://127.0.0.1:8000",
        "http://127.3.2.1",
        "http://[::1]:8000",
    ],
)
def test_a_base_url_with_tls_or_on_this_machine_is_accepted(text: str) -> None:
    assert base_url(text).host


@pytest.mark.parametrize(
    "text",
    [
        "http://external.pleo.io",
        "http://localhost.example",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "ftp://external.pleo.io",
        "external.pleo.io",
        "https://",
        "https://[::1",
        "https://someone:hidden@external.pleo.io",
        "https://external.pleo.io/?key=hidden",
        "",
    ],
)
def test_any_other_base_url_is_refused_with_the_remedy_and_without_showing_it(text: str) -> None:
    with pytest.raises(UnusableBaseUrlError, match="http only for a host on this machine") as caught:
        base_url(text)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "fd00::1",
        "::ffff:10.0.0.1",
        "::ffff:100.64.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
@pytest.mark.scorecard("F")
def test_private_addresses_are_known_in_every_notation(host: str) -> None:
    assert not is_public(host)


@pytest.mark.parametrize("host", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "files.example"])
def test_public_addresses_and_names_pass(host: str) -> None:
    assert is_public(host)


@pytest.mark.parametrize(("host", "expected"), [("localhost", True), ("::1", True), ("pleo.io", False)])
def test_this_machine_is_recognised(host: str, *, expected: bool) -> None:
    assert is_loopback(host) is expected


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    def getaddrinfo(_host: object, port: int, *_: object, **__: object) -> list[object]:
        kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        return [(*kind, (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.scorecard("F")
async def test_a_name_resolves_to_its_public_addresses_only(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, "10.0.0.1", "1.1.1.1")
    found = await PublicResolver().resolve("files.example", 443)
    assert [result["host"] for result in found] == ["1.1.1.1"]


@pytest.mark.scorecard("F")
async def test_a_name_without_a_public_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, "10.0.0.1")
    with pytest.raises(PrivateAddressError):
        await PublicResolver().resolve("files.example", 443)


@pytest.mark.parametrize("kind", [ApiKey, BearerToken])
def test_a_credential_never_shows_its_secret(kind: type[ApiKey | BearerToken]) -> None:
    assert "plp_demo" not in f"{kind('plp_demo')!r} {kind('plp_demo')}"


@pytest.mark.parametrize("kind", [ApiKey, BearerToken])
@pytest.mark.parametrize("secret", ["", "two words", "line\r\nX-Evil: 1", "schlüssel", " plp_demo"])
def test_a_secret_that_cannot_be_sent_is_refused_without_showing_it(
    kind: type[ApiKey | BearerToken], secret: str
) -> None:
    with pytest.raises(UnusableSecretError) as caught:
        kind(secret)
    assert not secret or secret not in str(caught.value)
