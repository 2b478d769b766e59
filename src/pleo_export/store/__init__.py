"""Durable memory: which companies, jobs and items were seen, what was intended, and what came of it."""

from pleo_export.store.errors import ContradictionError, StoreError
from pleo_export.store.store import Store

__all__ = ["ContradictionError", "Store", "StoreError"]
