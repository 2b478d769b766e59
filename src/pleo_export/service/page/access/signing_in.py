"""Signing in with name and password: as slow for a wrong name as for a wrong password, and only so often."""

from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil

from pleo_export.service.page.access import passwords
from pleo_export.service.page.access.errors import (
    RefusedSignInError,
    TooManyTriesError,
    WeakPasswordError,
)
from pleo_export.service.page.access.tokens import hashed
from pleo_export.service.page.parts import PageParts
from pleo_export.store.people import Limit

FAILURES_COUNT_FOR = timedelta(minutes=15)
NAME_FAILURES_MAX = 5
ADDRESS_FAILURES_MAX = 20


async def sign_in(parts: PageParts, name: str, password: str, address: str) -> tuple[str, str]:
    """Return the id and the name of the user whose name and password these are; `address` is where they come from.

    Raises RefusedSignInError, TooManyTriesError.
    """
    name, now = _read(name), parts.now()
    by_name, by_address = hashed(f"name {name}"), hashed(f"address {_network(address)}")
    limits = (
        Limit(by_name, NAME_FAILURES_MAX, FAILURES_COUNT_FOR),
        Limit(by_address, ADDRESS_FAILURES_MAX, FAILURES_COUNT_FOR),
    )
    again = await parts.store.people.try_sign_in(limits, now)
    if again is not None:
        raise TooManyTriesError(again, ceil((again - now).total_seconds()))
    user_id, kept = await parts.store.people.password_hash(name) or (None, None)
    if not await passwords.matches(kept, password) or user_id is None or kept is None:
        raise RefusedSignInError
    await parts.store.people.sign_in_succeeded(by_name, by_address, now)
    if passwords.is_outdated(kept):
        await parts.store.people.rehash(user_id, old=kept, new=await passwords.hash_of(password))
    return user_id, name


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
