"""The envelopes around what Pleo sends."""

import msgspec

from pleo_export.domain.item import PleoModel
from pleo_export.domain.job import ItemUpdateError


class Pagination(PleoModel, frozen=True):
    """Where a page stands. A cursor is opaque."""

    has_next_page: bool
    end_cursor: str | None = None


class Page(PleoModel, frozen=True):
    """A page whose elements are still JSON, so that one bad element does not cost the others."""

    data: list[msgspec.Raw]
    pagination: Pagination


class Single(PleoModel, frozen=True):
    """One resource, still JSON."""

    data: msgspec.Raw


class UpdateAnswer(PleoModel, frozen=True):
    """The answer to an item update: changed records, still JSON, and refused elements."""

    data: list[msgspec.Raw]
    errors: tuple[ItemUpdateError, ...] | None = None


class ErrorBody(PleoModel, frozen=True):
    """Pleo's error object, and that of its authorisation server, which says `error` instead of `type`."""

    type: str | None = None
    error: str | None = None
    message: str | None = None
