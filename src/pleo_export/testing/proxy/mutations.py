"""What can be wrong inside an answer of JSON: pure functions from bytes to bytes."""

import json
import re
from collections.abc import Callable
from typing import Any

_NEVER_GIVEN = "bmV2ZXIgZ2l2ZW4"
_DEPTH = 100_000


def truncated(body: bytes) -> bytes:
    """Leave the second half out."""
    return body[: len(body) // 2]


def no_utf8(body: bytes) -> bytes:
    """Put a byte in that no text of UTF-8 has."""
    return re.sub(rb'":\s*"', b'":"\xff', body, count=1)


def nested(_: bytes) -> bytes:
    """Nest lists deeper than a reader that calls itself can go."""
    return b'{"data":' + b"[" * _DEPTH + b"]" * _DEPTH + b"}"


def unknown_members(body: bytes) -> bytes:
    """Add a member to the answer and to every element."""

    def change(answer: Any) -> None:
        answer["wonder"] = {"deep": [1, None]}
        elements = answer.get("data")
        for element in elements if isinstance(elements, list) else [elements]:
            element["wonder"] = 1.5

    return _edited(body, change)


def duplicated(body: bytes) -> bytes:
    """Have every element twice."""
    return _edited(body, lambda answer: answer.update(data=[*answer["data"], *answer["data"]]))


def reordered(body: bytes) -> bytes:
    """Turn the order of the elements round."""
    return _edited(body, lambda answer: answer["data"].reverse())


def unknown_enums(body: bytes) -> bytes:
    """Give the first element a status, or a type where it has no status, that nobody has heard of."""

    def change(answer: Any) -> None:
        for element in answer["data"][:1]:
            element["status" if "status" in element else "type"] = "never_heard_of"

    return _edited(body, change)


def stale_cursor(body: bytes) -> bytes:
    """Hand out a cursor that will be refused, also where the list is at its end."""
    return _edited(body, lambda answer: answer["pagination"].update(hasNextPage=True, endCursor=_NEVER_GIVEN))


def no_cursor(body: bytes) -> bytes:
    """Say that there is more, and not where."""
    return _edited(body, lambda answer: answer["pagination"].update(hasNextPage=True, endCursor=None))


def circle(body: bytes, asked: str | None) -> bytes:
    """Hand out the cursor that was `asked` for; on the first page nothing can be wrong yet."""
    if asked is None:
        return body
    return _edited(body, lambda answer: answer["pagination"].update(hasNextPage=True, endCursor=asked))


def amounts_of_the_first(amount: bytes) -> Callable[[bytes], bytes]:
    r"""Put this JSON in the place of every amount of the first element; `\1` in it is the amount as it was."""
    return lambda body: _in_the_first(body, rb'"value":\s*(-?[0-9]+)', rb'"value":' + amount)


def currency_of_the_first(body: bytes) -> bytes:
    """Give every amount of the first element a currency that does not exist."""
    return _in_the_first(body, rb'"currency":\s*"[A-Z]{3}"', b'"currency":"XQQ"')


def _in_the_first(body: bytes, pattern: bytes, instead: bytes) -> bytes:
    elements = json.loads(body)["data"]
    if not elements:
        return body
    first = json.dumps(elements[0]).encode()
    rest = [json.dumps(element).encode() for element in elements[1:]]
    data = b",".join([re.sub(pattern, instead, first), *rest])
    pagination = json.dumps(json.loads(body)["pagination"]).encode()
    return b'{"data":[' + data + b'],"pagination":' + pagination + b"}"


def _edited(body: bytes, change: Callable[[Any], object]) -> bytes:
    answer = json.loads(body)
    change(answer)
    return json.dumps(answer).encode()
