"""Calls to Odoo's JSON-2 API: one method of one model a call, each in a transaction of its own."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_args

import aiohttp
import msgspec

from pleo_export.accounting.odoo.errors import (
    CompanyUnknownError,
    InvoicingMissingError,
    OdooAddressError,
    OdooFaultError,
    error_of,
)
from pleo_export.accounting.odoo.settings import OdooSettings
from pleo_export.accounting.port import ConnectorError, NoAnswerError, UnreachableError

CALL_SECONDS = 60.0
_CONNECT_SECONDS = 5.0
CALLS_AT_ONCE = 4  # more at once do not make Odoo faster
_OF_INVOICING = "tax_calculation_rounding_method"  # a field that companies have with that app only

T = TypeVar("T")

# What aiohttp raises before the first byte is written; and later, or without saying when.
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
_MAYBE_SENT = (aiohttp.ClientError, TimeoutError, OSError)


class _Version(msgspec.Struct):
    version: str


class _CompanyRow(msgspec.Struct):
    id: int
    name: str
    currency_id: tuple[int, str]
    tax_calculation_rounding_method: str


class Company(msgspec.Struct, frozen=True):
    """A company of an Odoo database; `currency` is the code of the one it keeps its books in.

    `rounds_by_line`: tax is rounded for each line of a bill, not once for all of them.
    """

    id: int
    name: str
    currency: str
    rounds_by_line: bool = True


class OdooClient:
    """Calls as one user, by an API key, in one company; each ends within `seconds`. Opened with the first call."""

    def __init__(self, settings: OdooSettings, api_key: str, seconds: float = CALL_SECONDS) -> None:
        self._settings, self._api_key, self.seconds = settings, api_key, seconds
        self._session: aiohttp.ClientSession | None = None
        self._slots = asyncio.Semaphore(CALLS_AT_ONCE)
        self._company: Company | None = None

    @property
    def address(self) -> str:
        """Where people open this Odoo."""
        return self._settings.url

    async def version(self) -> str:
        """Return the version of the server, such as `19.0`. Raises ConnectorError."""
        return (await self._ask("/web/version", _Version)).version

    async def companies(self) -> Sequence[Company]:
        """Return the companies that the user of the key may see. Raises InvoicingMissingError, ConnectorError."""
        names = [one.name for one in msgspec.structs.fields(_CompanyRow)]
        try:
            rows = await self._send(
                "res.company", "search_read", list[_CompanyRow], {"domain": [], "fields": names}
            )
        except OdooFaultError as error:
            if _OF_INVOICING in str(error):
                raise InvoicingMissingError from None
            raise
        return [
            Company(
                row.id, row.name, row.currency_id[1], row.tax_calculation_rounding_method == "round_per_line"
            )
            for row in rows
        ]

    async def company(self) -> Company:
        """Return the company that the settings name, or the only one. Raises CompanyUnknownError, ConnectorError."""
        if self._company is None:
            there, wanted = await self.companies(), self._settings.company_id
            fitting = [one for one in there if wanted is None or one.id == wanted]
            if len(fitting) != 1:
                raise CompanyUnknownError(wanted, ", ".join(f"{one.id} {one.name}" for one in there))
            self._company = fitting[0]
        return self._company

    async def call(
        self,
        model: str,
        method: str,
        returns: type[T],
        *,
        context: Mapping[str, Any] | None = None,
        **arguments: Any,
    ) -> T:
        """Call `method` of `model` with named arguments and return its answer. Raises ConnectorError.

        Methods of records take their `ids`. A number in the answer is a Decimal where `returns` says so.
        """
        company = await self.company()
        within = {"allowed_company_ids": [company.id], "lang": "en_US", **(context or {})}
        return await self._send(model, method, returns, {**arguments, "context": within})

    async def search_read(self, model: str, returns: type[T], domain: Sequence[Any], **more: Any) -> T:
        """Read the records that fit `domain`: the fields of the structs in the list that it `returns`."""
        (row,) = get_args(returns)
        names = [one.encode_name for one in msgspec.structs.fields(row)]
        return await self.call(model, "search_read", returns, domain=domain, fields=names, **more)

    async def close(self) -> None:
        """Let go of the connections."""
        if self._session is not None:
            await self._session.close()

    async def _send(self, model: str, method: str, returns: type[T], arguments: Mapping[str, Any]) -> T:
        return await self._ask(f"/json/2/{model}/{method}", returns, arguments)

    async def _ask(self, path: str, returns: type[T], arguments: Mapping[str, Any] | None = None) -> T:
        verb, data = ("GET", None) if arguments is None else ("POST", msgspec.json.encode(arguments))
        async with self._slots:
            try:
                async with self._opened().request(
                    verb,
                    f"{self._settings.url}{path}",
                    data=data,
                    allow_redirects=False,
                    timeout=self._timeout,
                ) as response:
                    body = await response.read()
            except _NOT_SENT as error:
                raise UnreachableError(f"{self._settings.url} ({type(error).__name__})") from None
            except _MAYBE_SENT as error:
                raise NoAnswerError(f"{self._settings.url} ({type(error).__name__})") from None
        if response.status != 200:  # noqa: PLR2004 - what Odoo answers if it did what was asked
            raise self._found_before(error_of(response.status, body, _asked_seconds(response)))
        try:
            return msgspec.json.decode(body, type=returns)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if arguments is None:
                raise OdooAddressError(f"{path}: {error}") from None
            raise NoAnswerError(f"{self._settings.url}{path}: {error}") from None

    def _found_before(self, error: ConnectorError) -> ConnectorError:
        """Return an error of the address as a passing one where it was the right address before."""
        if isinstance(error, OdooAddressError) and self._company is not None:
            return UnreachableError(f"at {self.address} Odoo or its PostgreSQL does not run")
        return error

    @property
    def _timeout(self) -> aiohttp.ClientTimeout:
        connect = min(_CONNECT_SECONDS, self.seconds)
        return aiohttp.ClientTimeout(total=self.seconds, sock_connect=connect)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers={
                    "Authorization": f"bearer {self._api_key}",
                    "X-Odoo-Database": self._settings.database,
                    "Content-Type": "application/json",
                },
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def _asked_seconds(response: aiohttp.ClientResponse) -> float | None:
    try:
        seconds = float(response.headers.get("Retry-After", ""))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
