"""The connector `memory`: an accounting system that lives as long as the process."""

from pleo_export.accounting.memory.connector import MemoryBooks, MemoryConnector

__all__ = ["MemoryBooks", "MemoryConnector"]
