"""What the page works with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from pleo_export.engine import Engine
from pleo_export.service.companies import Companies
from pleo_export.service.connecting import Connecting
from pleo_export.service.settings import ServiceSettings
from pleo_export.store import Store

FORM_BYTES_MAX = 64 * 1024  # nobody need be signed in to send something: so little of it is read


@dataclass(frozen=True, kw_only=True)
class PageParts:
    """Everything behind the page; `now` gives the time, aware, in UTC."""

    settings: ServiceSettings
    store: Store
    companies: Companies
    connecting: Connecting
    engine: Engine
    now: Callable[[], datetime]


def _parts(request: Request) -> PageParts:
    parts: PageParts = request.app.state.page
    return parts


Parts = Annotated[PageParts, Depends(_parts)]
