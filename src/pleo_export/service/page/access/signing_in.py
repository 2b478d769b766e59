"""Signing in with name and password: as slow for a wrong name as for a wrong password, and only so often."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from typing import NamedTuple

from fastapi import Request

from pleo_export.service.page.access import passwords, second_factor
from pleo_export.service.page.access.errors import (
    RefusedSignInError,
    TooManyTriesError,
    WeakPasswordError,
    WrongCodeError,
)
from pleo_export.service.page.access.sessions import address_of
from pleo_export.service.page.access.tokens import hashed
from pleo_export.service.page.parts import PageParts
from pleo_export.store.people import Limit
from pleo_export.store.proofs import PasswordProof

FAILURES_COUNT_FOR = timedelta(minutes=15)
NAME_FAILURES_MAX = 5
ADDRESS_FAILURES_MAX = 20

log = logging.getLogger(__name__)


class Proven(NamedTuple):
    """Who it is, and what was shown."""

    user_id: str
    name: str
    proof: PasswordProof


async def sign_in(parts: PageParts, request: Request, name: str, password: str, code: str) -> Proven:
    """Return the user whose name, password and, where there is a second factor, code these are.

    Raises RefusedSignInError, TooManyTriesError, and VaultError where the second factor cannot be read.
    """
    name = _read(name)
    async with counted(parts, request, name):
        user_id, kept = await parts.store.people.password_hash(name) or (None, None)
        if not await passwords.matches(kept, password) or user_id is None or kept is None:
            raise RefusedSignInError
        try:
            strong = await second_factor.identify(parts, user_id, name, code)
        except WrongCodeError as error:
            raise RefusedSignInError from error
    if passwords.is_outdated(kept):
        kept = await _renewed(parts, user_id, name, password, kept)
    return Proven(user_id, name, PasswordProof(kept, strong))


async def _renewed(parts: PageParts, user_id: str, name: str, password: str, old: str) -> str:
    """Return the password's hash as it is made today, and kept: by us, or by who signed in at the same moment."""
    new = await passwords.hash_of(password)
    if await parts.store.people.rehash(user_id, old=old, new=new):
        return new
    _, kept = await parts.store.people.password_hash(name) or (None, None)
    if kept is None or not await passwords.matches(kept, password):
        raise RefusedSignInError
    return kept


@asynccontextmanager
async def counted(parts: PageParts, request: Request, name: str) -> AsyncIterator[None]:
    """Count what the body does as a sign-in that failed, unless it comes to its end. Raises TooManyTriesError."""
    address, now = address_of(request), parts.now()
    by_name, by_address = hashed(f"name {name}"), hashed(f"address {_network(address)}")
    limits = (
        Limit(by_name, NAME_FAILURES_MAX, FAILURES_COUNT_FOR),
        Limit(by_address, ADDRESS_FAILURES_MAX, FAILURES_COUNT_FOR),
    )
    try:
        again = await parts.store.people.try_sign_in(limits, now)
        if again is not None:
            raise TooManyTriesError(again, ceil((again - now).total_seconds()))  # noqa: TRY301 logged as the others
        yield
    except (RefusedSignInError, TooManyTriesError, WrongCodeError) as refusal:
        log.warning("a sign-in from %s was refused: %s", address, type(refusal).__name__)
        raise
    await parts.store.people.sign_in_succeeded(by_name, by_address, now)


def _read(name: str) -> str:
    try:
        return passwords.read_name(name)
    except WeakPasswordError:
        return ""  # nobody's; counted all the same


def _network(address: str) -> str:
    """Return what one person has: an address, or in IPv6 a whole network."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False))
