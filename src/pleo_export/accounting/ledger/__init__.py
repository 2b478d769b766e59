"""The connector `ledger`: a plain-text double-entry ledger in Beancount's syntax, written by ourselves."""

from pleo_export.accounting.ledger.connector import LedgerConnector
from pleo_export.accounting.ledger.reader import trial_balance
from pleo_export.accounting.ledger.settings import LedgerSettings
from pleo_export.accounting.ledger.verify import BeanCheckError, LedgerError, Verdict, bean_check, program

__all__ = [
    "BeanCheckError",
    "LedgerConnector",
    "LedgerError",
    "LedgerSettings",
    "Verdict",
    "bean_check",
    "program",
    "trial_balance",
]
