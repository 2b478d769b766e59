"""Looks at Pleo and at the accounting system while somebody waits: few at once, not for long, and failing in a sentence."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import Request

from pleo_export.config import Settings
from pleo_export.pleo.errors import ExportNotFoundError
from pleo_export.service.page.access.errors import NotHereError
from pleo_export.service.page.parts import PageParts
from pleo_export.service.sources import SAID, opened_sources
from pleo_export.workflow.ports import Sources

LOOK_SECONDS = 30.0
TOO_LONG = (
    "Pleo or the accounting system took longer than {seconds:.0f} seconds to answer. Nothing was changed; try again,"
    " or use the command line, which waits longer."
)
T = TypeVar("T")


class LookError(Exception):
    """What was to be looked at could not be; the sentence says why."""


async def look(
    request: Request,
    parts: PageParts,
    company_id: str,
    ask: Callable[[Settings, Sources], Awaitable[T]],
) -> T:
    """Return what `ask` finds. Raises LookError, and NotHereError where Pleo does not know what was asked for."""
    looks: asyncio.Semaphore = request.app.state.looks
    try:
        async with (
            asyncio.timeout(LOOK_SECONDS),
            looks,
            opened_sources(parts.companies, company_id) as opened,
        ):
            return await ask(*opened)
    except TimeoutError:
        raise LookError(TOO_LONG.format(seconds=LOOK_SECONDS)) from None
    except ExportNotFoundError:
        raise NotHereError from None
    except SAID as error:
        raise LookError(str(error)) from error
