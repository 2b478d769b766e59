"""The chart of accounts, tax codes, vendors, people and tags that generated companies use."""

from decimal import Decimal
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

from pleo_export.simulator.vocabulary import JsonObject

CONTRA_CODES = {
    "EUR": "1910",
    "DKK": "1911",
    "SEK": "1912",
    "GBP": "1913",
    "USD": "1914",
    "NOK": "1915",
    "JPY": "1916",
    "KWD": "1917",
}
WALLET_CURRENCIES = ("EUR", "DKK", "SEK", "GBP", "USD", "NOK")
INPUT_VAT = "2640"
OUTPUT_VAT = "2610"

EXPENSE_ACCOUNTS = {
    "6100": "Office supplies",
    "6200": "Software",
    "6300": "Travel",
    "6310": "Mileage",
    "6320": "Per diem",
    "6400": "Meals",
    "6500": "Marketing",
    "6600": "Consulting",
    "6700": "Bank fees",
    "8100": "Cashback income",
}
PURCHASE_ACCOUNTS = ("6100", "6200", "6300", "6400", "6500", "6600")

TAGS = {"COST_CENTRE": ("CC-100", "CC-200", "CC-300"), "PROJECT": ("P-ALPHA", "P-BETA")}


class TaxCode(NamedTuple):
    """A tax code; `rate` is a fraction, `type` one of inclusive, exclusive and reverse."""

    code: str
    rate: Decimal
    type: str


TAX_CODES = {
    code: TaxCode(code, Decimal(rate), tax_type)
    for code, rate, tax_type in (
        ("V25", "0.25", "inclusive"),
        ("V12", "0.12", "inclusive"),
        ("E25", "0.25", "exclusive"),
        ("R25", "0.25", "reverse"),
    )
}


class Vendor(NamedTuple):
    code: str
    name: str
    country: str
    currency: str


VENDORS = (
    Vendor("V-1001", "Nordic Paper ApS", "DK", "DKK"),
    Vendor("V-1002", "Cloudworks Ltd", "GB", "GBP"),
    Vendor("V-1003", "Hotel Baltic GmbH", "DE", "EUR"),
    Vendor("V-1004", "Fjord Consulting AS", "NO", "NOK"),
)


class User(NamedTuple):
    """A person with an employee code, and the team with its code."""

    name: str
    code: str
    team: str
    team_code: str


USERS = (
    User("Ada Lund", "E-01", "Sales", "20"),
    User("Bo Karlsen", "E-02", "Engineering", "30"),
    User("Carla Weiss", "E-03", "Engineering", "30"),
    User("Dan Okafor", "E-04", "Marketing", "40"),
    User("Eva Horvath", "E-05", "Finance", "50"),
)


def pleo_id(kind: str, code: str) -> str:
    """Return the id Pleo gives to an account, tax code, tag or vendor: the same for the same code."""
    return str(uuid5(NAMESPACE_URL, f"pleo-simulator:{kind}:{code}"))


def account(code: str, name: str) -> JsonObject:
    """Return a general ledger account as export items carry it."""
    return {"id": pleo_id("account", code), "name": name, "code": code, "identifier": None}


def contra_account(currency: str) -> JsonObject:
    """Return the account that mirrors the wallet in `currency`, which must be in the chart."""
    return account(CONTRA_CODES[currency], f"Pleo {currency} Account")


def person_data(user: User) -> JsonObject:
    """Return the members of an export item that tell the person and the team."""
    return {
        "team": {"id": pleo_id("team", user.team_code), "name": user.team, "code": user.team_code},
        "user": {"id": pleo_id("user", user.code), "name": user.name, "code": user.code},
    }


def default_contra_accounts() -> dict[str, JsonObject]:
    """Return the contra accounts of the generated chart, all currencies."""
    return {
        currency: {"code": code, "name": f"Pleo {currency} Account"}
        for currency, code in CONTRA_CODES.items()
    }
