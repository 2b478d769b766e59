"""The reference pages that follow from tables in the code."""

from collections.abc import Callable, Mapping

from tests.docs.pages.bookkeeping import bookkeeping_page
from tests.docs.pages.errors import errors_page

PAGES: Mapping[str, Callable[[], str]] = {"bookkeeping.md": bookkeeping_page, "errors.md": errors_page}
