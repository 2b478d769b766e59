"""What Odoo has, in the words of the port. Pure."""

from collections import defaultdict

from pleo_export.accounting.odoo.chart import Account, Chart, Partner
from pleo_export.accounting.odoo.locks import Locks
from pleo_export.domain.reference import LedgerAccount, LedgerTaxCode, LedgerVendor, ReferenceData


def reference_of(chart: Chart, locks: Locks) -> ReferenceData:
    """Return the lists that entries are checked against. A tax's code is its name: Odoo has no other."""
    return ReferenceData(
        accounts={code: _account(code, one) for code, one in chart.accounts.items()},
        tax_codes={name: LedgerTaxCode(name, name, splits=tax.splits) for name, tax in chart.taxes.items()},
        vendors=tuple(_vendor(key, one, chart) for key, one in chart.vendors.items()),
        dimensions=_dimensions(chart),
        journals={code: one.name for code, one in chart.journals.items()},
        locked_through=locks.through(),
        currency=chart.company.currency,
    )


def _account(code: str, account: Account) -> LedgerAccount:
    only = frozenset({account.currency_id[1]}) if isinstance(account.currency_id, tuple) else None
    return LedgerAccount(code, account.name, str(account.id), only, account.active)


def _vendor(key: str, partner: Partner, chart: Chart) -> LedgerVendor:
    payable = partner.property_account_payable_id
    own = payable[0] if isinstance(payable, tuple) and payable[0] != chart.payable else None
    codes = {one.id: code for code, one in chart.accounts.items()}
    return LedgerVendor(
        id=key,
        name=partner.name if isinstance(partner.name, str) else key,
        account=codes.get(own) if own else None,
        tax_identifier=partner.vat if isinstance(partner.vat, str) else None,
    )


def _dimensions(chart: Chart) -> dict[str, frozenset[str]] | None:
    """Return the values by plan; a company without analytic accounts keeps no such list."""
    values: defaultdict[str, set[str]] = defaultdict(set)
    for plan, code in chart.analytic:
        values[plan].add(code)
    return {plan: frozenset(codes) for plan, codes in values.items()} or None
