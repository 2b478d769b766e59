"""Answers as bytes that are ready to send, and the error envelope."""

from typing import Any

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
from pleo_export.simulator.vocabulary import JsonObject

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_ROUTING_PROBLEMS = {401: "UNAUTHENTICATED", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}

Declared = dict[int | str, dict[str, Any]]


def reply(content: object, status: int = 200) -> Response:
    """JSON past FastAPI's validation of responses, which would cost more than everything else."""
    return Response(_ENCODER.encode(content), status, media_type="application/json;charset=UTF-8")


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
    return reply(_envelope(error.type, error.message), error.status)


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
    app.add_exception_handler(RequestValidationError, _answer_request_error)
    app.add_exception_handler(HTTPException, _answer_http_error)
