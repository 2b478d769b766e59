"""Faults between the connector and Odoo, at a chosen call."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from pleo_export.accounting.odoo import OdooConnector


def strike(
    patch: pytest.MonkeyPatch,
    connector: OdooConnector,
    method: str,
    fault: Callable[[], None],
    *,
    before: bool = False,
) -> None:
    """Call `fault` once, before or after the next call of `method` has had its effect."""
    client = connector._client
    real, struck = client.call, False

    async def call(model: str, name: str, returns: type[Any], **arguments: Any) -> Any:
        nonlocal struck
        now = name == method and not struck
        struck = struck or now
        if now and before:
            fault()
        answer = await real(model, name, returns, **arguments)
        if now and not before:
            fault()
        return answer

    patch.setattr(client, "call", call)


def raising(error: Exception) -> Callable[[], None]:
    def fault() -> None:
        raise error

    return fault


def refuse(
    patch: pytest.MonkeyPatch,
    connector: OdooConnector,
    said: str,
    applies: Callable[[dict[str, Any]], bool],
) -> None:
    """Let each `load` of documents to whose arguments it applies be refused with a message."""
    client = connector._client
    real = client.call

    async def call(model: str, name: str, returns: type[Any], **arguments: Any) -> Any:
        if (model, name) == ("account.move", "load") and applies(arguments):
            return msgspec.convert({"ids": False, "messages": [{"message": said}]}, returns)
        return await real(model, name, returns, **arguments)

    patch.setattr(client, "call", call)
