"""The chart file: accounts, vendors, tax codes, journals, dimensions and the period lock of a ledger, in TOML."""

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from pleo_export.accounting.ledger.syntax import is_account_name, slug
from pleo_export.accounting.port import UnreachableError
from pleo_export.accounting.tax_codes import TaxRule
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.money import exponent
from pleo_export.domain.reference import LedgerAccount, LedgerTaxCode, LedgerVendor, ReferenceData


class ChartMissingError(UnreachableError):
    """The chart file is not there or may not be read."""

    cause = Cause.CHART_MISSING

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(path=path, problem=error.strerror)


class ChartInvalidError(UnreachableError):
    """The chart file says something that cannot be: each of `problems` names the key, the value and the remedy."""

    cause = Cause.CHART_INVALID

    def __init__(self, path: Path, problems: Iterable[str]) -> None:
        self.path, self.problems = path, tuple(problems)
        super().__init__(path=path, problem="; ".join(self.problems))


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


def _text(rate: object) -> object:
    if not isinstance(rate, str):
        raise ValueError('write it in quotes, as a fraction: "0.25"')  # noqa: TRY004 - pydantic tells only these
    return rate


# Sections whose rows differ in a key.
_UNIQUE = (
    ("accounts", "code"),
    ("accounts", "name"),
    ("vendors", "id"),
    ("tax_codes", "code"),
    ("journals", "code"),
)

Code = Annotated[str, Field(min_length=1)]
Currency = Annotated[str, AfterValidator(_currency)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


T = TypeVar("T", bound=_Table)


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


class ChartTaxCode(_Table):
    """A tax code: `rate` is a fraction; with an `output_account` the tax comes on top (reverse charge)."""

    code: Code
    name: Code
    rate: Annotated[Decimal, BeforeValidator(_text), Field(ge=0, le=1)] | None = None
    input_account: str | None = None
    output_account: str | None = None


class ChartJournal(_Table):
    """A journal that entries may be marked with."""

    code: Code
    name: Code


class PeriodLock(_Table):
    """Nothing may be posted on or before `locked_through`."""

    locked_through: date | None = None


class Chart(_Table):
    """A chart file. Sections that are left out mean: the ledger keeps no such list."""

    title: Annotated[str, AfterValidator(_title)]
    currency: Currency
    accounts: tuple[ChartAccount, ...]
    vendors: tuple[ChartVendor, ...] | None = None
    tax_codes: tuple[ChartTaxCode, ...] | None = None
    journals: tuple[ChartJournal, ...] | None = None
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
        vendors, codes = self.vendors, self.tax_codes
        return ReferenceData(
            accounts=accounts,
            tax_codes=None
            if codes is None
            else {one.code: LedgerTaxCode(one.code, one.name, one.rate is not None) for one in codes},
            vendors=None if vendors is None else tuple(map(ledger_vendor, vendors)),
            dimensions=self.dimensions,
            journals=None if self.journals is None else {one.code: one.name for one in self.journals},
            locked_through=self.period.locked_through,
            currency=self.currency,
        )

    @cached_property
    def tax_rules(self) -> dict[str, TaxRule]:
        """What each tax code does, by code."""
        return {
            one.code: TaxRule(
                rate=one.rate, input_account=one.input_account, output_account=one.output_account
            )
            for one in self.tax_codes or ()
        }


def ledger_vendor(vendor: ChartVendor) -> LedgerVendor:
    """Return a vendor as the mapping needs it."""
    return LedgerVendor(**vendor.model_dump())


def read_chart(path: Path) -> Chart:
    """Read a chart file. Raises ChartMissingError or ChartInvalidError."""
    try:
        chart = read_table(path, Chart)
    except OSError as error:
        raise ChartMissingError(path, error) from error
    if problems := [*_contradictions(chart)]:
        raise ChartInvalidError(path, problems)
    return chart


def read_table(path: Path, kind: type[T]) -> T:
    """Read a file that holds one table. Raises OSError or ChartInvalidError."""
    try:
        return kind.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except ValidationError as error:
        raise ChartInvalidError(path, map(_told, error.errors())) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ChartInvalidError(path, [f"it is no TOML text: {error}"]) from error


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
    for section, key in _UNIQUE:
        for value, times in Counter(getattr(row, key) for row in getattr(chart, section) or ()).items():
            if times > 1:
                yield f"{section}: {key} = {value!r} stands there {times} times, give each its own"
    for position, vendor in enumerate(chart.vendors or ()):
        yield from missing_account(f"vendors[{position}].account", vendor.account, chart)
    for position, code in enumerate(chart.tax_codes or ()):
        yield from missing_account(f"tax_codes[{position}].input_account", code.input_account, chart)
        yield from missing_account(f"tax_codes[{position}].output_account", code.output_account, chart)
        if code.rate and code.input_account is None:
            yield f"tax_codes[{position}].rate = {str(code.rate)!r}: add the input_account that takes the tax"


def missing_account(key: str, account: str | None, chart: Chart) -> Iterator[str]:
    """Say so where an account that `key` names is not in the chart."""
    if account is not None and account not in chart.names:
        yield f"{key} = {account!r}: add that account to the chart"
