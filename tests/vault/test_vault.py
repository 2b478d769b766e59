"""Secrets at rest: what opens, what does not, and that no message shows a key or a secret."""

import traceback
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pleo_export.vault import Vault, new_key, read_keys
from pleo_export.vault.errors import (
    DamagedSecretError,
    MissingKeyError,
    UnknownKeyError,
    UnusableKeyError,
    VaultError,
)

OLD, NEW = b"o" * 32, b"n" * 32
ABOUT = "0b0f7a52-3a52-4d6f-9a55-2f7d4a3a1c01/oauth"
SECRET = b"refresh-token-0001"


def text(key: bytes) -> str:
    return b64encode(key).decode()


@given(plain=st.binary(max_size=300), about=st.text(st.characters(codec="utf-8"), max_size=80))
def test_what_is_sealed_opens_again(plain: bytes, about: str) -> None:
    vault = Vault([NEW])
    assert vault.open(vault.seal(plain, about), about) == plain


def test_a_sealed_secret_shows_nothing_and_is_never_the_same_twice() -> None:
    vault = Vault([NEW])
    one, other = vault.seal(SECRET, ABOUT), vault.seal(SECRET, ABOUT)
    assert SECRET not in one
    assert one != other


def test_the_newest_key_seals_and_every_key_opens() -> None:
    sealed_before = Vault([OLD]).seal(SECRET, ABOUT)
    rotated = Vault([NEW, OLD])
    assert rotated.open(sealed_before, ABOUT) == SECRET
    assert Vault([NEW]).open(rotated.seal(SECRET, ABOUT), ABOUT) == SECRET


def test_after_resealing_the_old_key_is_not_needed_any_more() -> None:
    sealed_before = Vault([OLD]).seal(SECRET, ABOUT)
    resealed = Vault([NEW, OLD]).reseal(sealed_before, ABOUT)
    assert Vault([NEW]).open(resealed, ABOUT) == SECRET
    assert Vault([NEW, OLD]).reseal(resealed, ABOUT) == resealed


def test_a_secret_cannot_be_moved_to_another_company() -> None:
    vault = Vault([NEW])
    with pytest.raises(DamagedSecretError):
        vault.open(vault.seal(SECRET, ABOUT), "another-company/oauth")


def test_a_secret_under_another_key_is_told_from_a_damaged_one() -> None:
    with pytest.raises(UnknownKeyError):
        Vault([NEW]).open(Vault([OLD]).seal(SECRET, ABOUT), ABOUT)


def test_no_changed_byte_goes_unnoticed() -> None:
    vault = Vault([NEW])
    sealed = vault.seal(SECRET, ABOUT)
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(VaultError):
            vault.open(bytes(changed), ABOUT)


def test_a_secret_cut_at_any_place_is_damaged() -> None:
    vault = Vault([NEW])
    sealed = vault.seal(SECRET, ABOUT)
    for length in range(len(sealed)):
        with pytest.raises(DamagedSecretError):
            vault.open(sealed[:length], ABOUT)


def test_a_new_key_can_be_used_and_is_another_one_each_time() -> None:
    made = new_key()
    (key,) = read_keys(made, "The test")
    assert len(key) == 32
    assert new_key() != made


def test_keys_come_from_the_environment_newest_first() -> None:
    environment = {"PLEO_EXPORT_ENCRYPTION_KEY": f"{text(NEW)}\n{text(OLD)}\n"}
    vault = Vault.from_environment(environment)
    assert vault.open(Vault([OLD]).seal(SECRET, ABOUT), ABOUT) == SECRET
    assert Vault([NEW]).open(vault.seal(SECRET, ABOUT), ABOUT) == SECRET


def test_keys_come_from_a_file_where_the_environment_names_one(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"{text(NEW)}\n{text(OLD)}\n")
    vault = Vault.from_environment({"PLEO_EXPORT_ENCRYPTION_KEY_FILE": str(path)})
    assert vault.open(Vault([OLD]).seal(SECRET, ABOUT), ABOUT) == SECRET


@pytest.mark.parametrize("environment", [{}, {"PLEO_EXPORT_ENCRYPTION_KEY": " \n"}])
def test_a_missing_key_is_said_with_where_to_put_one(environment: dict[str, str]) -> None:
    with pytest.raises(MissingKeyError, match="PLEO_EXPORT_ENCRYPTION_KEY"):
        Vault.from_environment(environment)


def test_a_vault_without_keys_cannot_be_made() -> None:
    with pytest.raises(MissingKeyError):
        Vault([])


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("c2hvcnQ=", "holds a key of 5 bytes"),
        ("my secret pass phrase!", "holds something that is not base64"),
        ("schlüssel", "holds something that is not base64"),
    ],
)
def test_what_is_no_key_is_refused_without_showing_it(line: str, problem: str) -> None:
    with pytest.raises(UnusableKeyError, match=problem) as caught:
        Vault.from_environment({"PLEO_EXPORT_ENCRYPTION_KEY": f"{text(NEW)}\n{line}"})
    shown = "".join(traceback.format_exception(caught.value))
    assert line not in shown
    assert text(NEW) not in shown


@pytest.mark.parametrize(
    ("content", "problem"), [(None, "cannot be read"), (b"", "is empty"), (b"\xff\xfe", "is no key")]
)
def test_an_unusable_key_file_is_named(content: bytes | None, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnusableKeyError, match=problem) as caught:
        Vault.from_environment({"PLEO_EXPORT_ENCRYPTION_KEY_FILE": str(path)})
    assert str(path) in str(caught.value)


def test_neither_the_vault_nor_its_errors_show_a_key_or_a_secret() -> None:
    vault = Vault([NEW])
    with pytest.raises(DamagedSecretError) as caught:
        vault.open(vault.seal(SECRET, ABOUT), "elsewhere")
    shown = "".join([repr(vault), repr(caught.value), *traceback.format_exception(caught.value)])
    for secret in (SECRET.decode(), text(NEW), repr(NEW)):
        assert secret not in shown
