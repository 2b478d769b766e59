"""Durable memory: which companies, jobs and items were seen, what was intended, and what came of it."""

from pleo_export.store.database import sqlite_path, sqlite_url
from pleo_export.store.errors import ContradictionError, FencedError, StoreError
from pleo_export.store.sealed import SealedSecret
from pleo_export.store.store import Store

__all__ = [
    "ContradictionError",
    "FencedError",
    "SealedSecret",
    "Store",
    "StoreError",
    "sqlite_path",
    "sqlite_url",
]
