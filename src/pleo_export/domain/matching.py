"""Bills and the payments that settle them. They may come in different jobs, in either order.

Whichever comes second finds the first: by the vendor, the invoice number and the amount, then by Pleo's reconciliation
ids. Amounts alone never make a match. Where a foreign bill is paid from a wallet in another currency, a clearing entry
settles the one against the other, and what the exchange rate made of it goes to an account of its own. Pure: the
books are given as a list.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from pleo_export.domain.entry import Entry, EntryKind, Match, Owed, Posting, Reason
from pleo_export.domain.money import Money
from pleo_export.domain.reference import LedgerAccount

_RULE = "matching"


class Settles(msgspec.Struct, frozen=True):
    """What a document says of the one that was there before it: how much of the bill and of the payment is settled."""

    reference: str
    settled: Money
    paid: Money


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A bill, credit note or payment in the books.

    `settled` is how much of `owed.amount` is matched, whichever of two documents says so; `settles` is what this one says.
    """

    reference: str
    kind: EntryKind
    owed: Owed
    invoice_number: str | None
    reconciliation_id: str
    reconciled_entries: tuple[str, ...]
    settled: Money
    settles: tuple[Settles, ...] = ()

    @property
    def open(self) -> Money:
        """What is not matched yet, with the sign of the document."""
        return self.owed.amount - self.settled


def document_of(entry: Entry) -> Document | None:
    """Return an entry as later ones will find it in the books; None where it owes and pays nothing."""
    if entry.owed is None:
        return None
    settles = tuple(Settles(one.reference, one.settled, one.paid) for one in entry.matches)
    settled = Money(entry.owed.amount.currency, 0)
    for one in settles:
        settled += _part_of(entry.kind, one)
    return Document(
        reference=entry.reference,
        kind=entry.kind,
        owed=entry.owed,
        invoice_number=entry.invoice.number if entry.invoice else None,
        reconciliation_id=entry.reconciliation_id,
        reconciled_entries=entry.reconciled_entries,
        settled=settled,
        settles=settles,
    )


def settled_by(documents: Sequence[Document], entry: Entry) -> list[Document]:
    """Return the documents as they stand once `entry` is in the books, itself included."""
    own = document_of(entry)
    if own is None:
        return list(documents)
    said = {one.reference: one for one in own.settles}
    after = [
        replace(one, settled=one.settled + _part_of(one.kind, said[one.reference]))
        if one.reference in said
        else one
        for one in documents
    ]
    return [*after, _as_told(own, documents)]


def _as_told(own: Document, documents: Sequence[Document]) -> Document:
    """Return a document with what others settle of it: they were there when it was removed, and it came back."""
    for one in documents:
        for said in one.settles:
            if said.reference == own.reference:
                own = replace(own, settled=own.settled + _part_of(own.kind, said))
    return own


def match(
    entry: Entry,
    documents: Sequence[Document],
    exchange_account: str | None,
    accounts: Mapping[str, LedgerAccount] | None = None,
) -> Entry:
    """Return the entry with the documents of its vendor that it belongs to, and what clears them.

    `exchange_account` takes exchange differences; without it, an entry that would need it stays open. So does one that
    would have to be cleared on an account of before that is closed; without `accounts` none is. Where nobody knows whose
    `documents` these are (an unknown vendor on the common account), invoice numbers tell nothing.
    """
    new = document_of(entry)
    if new is None:
        return entry
    mine = _as_told(new, documents)
    if mine.open.units == 0 and mine.settled.units:
        return replace(entry, matching=Reason(_RULE, "settled already by what is in the books"))
    found: list[Match] = []
    clearing: list[Posting] = []
    told: list[str] = []
    closed: list[str] = []
    for other, how in _candidates(mine, documents, numbers_tell=entry.vendor is not None):
        pair = _pair(mine, other)
        if pair is None:
            continue
        legs = _clearing(pair, exchange_account)
        if legs is None:
            return replace(
                entry, matching=Reason(_RULE, "left open", "accounts.exchange_difference is not set")
            )
        if why_closed := _closed(other, legs, accounts):
            closed.append(why_closed)
            continue
        found.append(pair.match(other.reference, how))
        told.append(f"{how}, {pair.state}")
        clearing += legs
        mine = replace(mine, settled=mine.settled + _part_of(mine.kind, found[-1]))
        if mine.open.units == 0:
            break
    if not found:
        why = _left_open(mine, documents) if entry.vendor else "left open: the vendor is not known"
        why = f"left open: {'; '.join(closed)}" if closed else why
        return replace(entry, matching=Reason(_RULE, why))
    if mine.open.units:
        told += [f"{mine.open} of this left open", *closed]
    return replace(
        entry,
        matches=tuple(found),
        clearing=tuple(clearing),
        matching=Reason(_RULE, "; ".join(told)),
    )


