"""The page, for tests of what every answer of it says."""

from tests.service.page.conftest import site

__all__ = ["site"]
