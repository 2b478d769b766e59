"""The chart file: accounts, vendors, tax codes, dimensions and the period lock of a ledger, in TOML."""

import tomllib
from collections import Counter
from collections.abc import Iterable
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from pleo_export.accounting.ledger.syntax import is_account_name, slug
from pleo_export.accounting.port import UnreachableError
from pleo_export.domain.failures import ItemFailureType
from pleo_export.domain.money import exponent
from pleo_export.domain.reference import LedgerAccount, LedgerVendor, ReferenceData


class ChartMissingError(UnreachableError):
    """The chart file is not there or may not be read."""

    type = ItemFailureType.MISSING_CONFIGURATION

    def __init__(self, path: Path, cause: OSError) -> None:
        super().__init__(
            f"The chart file {path} cannot be read ({cause.strerror}); create it or correct its path."
        )


class ChartInvalidError(UnreachableError):
    """The chart file says something that cannot be: each of `problems` names the key, the value and the remedy."""

    type = ItemFailureType.INVALID_CONFIGURATION

    def __init__(self, path: Path, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"The chart file {path} is not valid: {'; '.join(self.problems)}.")


def _account_name(name: str) -> str:
    if not is_account_name(name):
        raise ValueError(
            "write it like Expenses:OfficeSupplies: Assets, Liabilities, Equity, Income or Expenses, then parts that "
            "start with a capital or a digit and hold letters, digits and hyphens only"
        )
    return name


def _currency(code: str) -> str:
    exponent(code)
    return code


def _title(title: str) -> str:
    if not slug(title):
        raise ValueError("give the ledger a title with a letter or a digit in it")
    return title


Code = Annotated[str, Field(min_length=1)]
Currency = Annotated[str, AfterValidator(_currency)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ChartAccount(_Table):
    """An account: `code` as Pleo knows it, `name` in the ledger; `currencies` None takes any."""

    code: Code
    name: Annotated[str, AfterValidator(_account_name)]
    label: str | None = None
    currencies: frozenset[Currency] | None = Field(default=None, min_length=1)
    active: bool = True


class ChartVendor(_Table):
    """A vendor, with the payable account that is its own, where it has one."""

    id: Code
    name: Code
    code: str | None = None
    account: str | None = None
    tax_identifier: str | None = None
    active: bool = True


class PeriodLock(_Table):
    """Nothing may be posted on or before `locked_through`."""

    locked_through: date | None = None


class Chart(_Table):
    """A chart file. Sections that are left out mean: the ledger keeps no such list."""

    title: Annotated[str, AfterValidator(_title)]
    currency: Currency
    accounts: tuple[ChartAccount, ...]
    vendors: tuple[ChartVendor, ...] | None = None
    tax_codes: frozenset[Code] | None = None
    dimensions: dict[Code, frozenset[Code]] | None = None
    period: PeriodLock = PeriodLock()

    @cached_property
    def names(self) -> dict[str, str]:
        """The ledger's account names by code."""
        return {account.code: account.name for account in self.accounts}

    @cached_property
    def reference_data(self) -> ReferenceData:
        """The chart as the mapping needs it."""
        accounts = {
            account.code: LedgerAccount(
                code=account.code,
                name=account.label or account.name,
                identifier=account.name,
                currencies=account.currencies,
                active=account.active,
            )
            for account in self.accounts
        }
        vendors = None
        if self.vendors is not None:
            vendors = tuple(LedgerVendor(**vendor.model_dump()) for vendor in self.vendors)
        return ReferenceData(
            accounts=accounts,
            tax_codes=self.tax_codes,
            vendors=vendors,
            dimensions=self.dimensions,
            locked_through=self.period.locked_through,
        )


def read_chart(path: Path) -> Chart:
    """Read a chart file. Raises ChartMissingError or ChartInvalidError."""
    try:
        chart = Chart.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ChartMissingError(path, error) from error
    except ValidationError as error:
        raise ChartInvalidError(path, map(_told, error.errors())) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ChartInvalidError(path, [f"it is no TOML text: {error}"]) from error
    if problems := [*_contradictions(chart)]:
        raise ChartInvalidError(path, problems)
    return chart


def _told(error: ErrorDetails) -> str:
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).lstrip(".")
    remedy = error["msg"].removeprefix("Value error, ")
    if error["type"] == "missing":
        return f"{key} is missing: add it"
    if error["type"] == "extra_forbidden":
        return f"{key} = {error['input']!r}: there is no such key, remove it or correct its name"
    return f"{key} = {error['input']!r}: {remedy}"


def _contradictions(chart: Chart) -> Iterable[str]:
    if not chart.accounts:
        yield "accounts = []: add at least one [[accounts]]"
    for key in ("code", "name"):
        for value, times in Counter(getattr(account, key) for account in chart.accounts).items():
            if times > 1:
                yield f"accounts: {key} = {value!r} stands there {times} times, give each account its own"
    for vendor_id, times in Counter(vendor.id for vendor in chart.vendors or ()).items():
        if times > 1:
            yield f"vendors: id = {vendor_id!r} stands there {times} times, give each vendor its own"
    for position, vendor in enumerate(chart.vendors or ()):
        if vendor.account is not None and vendor.account not in chart.names:
            yield f"vendors[{position}].account = {vendor.account!r}: add that account to the chart"
