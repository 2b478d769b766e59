"""Which addresses may be called: API calls need TLS except on this machine, file links must not lead inside."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

# Addresses that carry an IPv4 address inside: a gateway would lead them to where that one leads.
_WRAPPERS = (ip_network("64:ff9b::/96"), ip_network("2002::/16"))


class UnusableBaseUrlError(ValueError):
    """The base URL cannot be used. The message never shows it, as it might hold a password."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(
            f"The Pleo base URL {problem}. Use https://external.pleo.io, or http only for a host on this machine "
            "(localhost, 127.0.0.1, ::1)."
        )


class PrivateAddressError(OSError):
    """A name leads to no public address."""

    def __init__(self) -> None:
        super().__init__("the host has no public address")


def base_url(text: str) -> URL:
    """Read the base URL of the API. Raises UnusableBaseUrlError, also for http to another machine."""
    try:
        url = URL(text)
    except ValueError:
        raise UnusableBaseUrlError("is not a URL") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise UnusableBaseUrlError("does not begin with https:// and a host")
    if url.user or url.password or url.query_string or url.fragment:
        raise UnusableBaseUrlError("holds more than scheme, host and path")
    if url.scheme == "http" and not is_loopback(url.host):
        raise UnusableBaseUrlError("would send the credential unencrypted over the network")
    return url


def receiver_url(text: str) -> str:
    """Read an address outside that we call by ourselves. Raises ValueError, also for one inside our network.

    This machine's own may be named, and need no TLS. Names are looked at by `PublicResolver` when they are called.
    """
    try:
        url = URL(text)
    except ValueError:
        raise ValueError("is not a URL") from None
    host = url.host or ""
    if not host or url.scheme not in (("http", "https") if is_loopback(host) else ("https",)):
        raise ValueError("must begin with https:// and a host")
    if url.user or url.password or url.fragment:
        raise ValueError("must hold neither a name, nor a password, nor a fragment")
    if not is_loopback(host) and not is_public(host):
        raise ValueError("leads into a private network")
    return text


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    address = _literal(host)
    return host == "localhost" if address is None else address.is_loopback


def is_public(host: str) -> bool:
    """Whether a host, so far as it is a literal address, is one of the open internet; a name passes."""
    address = _literal(host)
    if address is None:
        return True
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return is_public(str(address.ipv4_mapped))
        if any(address in wrapper for wrapper in _WRAPPERS):
            return False
    return address.is_global and not address.is_multicast


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


class PublicResolver(AbstractResolver):
    """Resolves names to public addresses only, at the moment of connecting, so that no later change of a name counts."""

    def __init__(self) -> None:
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the public addresses of a name. Raises PrivateAddressError where it has none."""
        found = await self._resolver.resolve(host, port, family)
        public = [result for result in found if is_public(result["host"])]
        if not public:
            raise PrivateAddressError
        return public

    async def close(self) -> None:
        """Nothing is held."""
        await self._resolver.close()
