"""Step 5.6: the postings of an entry, put together from the accounts and the data of the steps before."""

import msgspec

from pleo_export.domain.accounts import Accounts
from pleo_export.domain.data import booked_side, check_lines, dimensions, original_amount
from pleo_export.domain.entry import Posting
from pleo_export.domain.how_booked import HowBooked, Payable, Role
from pleo_export.domain.item import Amounts, ExportItem, Line
from pleo_export.domain.method import Method
from pleo_export.domain.money import Money
from pleo_export.domain.reference import ReferenceData
from pleo_export.domain.settings import CompanySettings, VatSettings
from pleo_export.domain.tax import split_line


def postings(
    item: ExportItem, how: HowBooked, method: Method, settings: CompanySettings, reference: ReferenceData
) -> tuple[tuple[Posting, ...], tuple[Posting, ...]]:
    """Return the postings of the entry and those of its settlement (empty for most).

    One posting a line on the lines' side, its tax beside it, and one counter posting over the whole amount.
    Raises RejectedItemError and MoneyError.
    """
    total = check_lines(item, in_supplier_currency=how.always_supplier_currency)
    builder = _Builder(
        item=item,
        how=how,
        method=method,
        vat=settings.vat,
        accounts=Accounts(settings=settings.accounts, reference=reference, currency=total.currency),
    )
    return builder.entry(total), builder.settlement(total)


class _Builder(msgspec.Struct, frozen=True, kw_only=True):
    item: ExportItem
    how: HowBooked
    method: Method
    vat: VatSettings
    accounts: Accounts

    def entry(self, total: Money) -> tuple[Posting, ...]:
        lines_role, counter_role, sign = self._direction()
        legs: list[Posting] = []
        for position, line in enumerate(self.item.accounting_entry_lines, start=1):
            if lines_role is Role.CATEGORY:
                legs += self._category_legs(line, position, sign)
            else:
                legs.append(self._transfer_leg(line, lines_role, sign))
        return (*legs, self._whole(counter_role, total, -sign))

    def settlement(self, total: Money) -> tuple[Posting, ...]:
        """Return the payment of a bill or credit note whose money has moved already (card spend, refunds)."""
        if not self.method.payable or self.how.payable not in (Payable.PAID_BILL, Payable.CREDIT_NOTE):
            return ()
        _, _, sign = self._direction()
        return (self._whole(Role.PAYABLE, total, sign), self._whole(Role.WALLET, total, -sign))

    def _direction(self) -> tuple[Role, Role, int]:
        """Return the role of the lines, that of the counter account, and +1 where the lines are debits.

        The lines stand where the category is; without a category (a transfer) they stand on the debit side.
        """
        debit, credit = (self._through_vendor(role) for role in self.how.sides(self.item.sub_type))
        return (credit, debit, -1) if credit is Role.CATEGORY else (debit, credit, 1)

    def _through_vendor(self, role: Role) -> Role:
        """Through accounts payable the vendor stands where the money would, or, in a payment, the employee."""
        if not self.method.payable:
            return role
        owed = role is Role.POCKET if self.how.payable is Payable.PAYMENT else role is not Role.CATEGORY
        return Role.PAYABLE if owed else role

    def _category_legs(self, line: Line, position: int, sign: int) -> list[Posting]:
        account, reason = self.accounts.category(line, position)
        split = split_line(
            line,
            position,
            in_supplier_currency=self.how.always_supplier_currency,
            settings=self.vat,
            accounts=self.accounts,
        )
        net = Posting(
            account=account.code,
            amount=_times(sign, split.net),
            reason=reason,
            line_id=line.accounting_entry_line_id,
            tax_code=split.tax_code,
            dimensions=dimensions(line, self.accounts.reference),
            original=self._original(line.line_amount, sign),
        )
        taxes = (
            Posting(
                account=leg.account.code,
                amount=_times(sign, leg.amount),
                reason=leg.reason,
                line_id=line.accounting_entry_line_id,
                tax_code=split.tax_code,
            )
            for leg in split.legs
        )
        return [net, *taxes]

    def _transfer_leg(self, line: Line, role: Role, sign: int) -> Posting:
        account, reason = self.accounts.role(role, self.item, self.method)
        paid = booked_side(line.line_amount, in_supplier_currency=self.how.always_supplier_currency).exact()
        return Posting(
            account=account.code,
            amount=_times(sign, paid),
            reason=reason,
            line_id=line.accounting_entry_line_id,
            dimensions=dimensions(line, self.accounts.reference),
            original=self._original(line.line_amount, sign),
        )

    def _whole(self, role: Role, total: Money, sign: int) -> Posting:
        account, reason = self.accounts.role(role, self.item, self.method)
        return Posting(
            account=account.code,
            amount=_times(sign, total),
            reason=reason,
            original=self._original(self.item.amount, sign),
        )

    def _original(self, amounts: Amounts, sign: int) -> Money | None:
        """Return what the supplier charged for a line, tax included, in the direction of the posting."""
        original = original_amount(amounts, in_supplier_currency=self.how.always_supplier_currency)
        return _times(sign, original) if original is not None else None


def _times(sign: int, amount: Money) -> Money:
    return amount if sign > 0 else -amount
