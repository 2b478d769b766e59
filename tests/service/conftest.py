"""A store's database for the tests of the service: a file, and a PostgreSQL server."""

from tests.store.conftest import postgres, postgres_url, url

__all__ = ["postgres", "postgres_url", "url"]
