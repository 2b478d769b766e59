"""Form bodies, as OAuth sends them."""

from urllib.parse import parse_qsl

from fastapi import Request

from pleo_export.simulator.oauth_errors import InvalidRequestError
from pleo_export.simulator.vocabulary import JsonObject

FORM_TYPE = "application/x-www-form-urlencoded"


async def read_form(request: Request) -> dict[str, str]:
    """Read the body; raises InvalidRequestError where it is no form or names something twice."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_TYPE:
        raise InvalidRequestError(f"The body must be {FORM_TYPE}.")
    try:
        pairs = parse_qsl((await request.body()).decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise InvalidRequestError("The body is not readable.") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise InvalidRequestError("The body names something twice.")
    return form


def described(properties: dict[str, JsonObject], *, required: list[str]) -> JsonObject:
    """Describe such a body, which is read by hand."""
    schema = {"type": "object", "properties": properties, "required": required}
    return {"requestBody": {"required": True, "content": {FORM_TYPE: {"schema": schema}}}}
