"""The part of the contract suite about payables, vendors, tax by code and journals."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from pleo_export.accounting.port import Connector, EntryRefusedError
from pleo_export.domain.entry import Entry, EntryVendor, InvoiceDetails, Owed
from pleo_export.domain.failure_types import ItemFailureType
from pleo_export.domain.matching import Document, match, settled_by
from pleo_export.domain.money import Money
from pleo_export.testing.books import Books, OnBooks, is_refused, needs
from pleo_export.testing.samples import (
    sample_bill,
    sample_credit_note,
    sample_entry,
    sample_invoice,
    sample_left_to_the_system,
    sample_payment,
)
from pleo_export.testing.totals import totals_of_entries

_RACERS = 8


class BookkeepingContract(OnBooks):
    """One test a promise; `contract.ConnectorContract` includes them all."""

    async def test_a_bill_is_followed_through_part_payments_the_rest_and_its_return(
        self, books: Books, connector: Connector
    ) -> None:
        needs(connector.capabilities.payables, "payables")
        facts = books.facts
        entries = [sample_invoice(facts=facts)] + [
            sample_payment(f"payment-{number}", facts=facts, units=units)
            for number, units in enumerate((4000, 6000, -6000), start=1)
        ]
        documents: Sequence[Document] = []
        for entry, paid in zip(entries, (0, 4000, 10_000, 4000), strict=True):
            recorded = await self._matched(books, connector, entry)
            documents = settled_by(documents, recorded)
            assert list(await connector.payables(facts.vendor.id)) == documents
            assert documents[0].settled == Money(facts.currency, paid)
        assert [one.reference for one in documents] == [entry.reference for entry in entries]
        assert await books.totals() == totals_of_entries(*entries)
        other = await books.open()
        assert list(await other.payables(facts.vendor.id)) == documents, "it is read from the books"
        await other.close()

    async def test_a_payment_that_came_first_is_found_by_its_bill(
        self, books: Books, connector: Connector
    ) -> None:
        needs(connector.capabilities.payables, "payables")
        facts = books.facts
        await self._matched(books, connector, sample_payment(facts=facts))
        bill = await self._matched(books, connector, sample_invoice(facts=facts))
        assert [one.reference for one in bill.matches] == ["payment-1"]
        assert [one.open.units for one in await connector.payables(facts.vendor.id)] == [0, 0]

    async def test_a_credit_note_and_its_refund_settle_each_other(
        self, books: Books, connector: Connector
    ) -> None:
        needs(connector.capabilities.payables, "payables")
        facts = books.facts
        owed = Owed(facts.payable, Money(facts.currency, -2000))
        number = InvoiceDetails("CN-1", None, None)
        await self._matched(books, connector, sample_credit_note(facts=facts, owed=owed))
        await self._matched(books, connector, sample_payment(facts=facts, units=-2000, invoice=number))
        settled = [one.settled.units for one in await connector.payables(facts.vendor.id)]
        assert settled == [-2000, -2000]

    async def test_payables_are_a_vendors_own_and_only_what_is_owed_or_paid_by_itself(
        self, books: Books, connector: Connector
    ) -> None:
        needs(connector.capabilities.payables, "payables")
        facts = books.facts
        for entry in (
            sample_entry(facts=facts),
            sample_bill(facts=facts),
            sample_invoice(facts=facts),
            sample_invoice("common-1", facts=facts, vendor=None),
        ):
            await connector.record(entry)
        listed = [
            [one.reference for one in await connector.payables(vendor)]
            for vendor in (facts.vendor.id, None, facts.missing)
        ]
        assert listed == [["invoice-1"], ["common-1"], []]

    async def test_a_foreign_bill_and_its_payment_clear_the_payable_account_in_both_currencies(
        self, books: Books, connector: Connector
    ) -> None:
        needs(connector.capabilities.payables, "payables")
        facts = books.facts
        bill = await self._matched(books, connector, sample_invoice(facts=facts, worth=9000))
        payment = await self._matched(
            books, connector, sample_payment(facts=facts, units=9100, charged=10_000)
        )
        assert await books.totals() == {
            (facts.expense, facts.foreign): 10_000,
            (facts.wallet, facts.currency): -9100,
            (facts.exchange, facts.currency): 100,
        }
        assert await books.totals() == totals_of_entries(bill, payment)
        assert [one.open.units for one in await connector.payables(facts.vendor.id)] == [0, 0]

    async def test_what_stands_stays_as_it_is_when_it_is_recorded_again_with_what_it_belongs_to_since(
        self, books: Books, connector: Connector
    ) -> None:
        needs(connector.capabilities.payables, "payables")
        facts = books.facts
        payment = sample_payment(facts=facts, units=9100, charged=10_000)
        recorded = await connector.record(payment)
        await connector.record(sample_invoice(facts=facts, worth=9000))
        documents = await connector.payables(facts.vendor.id)
        again = match(payment, documents, facts.exchange)
        assert again.clearing
        before = await books.snapshot()
        assert await connector.record(again) == msgspec.structs.replace(recorded, created=False)
        assert await books.snapshot() == before
        assert list(await connector.payables(facts.vendor.id)) == list(documents)

    async def test_a_clearing_that_is_refused_leaves_neither_payment_nor_match(
        self, books: Books, connector: Connector
    ) -> None:
        needs(connector.capabilities.payables, "payables")
        wrong = msgspec.structs.replace(books.facts, exchange=books.facts.missing)
        await self._matched(books, connector, sample_invoice(facts=wrong, worth=9000))
        before, documents = await books.totals(), await connector.payables(wrong.vendor.id)
        payment = match(sample_payment(facts=wrong, units=9100, charged=10_000), documents, wrong.exchange)
        with pytest.raises(EntryRefusedError, match=wrong.missing):
            await connector.record(payment)
        assert await connector.find("payment-1") is None
        assert await books.totals() == before
        assert list(await connector.payables(wrong.vendor.id)) == list(documents)

    async def test_a_vendor_is_created_once_whoever_races_and_listed_from_then_on(
        self, books: Books, connector: Connector
    ) -> None:
        needs(connector.capabilities.creates_vendors, "creation of vendors")
        vendor = EntryVendor("new-1", 'Søstrene "Ny" \\ Co', create=True, tax_identifier="DK87654321")
        bills = [sample_bill(f"bill-{turn}", facts=books.facts, vendor=vendor) for turn in range(_RACERS)]
        racers = [connector, await books.open()]
        await asyncio.gather(*(racers[turn % 2].record(bill) for turn, bill in enumerate(bills)))
        await racers[1].close()
        reopened = await books.open()
        for reader in (connector, reopened):
            found = [one for one in (await reader.reference_data()).vendors or () if one.id == vendor.id]
            assert [(one.name, one.tax_identifier) for one in found] == [(vendor.name, "DK87654321")]
        await reopened.close()

    async def test_a_vendor_that_is_there_already_is_not_created_again(
        self, books: Books, connector: Connector
    ) -> None:
        needs(connector.capabilities.creates_vendors, "creation of vendors")
        before = (await connector.reference_data()).vendors
        known = msgspec.structs.replace(books.facts.vendor, name="Another name", create=True)
        await connector.record(sample_bill(facts=books.facts, vendor=known))
        assert (await connector.reference_data()).vendors == before

    async def test_an_unknown_vendor_who_is_not_to_be_created_is_refused(
        self, books: Books, connector: Connector
    ) -> None:
        keeps_vendors = (await connector.reference_data()).vendors is not None
        needs(connector.capabilities.payables and keeps_vendors, "list of vendors")
        stranger = EntryVendor(books.facts.missing, "Nobody")
        await is_refused(
            books, connector, sample_bill(facts=books.facts, vendor=stranger), ItemFailureType.VENDOR_UNKNOWN
        )

    @pytest.mark.parametrize("sign", [1, -1])
    async def test_tax_is_split_by_its_code_as_pleo_states_it(
        self, books: Books, connector: Connector, sign: int
    ) -> None:
        needs(connector.capabilities.tax_by_code, "tax codes of its own")
        facts = books.facts
        entry = sample_left_to_the_system(
            facts=facts, code=facts.tax_code, units=sign * 12_500, tax=sign * 2500
        )
        recorded = await connector.record(entry)
        assert recorded.fingerprint in (entry.fingerprint, None)
        assert await books.totals() == {
            (facts.expense, facts.currency): sign * 10_000,
            (facts.tax, facts.currency): sign * 2500,
            (facts.wallet, facts.currency): sign * -12_500,
        }

    async def test_under_reverse_charge_the_tax_comes_on_top_on_both_accounts(
        self, books: Books, connector: Connector
    ) -> None:
        needs(connector.capabilities.tax_by_code, "tax codes of its own")
        facts = books.facts
        await connector.record(
            sample_left_to_the_system(facts=facts, code=facts.reverse_code, units=10_000, tax=2500)
        )
        assert await books.totals() == {
            (facts.expense, facts.currency): 10_000,
            (facts.tax, facts.currency): 2500,
            (facts.output_tax, facts.currency): -2500,
            (facts.wallet, facts.currency): -10_000,
        }

    async def test_tax_that_differs_by_more_than_rounding_is_refused_with_both_amounts(
        self, books: Books, connector: Connector
    ) -> None:
        needs(connector.capabilities.tax_by_code, "tax codes of its own")
        facts = books.facts
        entry = sample_left_to_the_system(facts=facts, code=facts.tax_code, units=12_500, tax=2498)
        refusal = await is_refused(
            books, connector, entry, ItemFailureType.ACCOUNTING_SYSTEM_VALIDATION_FAILURE
        )
        assert str(Money(facts.currency, 2500)) in refusal
        assert str(Money(facts.currency, 2498)) in refusal

    async def test_a_tax_code_that_the_system_lacks_is_refused(
        self, books: Books, connector: Connector
    ) -> None:
        needs(connector.capabilities.tax_by_code, "tax codes of its own")
        entry = sample_left_to_the_system(facts=books.facts, code=books.facts.missing, units=12_500, tax=2500)
        await is_refused(books, connector, entry, ItemFailureType.TAX_CODE_UNKNOWN)

    async def test_an_entry_goes_into_a_journal_that_is_there_and_into_no_other(
        self, books: Books, connector: Connector
    ) -> None:
        journals, facts = (await connector.reference_data()).journals, books.facts
        needs(journals is not None, "journals")
        assert (await connector.record(sample_entry("exp-2", facts=facts, journal=facts.journal))).created
        entry = sample_entry(facts=facts, journal=facts.missing)
        await is_refused(books, connector, entry, ItemFailureType.INVALID_CONFIGURATION)

    async def _matched(self, books: Books, connector: Connector, entry: Entry) -> Entry:
        """Record an entry with what it belongs to in the books, and return it so."""
        vendor = entry.vendor.id if entry.vendor else None
        matched = match(entry, await connector.payables(vendor), books.facts.exchange)
        assert (await connector.record(matched)).created
        return matched
