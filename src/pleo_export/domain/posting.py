"""Step 5.6: the postings of an entry, put together from the accounts and the data of the steps before."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from pleo_export.domain.accounts import Accounts
from pleo_export.domain.data import booked_side, dimensions, other_side, unexplained
from pleo_export.domain.entry import Dimension, Owed, Posting
from pleo_export.domain.failures import RejectedItemError
from pleo_export.domain.how_booked import HowBooked, Payable, Role
from pleo_export.domain.item import Amounts, ExportItem, Line
from pleo_export.domain.method import Method
from pleo_export.domain.money import Money, MoneyError
from pleo_export.domain.reference import ReferenceData
from pleo_export.domain.settings import CompanySettings
from pleo_export.domain.tax import LineLeg, split_line


class Legs(msgspec.Struct, frozen=True, kw_only=True):
    """The postings of an entry and those of its settlement (empty for most), and what it leaves owed or paid."""

    postings: tuple[Posting, ...]
    settlement: tuple[Posting, ...]
    owed: Owed | None


def postings(
    item: ExportItem, how: HowBooked, method: Method, settings: CompanySettings, reference: ReferenceData
) -> Legs:
    """Put the postings together: one a line on the lines' side, its tax beside it, one counter posting over the whole.

    Raises RejectedItemError and MoneyError.
    """
    total = booked_side(item.amount, in_supplier_currency=how.always_supplier_currency).exact()
    builder = _Builder(
        item=item,
        how=how,
        method=method,
        settings=settings,
        accounts=Accounts(settings=settings, reference=reference, currency=total.currency),
    )
    return Legs(postings=builder.entry(total), settlement=builder.settlement(total), owed=builder.owed(total))


class _Builder(msgspec.Struct, frozen=True, kw_only=True):
    item: ExportItem
    how: HowBooked
    method: Method
    settings: CompanySettings
    accounts: Accounts

    def entry(self, total: Money) -> tuple[Posting, ...]:
        lines_role, counter_role, sign = self._direction()
        legs: list[Posting] = []
        rest = unexplained(
            self.item,
            total,
            in_supplier_currency=self.how.always_supplier_currency,
            may_round=self.settings.accounts.rounding is not None,
        )
        for position, line in enumerate(self.item.accounting_entry_lines, start=1):
            if lines_role is Role.CATEGORY:
                legs += self._category_legs(line, position, sign)
            else:
                legs.append(self._transfer_leg(line, lines_role, sign))
        if rest.units:
            legs.append(self._rounding(rest, total, sign, legs))
        return (*legs, self._whole(counter_role, total, -sign))

    def owed(self, total: Money) -> Owed | None:
        """Return what is owed or paid through a vendor, where bill and payment come as items of their own."""
        if not self.method.payable or self.how.payable not in (Payable.BILL, Payable.PAYMENT):
            return None
        lines_role, _, _ = self._direction()
        account, _ = self.accounts.role(Role.PAYABLE, self.item, self.method)
        other = other_side(self.item.amount, in_supplier_currency=self.how.always_supplier_currency)
        # A payment that came back has the wallet on its lines' side, and owes again.
        sign = 1 if lines_role in (Role.CATEGORY, Role.PAYABLE) else -1
        return Owed(account.code, _times(sign, total), _times(sign, other))

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
        debit, credit = self.how.sides(self.item.sub_type, payable=self.method.payable)
        return (credit, debit, -1) if credit is Role.CATEGORY else (debit, credit, 1)

    def _category_legs(self, line: Line, position: int, sign: int) -> list[Posting]:
        account, reason = self.accounts.category(line, position)
        split = split_line(
            line, position, in_supplier_currency=self.how.always_supplier_currency, accounts=self.accounts
        )
        originals = self._other_side(line, position, split.legs)
        net = Posting(
            account=account.code,
            amount=_times(sign, split.net),
            reason=reason,
            line_id=line.accounting_entry_line_id,
            tax_code=split.tax_code,
            tax=_times(sign, split.left_to_system),
            dimensions=self._dimensions(line),
            original=_times(sign, originals[0]),
        )
        beside = (
            Posting(
                account=leg.account.code,
                amount=_times(sign, leg.amount),
                reason=leg.reason,
                line_id=line.accounting_entry_line_id,
                tax_code=split.tax_code if leg.of_tax else None,
                original=_times(sign, original),
            )
            for leg, original in zip(split.legs, originals[1:], strict=True)
        )
        return [net, *beside]

    def _other_side(self, line: Line, position: int, legs: Sequence[LineLeg]) -> Sequence[Money | None]:
        """Return net amount and legs of a line in the other currency of Pleo's pair, where they can be told.

        They are shown, not booked: a line that does not add up in that currency stays without.
        """
        nothing: Sequence[Money | None] = [None] * (1 + len(legs))
        if other_side(line.line_amount, in_supplier_currency=self.how.always_supplier_currency) is None:
            return nothing
        try:
            other = split_line(
                line,
                position,
                in_supplier_currency=not self.how.always_supplier_currency,
                accounts=self.accounts,
            )
        except (RejectedItemError, MoneyError):
            return nothing
        return other.amounts_beside(legs)

    def _transfer_leg(self, line: Line, role: Role, sign: int) -> Posting:
        account, reason = self.accounts.role(role, self.item, self.method)
        paid = booked_side(line.line_amount, in_supplier_currency=self.how.always_supplier_currency).exact()
        return Posting(
            account=account.code,
            amount=_times(sign, paid),
            reason=reason,
            line_id=line.accounting_entry_line_id,
            dimensions=self._dimensions(line),
            original=self._original(line.line_amount, sign),
        )

    def _rounding(self, rest: Money, total: Money, sign: int, legs: Sequence[Posting]) -> Posting:
        account, reason = self.accounts.rounding(f"the lines come to {total - rest}, the expense is {total}")
        original = self._original(self.item.amount, sign)
        for leg in legs:
            original = original - leg.original if original and leg.original else None
        return Posting(
            account=account.code,
            amount=_times(sign, rest),
            reason=reason,
            original=original if original and original.is_rounding else None,
        )

    def _dimensions(self, line: Line) -> tuple[Dimension, ...]:
        return dimensions(line, self.item, self.settings.mapping, self.accounts.reference)

    def _whole(self, role: Role, total: Money, sign: int) -> Posting:
        account, reason = self.accounts.role(role, self.item, self.method)
        return Posting(
            account=account.code,
            amount=_times(sign, total),
            reason=reason,
            original=self._original(self.item.amount, sign),
        )

    def _original(self, amounts: Amounts, sign: int) -> Money | None:
        """Return an amount in the other currency of Pleo's pair, in the direction of the posting."""
        return _times(sign, other_side(amounts, in_supplier_currency=self.how.always_supplier_currency))


Amount = TypeVar("Amount", Money, Money | None)


def _times(sign: int, amount: Amount) -> Amount:
    return amount if sign > 0 or amount is None else -amount