class _Pair(msgspec.Struct, frozen=True):
    """A bill and a payment, and how much of each settles the other; below zero where a bill is opened again."""

    bill: Document
    payment: Document
    settled: Money
    paid: Money

    def match(self, reference: str, how: str) -> Match:
        left = self.bill.open - self.settled
        return Match(
            reference=reference, settled=self.settled, paid=self.paid, left=left, reason=Reason(_RULE, how)
        )

    @property
    def opens_again(self) -> bool:
        """Whether a payment that came back takes its bill's settlement away."""
        return _sign(self.settled) != _sign(self.bill.owed.amount)

    @property
    def state(self) -> str:
        """What has become of the bill."""
        if self.opens_again:
            return "open again"
        left = self.bill.open - self.settled
        return "paid" if left.units == 0 else f"{left} left to pay"

    @property
    def worth(self) -> Money:
        """What the settled part of the bill was worth in the payment's currency when the bill came.

        The parts of a bill add up to its whole worth, whatever the rounding of each. Where its worth is not known in
        that currency, it is taken to be what was paid.
        """
        whole, worth = self.bill.owed.amount, self.bill.owed.other
        if whole.currency == self.paid.currency:
            return self.settled
        if worth is None or worth.currency != self.paid.currency:
            return self.paid
        before = self.bill.settled
        return _share(worth, before + self.settled, whole) - _share(worth, before, whole)


def _candidates(
    mine: Document, documents: Sequence[Document], *, numbers_tell: bool
) -> Iterator[tuple[Document, str]]:
    """Yield what may belong to a document, the surest first, with how it was found."""
    facing = [one for one in _standing(documents) if _faces(mine, one)]
    number = mine.invoice_number if numbers_tell else None
    by_number = [one for one in facing if number and one.invoice_number == number]
    exact = [one for one in by_number if _same_amount(mine, one)]
    # Of several bills with one number only the amount can tell which one is meant.
    rivals = by_number if mine.kind is EntryKind.PAYMENT else [mine, *_open_bills(documents, number)]
    if exact:
        yield exact[0], f"invoice {number}, same amount"
    elif len(rivals) == 1:
        yield from ((one, f"invoice {number}") for one in by_number)
    for one in facing:
        if one not in by_number and _reconciled(mine, one):
            yield one, f"reconciliation id {one.reconciliation_id}"


def _faces(mine: Document, other: Document) -> bool:
    """Whether one is a bill and the other a payment with something to settle between them."""
    if other.reference == mine.reference or not (mine.owed.amount.units and other.owed.amount.units):
        return False
    if (other.kind is EntryKind.PAYMENT) == (mine.kind is EntryKind.PAYMENT):
        return False
    if _sign(other.owed.amount) == _sign(mine.owed.amount):
        return other.open.units != 0
    # A returned payment opens a bill again, as far as that was settled.
    return mine.kind is EntryKind.PAYMENT and other.settled.units != 0


def _open_bills(documents: Sequence[Document], number: str | None) -> list[Document]:
    return [
        one
        for one in documents
        if one.kind is not EntryKind.PAYMENT and one.invoice_number == number and one.open.units
    ]


def _standing(documents: Sequence[Document]) -> Sequence[Document]:
    """Leave out payments that came back before they were matched, each together with its return."""
    standing: list[Document] = []
    for one in documents:
        paid = next((other for other in reversed(standing) if _takes_back(one, other)), None)
        if paid is None:
            standing.append(one)
        else:
            standing.remove(paid)
    return standing


def _takes_back(one: Document, payment: Document) -> bool:
    both = one.kind is EntryKind.PAYMENT and payment.kind is EntryKind.PAYMENT
    return both and one.open.units != 0 and one.open == -payment.open and _same_purpose(one, payment)


def _same_purpose(one: Document, other: Document) -> bool:
    """Whether two payments name the same invoice or the same expenses."""
    if one.invoice_number is not None or other.invoice_number is not None:
        return one.invoice_number == other.invoice_number
    return not set(one.reconciled_entries).isdisjoint(other.reconciled_entries)


def _reconciled(mine: Document, other: Document) -> bool:
    return (
        other.reconciliation_id in mine.reconciled_entries
        or mine.reconciliation_id in other.reconciled_entries
    )


