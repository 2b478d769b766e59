"""Answers as bytes that are ready to send, and the error envelope."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from pleo_export.simulator.errors import (
    ApiError,
    InvalidBodyError,
    InvalidParameterError,
    UnreadableBodyError,
)
from pleo_export.simulator.messages import Problem
from pleo_export.simulator.oauth_errors import OAuthError
from pleo_export.simulator.paging import Collection, PageRequest, page
from pleo_export.simulator.vocabulary import JsonObject
from pleo_export.simulator.world import World

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_ROUTING_PROBLEMS = {401: "UNAUTHENTICATED", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}

Declared = dict[int | str, dict[str, Any]]
T = TypeVar("T")


def reply(content: object, status: int = 200) -> Response:
    """JSON past FastAPI's validation of responses, which would cost more than everything else."""
    return Response(_ENCODER.encode(content), status, media_type="application/json;charset=UTF-8")


def reply_page(
    world: World,
    collection: Collection[T],
    request: PageRequest,
    as_json: Callable[[T], JsonObject],
    keep: Callable[[T], bool] | None = None,
) -> Response:
    """One page of the records that `keep` accepts; raises InvalidParameterError as `paging.page` does."""
    settings = world.settings
    found, pagination = page(
        collection, request, default_limit=settings.default_limit, max_limit=settings.max_limit, keep=keep
    )
    return reply({"data": [as_json(record) for record in found], "pagination": pagination})


def problems(*errors: type[ApiError]) -> Declared:
    """Describe the errors a call documents."""
    by_status: dict[int, list[str]] = {}
    for error in errors:
        by_status.setdefault(error.status, []).append(error.type)
    return {
        status: {"model": Problem, "description": ", ".join(types)} for status, types in by_status.items()
    }


def _envelope(error_type: str, message: str) -> JsonObject:
    return {"type": error_type, "message": message}


def _request_error(error: RequestValidationError) -> ApiError:
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return UnreadableBodyError()
    place, *inside = first["loc"]
    message = f"{'.'.join(map(str, inside)) or place}: {first['msg']}"
    return InvalidBodyError(message) if place == "body" else InvalidParameterError(message)


async def _answer_api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    answer = reply(_envelope(error.type, error.message), error.status)
    answer.headers.update(error.headers)
    return answer


async def _answer_oauth_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, OAuthError)
    answer = reply({"error": error.error, "error_description": error.description}, error.status)
    answer.headers.update(error.headers)
    return answer


async def _answer_request_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return await _answer_api_error(request, _request_error(error))


async def _answer_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == UnreadableBodyError.status:
        return await _answer_api_error(request, UnreadableBodyError())
    error_type = _ROUTING_PROBLEMS.get(error.status_code, "PROCESSING_FAILED")
    answer = reply(_envelope(error_type, str(error.detail)), error.status_code)
    answer.headers.update(error.headers or {})
    return answer


def use_envelope(app: FastAPI) -> None:
    """Let every refusal of `app`, its framework's own included, wear the error envelope."""
    app.add_exception_handler(ApiError, _answer_api_error)
    app.add_exception_handler(OAuthError, _answer_oauth_error)
    app.add_exception_handler(RequestValidationError, _answer_request_error)
    app.add_exception_handler(HTTPException, _answer_http_error)
