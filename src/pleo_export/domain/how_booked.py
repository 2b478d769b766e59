"""How each type of export item is booked, as data.

Pleo's guides state the accounts of some types and leave others open; no complete table is published. `stated` says
which rows Pleo states, the others are this project's decision and follow the same pattern. A row gives the direction
of a positive amount; a negative amount turns the entry round by itself, because postings are signed.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from pleo_export.domain.entry import EntryKind, Reason
from pleo_export.domain.item import ItemSubType, ItemType


class Role(StrEnum):
    """What an account is for in an entry."""

    CATEGORY = "category"  # the account of each line
    WALLET = "wallet"  # the Pleo account the money left: the item's contra account, else the configured one
    POCKET = "out_of_pocket"  # owed to (or by) employees
    CONTRA = "contra"  # the company's own money outside Pleo
    PAYABLE = "accounts_payable"  # owed to a vendor


class Payable(StrEnum):
    """Which documents a type becomes when it is booked through accounts payable."""

    NEVER = "never"  # always a journal entry
    BILL = "bill"  # a bill; its payment comes as an item of its own
    PAID_BILL = "paid_bill"  # a bill that is settled at once
    CREDIT_NOTE = "credit_note"  # a credit note whose money came back at once
    PAYMENT = "payment"  # the settlement of bills recorded earlier


class OwedTo(StrEnum):
    """Who the vendor is when a type is booked through accounts payable."""

    SUPPLIER = "supplier"
    EMPLOYEE = "employee"


class HowBooked(msgspec.Struct, frozen=True, kw_only=True):
    """One row: debit and credit for a positive amount, the sub-types that swap them, and the payable view."""

    debit: Role
    credit: Role
    payable: Payable
    owed_to: OwedTo = OwedTo.SUPPLIER
    reversed_by: frozenset[ItemSubType] = frozenset()
    always_supplier_currency: bool = False
    stated: bool = False

    def sides(self, sub_type: str | None, *, payable: bool) -> tuple[Role, Role]:
        """Return the debit and the credit role for a sub-type, as a journal entry or through accounts payable."""
        pair = (self.credit, self.debit) if sub_type in self.reversed_by else (self.debit, self.credit)
        return (self._through_vendor(pair[0]), self._through_vendor(pair[1])) if payable else pair

    def _through_vendor(self, role: Role) -> Role:
        """Through accounts payable the vendor stands where the money would, or, in a payment, the employee."""
        owed = role is Role.POCKET if self.payable is Payable.PAYMENT else role is not Role.CATEGORY
        return Role.PAYABLE if owed else role

    def reason(self, item_type: str, sub_type: str | None, *, payable: bool) -> Reason:
        """Say which sides a positive amount of the type is booked on."""
        debit, credit = (role.value.replace("_", " ") for role in self.sides(sub_type, payable=payable))
        turned = ", turned round by the sub-type" if sub_type in self.reversed_by else ""
        return Reason(
            ", ".join(filter(None, (item_type, sub_type))), f"debit {debit}, credit {credit}{turned}"
        )


_TO_COMPANY = frozenset({ItemSubType.REIMBURSEMENT_TO_COMPANY, ItemSubType.REIMBURSEMENT_TO_EMPLOYEE_REFUND})

HOW_BOOKED: Mapping[ItemType, HowBooked] = {
    ItemType.CARD_PURCHASE: HowBooked(
        debit=Role.CATEGORY, credit=Role.WALLET, payable=Payable.PAID_BILL, stated=True
    ),
    ItemType.CARD_INVOICE: HowBooked(debit=Role.CATEGORY, credit=Role.WALLET, payable=Payable.PAID_BILL),
    ItemType.FEE: HowBooked(debit=Role.CATEGORY, credit=Role.WALLET, payable=Payable.PAID_BILL),
    ItemType.INVOICE: HowBooked(
        debit=Role.CATEGORY,
        credit=Role.PAYABLE,
        payable=Payable.BILL,
        always_supplier_currency=True,
        stated=True,
    ),
    ItemType.INVOICE_PAYMENT: HowBooked(
        debit=Role.PAYABLE,
        credit=Role.WALLET,
        payable=Payable.PAYMENT,
        reversed_by=frozenset({ItemSubType.INVOICE_PAYMENT_RETURNED}),
    ),
    ItemType.OUT_OF_POCKET: HowBooked(
        debit=Role.CATEGORY, credit=Role.POCKET, payable=Payable.BILL, owed_to=OwedTo.EMPLOYEE, stated=True
    ),
    ItemType.MILEAGE: HowBooked(
        debit=Role.CATEGORY, credit=Role.POCKET, payable=Payable.BILL, owed_to=OwedTo.EMPLOYEE
    ),
    ItemType.PER_DIEM: HowBooked(
        debit=Role.CATEGORY, credit=Role.POCKET, payable=Payable.BILL, owed_to=OwedTo.EMPLOYEE
    ),
    ItemType.DIRECT_REIMBURSEMENT: HowBooked(
        debit=Role.POCKET,
        credit=Role.WALLET,
        payable=Payable.PAYMENT,
        owed_to=OwedTo.EMPLOYEE,
        reversed_by=_TO_COMPANY,
        stated=True,
    ),
    ItemType.EXTERNAL_REIMBURSEMENT: HowBooked(
        debit=Role.POCKET,
        credit=Role.CONTRA,
        payable=Payable.PAYMENT,
        owed_to=OwedTo.EMPLOYEE,
        reversed_by=_TO_COMPANY,
    ),
    ItemType.REFUND: HowBooked(debit=Role.WALLET, credit=Role.CATEGORY, payable=Payable.CREDIT_NOTE),
    ItemType.CHARGEBACK: HowBooked(debit=Role.WALLET, credit=Role.CATEGORY, payable=Payable.CREDIT_NOTE),
    ItemType.CASHBACK: HowBooked(debit=Role.WALLET, credit=Role.CATEGORY, payable=Payable.NEVER),
    ItemType.ATM_WITHDRAWAL: HowBooked(debit=Role.POCKET, credit=Role.WALLET, payable=Payable.NEVER),
    ItemType.PERSONAL_SPEND: HowBooked(debit=Role.POCKET, credit=Role.WALLET, payable=Payable.NEVER),
    ItemType.WALLET_TOPUP: HowBooked(
        debit=Role.WALLET, credit=Role.CONTRA, payable=Payable.NEVER, stated=True
    ),
    ItemType.WALLET_UNLOAD: HowBooked(
        debit=Role.CONTRA, credit=Role.WALLET, payable=Payable.NEVER, stated=True
    ),
}

PAYABLE_KINDS: Mapping[Payable, EntryKind] = {
    Payable.NEVER: EntryKind.JOURNAL,
    Payable.BILL: EntryKind.BILL,
    Payable.PAID_BILL: EntryKind.BILL,
    Payable.CREDIT_NOTE: EntryKind.CREDIT_NOTE,
    Payable.PAYMENT: EntryKind.PAYMENT,
}