def _same_amount(mine: Document, other: Document) -> bool:
    pair = _pair(mine, other)
    return pair is not None and pair.bill.open == pair.settled and pair.paid == pair.payment.open


def _pair(mine: Document, other: Document) -> _Pair | None:
    """Return how much of two documents settles each other; None where their currencies do not meet."""
    bill, payment = (other, mine) if mine.kind is EntryKind.PAYMENT else (mine, other)
    currency = bill.owed.amount.currency
    whole = next(
        (one for one in (payment.owed.amount, payment.owed.other) if one and one.currency == currency), None
    )
    if whole is None:
        return None
    unpaid = whole - _share(whole, payment.settled, payment.owed.amount)
    # A payment that came back can open no more of the bill than was settled.
    limit = bill.open if _sign(whole) == _sign(bill.owed.amount) else -bill.settled
    settled = min(unpaid, limit, key=lambda one: abs(one.units))
    if settled.units == 0:
        return None
    if settled == unpaid:
        return _Pair(bill, payment, settled, payment.open)
    return _Pair(bill, payment, settled, _share(payment.owed.amount, settled, whole))


def _clearing(pair: _Pair, exchange_account: str | None) -> list[Posting] | None:
    """Return what moves the settled amounts off both accounts: nothing where they meet on one account anyhow.

    None where there is an exchange difference and no account for it.
    """
    bill, payment = pair.bill.owed, pair.payment.owed
    foreign = bill.amount.currency != pair.paid.currency
    if bill.account == payment.account and not foreign:
        return []
    difference = pair.paid - pair.worth
    if difference.units and exchange_account is None:
        return None
    legs = [
        Posting(
            account=bill.account,
            amount=pair.settled,
            value=pair.worth if foreign else None,
            reason=Reason(_RULE, "the bill"),
        ),
        Posting(account=payment.account, amount=-pair.paid, reason=Reason(_RULE, "its payment")),
    ]
    if difference.units and exchange_account is not None:
        settled, worth, paid = (
            one if pair.settled.units > 0 else -one for one in (pair.settled, pair.worth, pair.paid)
        )
        told = f"{settled} was {worth} when the bill came, {paid} when it was paid"
        legs.insert(
            1,
            Posting(
                account=exchange_account,
                amount=difference,
                reason=Reason("accounts.exchange_difference", told),
            ),
        )
    return legs


def _closed(
    other: Document, legs: Sequence[Posting], accounts: Mapping[str, LedgerAccount] | None
) -> str | None:
    """Say why a document cannot be cleared on the account that it was booked on; nothing where it can be."""
    if accounts is None:
        return None
    account = accounts.get(other.owed.account)
    on_it = {leg.amount.currency for leg in legs if leg.account == other.owed.account}
    if not on_it:
        return None
    if account is None:
        why = "the accounting system no longer has"
    elif not account.active:
        why = "is no longer active"
    elif untaken := sorted(one for one in on_it if not account.takes(one)):
        why = f"no longer takes {', '.join(untaken)}"
    else:
        return None
    kind = other.kind.value.replace("_", " ")
    return f"{kind} {other.invoice_number or other.reference} is on account {other.owed.account}, which {why}"


def _part_of(kind: EntryKind, said: Match | Settles) -> Money:
    """Return what is settled of one of two documents, in that one's currency."""
    return said.paid if kind is EntryKind.PAYMENT else said.settled


def _share(whole: Money, part: Money, of: Money) -> Money:
    """Return `whole` * `part` / `of`, rounded half to even."""
    return Money(whole.currency, round_half_even(whole.units * part.units, of.units))


def round_half_even(numerator: int, denominator: int) -> int:
    """Divide exactly and round half to even."""
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    quotient, rest = divmod(numerator, denominator)
    return quotient + (2 * rest > denominator or (2 * rest == denominator and quotient % 2 == 1))


def _sign(amount: Money) -> int:
    return (amount.units > 0) - (amount.units < 0)


def _left_open(mine: Document, documents: Sequence[Document]) -> str:
    waits = "bill" if mine.kind is EntryKind.PAYMENT else "payment"
    if mine.invoice_number is None:
        return f"left open: no {waits} in the books yet"
    same_number = [
        one for one in documents if one.invoice_number == mine.invoice_number and _faces(mine, one)
    ]
    if same_number:
        return f"left open: {len(same_number)} of invoice {mine.invoice_number} in the books, none of them fits alone"
    return f"left open: no {waits} of invoice {mine.invoice_number} in the books yet"
