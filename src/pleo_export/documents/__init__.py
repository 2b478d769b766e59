"""Makes of an expense's downloaded files what the accounting system can take."""

from pleo_export.documents.fit import fit

__all__ = ["fit"]
