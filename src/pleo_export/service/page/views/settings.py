"""Every setting, read only, and where its value comes from. A secret is never shown, only whether there is one."""

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec
from fastapi import Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, SecretStr

from pleo_export.config import Settings, SettingsError
from pleo_export.service.kinds import API_KEY, OAUTH, ODOO_API_KEY, WEBHOOK_SECRETS
from pleo_export.service.page.access.guard import Viewing
from pleo_export.service.page.access.roles import Role
from pleo_export.service.page.parts import Parts
from pleo_export.service.page.rendering import render
from pleo_export.service.settings import ServiceSettings
from pleo_export.store.tables import EVERY_COMPANY

FROM_COMPANY = "settings of the company"
FROM_ENVIRONMENT = "environment"
DEFAULT = "default"
HIDDEN = "…"
SECRETS = {
    API_KEY: "API key of Pleo",
    OAUTH: "Connection to Pleo by OAuth",
    ODOO_API_KEY: "API key of Odoo",
    WEBHOOK_SECRETS: "Secrets of Pleo's webhooks",
}
# What stands in the environment counts for every company that has nothing of its own.
VARIABLES = ("PLEO_EXPORT_ACCESS_TOKEN", "PLEO_EXPORT_API_KEY", "PLEO_EXPORT_ODOO_API_KEY")
# The address itself is what gives access there.
SECRET_ADDRESSES = ("webhook_url",)


class Value(msgspec.Struct, frozen=True):
    """A setting: its name, what it is, where that comes from, and what it means."""

    name: str
    text: str
    source: str
    meaning: str


class KeptSecret(msgspec.Struct, frozen=True):
    """A secret of the company, None `since` where there is none."""

    name: str
    since: datetime | None


async def show(request: Request, parts: Parts, visitor: Viewing, company_id: str) -> HTMLResponse:
    """Show the settings of the company; to administrators of every company those of the service as well."""
    company = await parts.store.company(company_id)
    sections: Mapping[str, Sequence[Value]] = {}
    problem = None
    try:
        sections = sections_of(await parts.companies.settings(company_id), company.settings or "")
    except SettingsError as error:
        problem = str(error)
    kept = await parts.store.views.secrets_kept(company_id)
    owns = visitor.may(Role.ADMINISTRATOR, EVERY_COMPANY)
    return render(
        request,
        "settings.html",
        company=company,
        sections=sections,
        problem=problem,
        secrets=[KeptSecret(name, kept.get(kind)) for kind, name in SECRETS.items()],
        variables=[(name, bool(os.environ.get(name))) for name in VARIABLES],
        service=list(_service_values(parts.settings)) if owns else None,
    )


def sections_of(settings: Settings, text: str) -> Mapping[str, Sequence[Value]]:
    """Return the settings of a company by section; `text` is what was written."""
    written = tomllib.loads(text)
    return {
        name: list(_values(section, written.get(name, {}), f"{name}."))
        for name in type(settings).model_fields
        if isinstance(section := getattr(settings, name), BaseModel)
    }


def _values(section: BaseModel, written: Mapping[str, Any], prefix: str) -> Iterator[Value]:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from _values(value, written.get(name, {}), f"{prefix}{name}.")
        else:
            source = FROM_COMPANY if name in written else DEFAULT
            yield Value(f"{prefix}{name}", _text(name, value), source, field.description or "")


def _service_values(settings: ServiceSettings) -> Iterator[Value]:
    for name, field in type(settings).model_fields.items():
        source = FROM_ENVIRONMENT if name in settings.model_fields_set else DEFAULT
        text = _text(name, getattr(settings, name))
        yield Value(f"PLEO_EXPORT_{name.upper()}", text, source, field.description or "")


def _text(name: str, value: object) -> str:
    """Return a value as it is shown, without what gives access to anything."""
    match value:
        case None:
            text = "not set"
        case SecretStr():
            text = "set, not shown"
        case bool():
            text = "yes" if value else "no"
        case BaseModel():
            text = _text(name, dict(value))
        case Mapping():
            text = "; ".join(f"{key} = {_text(str(key), one)}" for key, one in value.items()) or "nothing"
        case list() | tuple() | set() | frozenset():
            text = ", ".join(_text(name, one) for one in value) or "nothing"
        case _:
            text = str(value)
            text = _address(name, text) if "://" in text else text
    return text


def _address(name: str, text: str) -> str:
    """Return an address without names, passwords and parameters; of one that is a secret itself only the host."""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return HIDDEN
    who = f"{HIDDEN}@" if "@" in parts.netloc else ""
    if name in SECRET_ADDRESSES:
        return f"{parts.scheme}://{host}{port}/{HIDDEN}"
    return urlunsplit((parts.scheme, f"{who}{host}{port}", parts.path, HIDDEN if parts.query else "", ""))
