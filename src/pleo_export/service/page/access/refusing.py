"""Pages that are shown again where what they asked for is refused."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute


def refusing(
    shown: Callable[[Request, Exception], Awaitable[Response]], *refusals: type[Exception]
) -> type[APIRoute]:
    """Return routes that show a page with the sentence that says why nothing was changed."""

    class Refusing(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def answered(request: Request) -> Response:
                try:
                    return await handle(request)
                except refusals as refusal:
                    return await shown(request, refusal)

            return answered

    return Refusing
