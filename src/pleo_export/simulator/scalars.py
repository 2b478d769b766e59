"""Text that must have a form, kept as text so that it passes through unchanged, and members that may be left out."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, TypeAlias, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel


def timestamp(moment: datetime) -> str:
    """Return the moment as Pleo writes it: UTC, whole seconds, `YYYY-MM-DDTHH:MM:SSZ`."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def precise_timestamp(moment: datetime) -> str:
    """Return the moment with nine digits after the second, as Pleo's events have them; the last three are 0."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z"


def _uuid_text(text: str) -> str:
    return str(UUID(text))


def _moment(value: object) -> datetime:
    # Only text: a bare number would otherwise count as seconds since 1970.
    if not isinstance(value, str):
        raise ValueError("a timestamp is text")  # noqa: TRY004 - pydantic reports ValueError
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("a timestamp needs an offset from UTC")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a timestamp must lie in the years 1 to 9999 of UTC") from error


def _timestamp_text(text: str) -> str:
    _moment(text)
    return text


UuidText = Annotated[str, AfterValidator(_uuid_text), WithJsonSchema({"type": "string", "format": "uuid"})]
"""A UUID, in lower case."""

TimestampText = Annotated[
    str, AfterValidator(_timestamp_text), WithJsonSchema({"type": "string", "format": "date-time"})
]
"""A timestamp with an offset, kept as it was written."""

Moment = Annotated[
    datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})
]
"""A timestamp with an offset, read into an aware datetime in UTC."""

T = TypeVar("T")

if TYPE_CHECKING:
    Omittable: TypeAlias = T | None
else:
    Omittable = Annotated[T, "may be left out"]
"""What may be left out, and is None then; null is refused, because Pleo publishes it as a plain type."""

CurrencyCode = Annotated[str, Field(pattern="^([A-Z]{3}|UNDEFINED)$")]
CountryCode = Annotated[str, Field(pattern="^([A-Z]{2}|UNDEFINED)$")]


class Shape(BaseModel):
    """Base of everything on the wire: camelCase there, snake_case here."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, validate_by_alias=True)
