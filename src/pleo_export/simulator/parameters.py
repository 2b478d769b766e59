"""Query and path parameters of the public calls."""

from typing import Annotated

from fastapi import Depends, Path, Query, Request

from pleo_export.simulator.paging import PageRequest
from pleo_export.simulator.scalars import UuidText
from pleo_export.simulator.vocabulary import PageOrder

_CURSOR_PATTERN = "^[A-Z2-7=~]+$"
_INT32_MAX, _INT64_MAX = 2**31 - 1, 2**63 - 1

Cursor = Annotated[str | None, Query(pattern=_CURSOR_PATTERN)]
JobId = Annotated[UuidText, Path()]
OptionalId = Annotated[UuidText | None, Query()]


async def page_request(  # noqa: PLR0913, PLR0917 - one argument a parameter
    request: Request,
    before: Cursor = None,
    after: Cursor = None,
    offset: Annotated[int | None, Query(ge=0, le=_INT64_MAX)] = None,
    limit: Annotated[int | None, Query(ge=0, le=_INT32_MAX)] = None,
    sorting_keys: Annotated[list[str] | None, Query()] = None,
    sorting_order: Annotated[list[PageOrder] | None, Query()] = None,
) -> PageRequest:
    query = request.query_params
    return PageRequest(
        before=before,
        after=after,
        offset=offset,
        limit=limit,
        sorting_keys=sorting_keys or (),
        sorting_order=sorting_order or (),
        parameters={name: query.getlist(name) for name in query},
    )


Paging = Annotated[PageRequest, Depends(page_request)]
