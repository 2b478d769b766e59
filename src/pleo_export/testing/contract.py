"""The contract suite: what every connector must do. Subclass ConnectorContract and give it your books.

    class TestMyConnector(ConnectorContract):
        @pytest.fixture
        def books(self) -> Books:
            return MyBooks(...)

It needs pytest with pytest-asyncio in auto mode. Give every test fresh books: each one records `exp-1`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from pleo_export.accounting.port import (
    ClosedPeriod,
    Connector,
    EntryRefusedError,
    NoAnswerError,
    PeriodClosedError,
    Recorded,
    UnreachableError,
)
from pleo_export.domain.entry import Entry, EntryState
from pleo_export.domain.failure_types import ItemFailureType
from pleo_export.domain.failures import Finding, Severity
from pleo_export.domain.matching import document_of, match
from pleo_export.testing.bookkeeping_contract import BookkeepingContract
from pleo_export.testing.books import Books, is_refused, needs
from pleo_export.testing.samples import (
    sample_bill,
    sample_credit_note,
    sample_entry,
    sample_file,
    sample_files,
    sample_invoice,
    sample_payment,
    sample_posting,
)
from pleo_export.testing.totals import Totals, totals_of_entries

__all__ = ["Books", "ConnectorContract", "Totals"]

_RACERS = 8


class ConnectorContract(BookkeepingContract):
    """One test a promise of the port. Override `books`."""

    async def test_an_entry_that_was_never_recorded_is_not_found(self, connector: Connector) -> None:
        assert await connector.find("exp-1") is None

    async def test_a_recorded_entry_is_found_with_its_date_and_fingerprint(
        self, books: Books, connector: Connector
    ) -> None:
        entry = sample_entry(facts=books.facts)
        recorded = await connector.record(entry)
        assert recorded.created
        assert recorded.posted == entry.posting_date
        assert recorded.fingerprint in (entry.fingerprint, None)
        assert await connector.find("exp-1") == msgspec.structs.replace(recorded, created=False)
        later = sample_entry("exp-2", facts=books.facts, posting_date=books.facts.other_open_day)
        assert (await connector.record(later)).posted == later.posting_date != later.expense_date

    async def test_recording_twice_gives_one_entry(self, books: Books, connector: Connector) -> None:
        entry = sample_entry(facts=books.facts)
        first = await connector.record(entry)
        second = await connector.record(entry)
        assert second == msgspec.structs.replace(first, created=False)
        assert await books.count("exp-1") == 1
        assert await books.totals() == totals_of_entries(entry)

    async def test_racing_records_give_one_entry(self, books: Books, connector: Connector) -> None:
        entry = sample_entry(facts=books.facts)
        racers = [connector, await books.open()]
        answers = await asyncio.gather(*(racers[turn % 2].record(entry) for turn in range(_RACERS)))
        await racers[1].close()
        assert [answer.created for answer in answers].count(True) == 1
        assert len({answer.external_id for answer in answers}) == 1
        assert await books.count("exp-1") == 1

    async def test_the_same_reference_on_another_date_is_the_same_entry(
        self, books: Books, connector: Connector
    ) -> None:
        first = await connector.record(sample_entry(facts=books.facts))
        second = await connector.record(
            sample_entry(facts=books.facts, posting_date=books.facts.other_open_day)
        )
        assert second == msgspec.structs.replace(first, created=False)
        assert await books.count("exp-1") == 1

    async def test_races_on_different_dates_give_one_entry(self, books: Books, connector: Connector) -> None:
        days = [books.facts.open_day, books.facts.other_open_day] * (_RACERS // 2)
        answers = await asyncio.gather(
            *(connector.record(sample_entry(facts=books.facts, posting_date=day)) for day in days)
        )
        assert [answer.created for answer in answers].count(True) == 1
        assert len({answer.posted for answer in answers}) == 1
        assert await books.count("exp-1") == 1

    async def test_different_references_are_different_entries(
        self, books: Books, connector: Connector
    ) -> None:
        references = ["exp-1", "exp-1-1", "exp_1", "exp.1", "exp/1", "Ausgabe 1", "../exp-1", "x" * 200]
        recorded = [await connector.record(sample_entry(one, facts=books.facts)) for one in references]
        assert len({one.external_id for one in recorded}) == len(references)
        for reference, one in zip(references, recorded, strict=True):
            assert await connector.find(reference) == msgspec.structs.replace(one, created=False)

    async def test_a_draft_is_recorded_once_as_well(self, books: Books, connector: Connector) -> None:
        needs(connector.capabilities.drafts, "drafts")
        draft = sample_entry(facts=books.facts, state=EntryState.DRAFT)
        assert (await connector.record(draft)).created
        assert not (await connector.record(draft)).created
        assert await books.count("exp-1") == 1

    async def test_a_bill_and_its_settlement_are_both_there(self, books: Books, connector: Connector) -> None:
        needs(connector.capabilities.payables, "payables")
        await self._stands(books, connector, sample_bill(facts=books.facts))

    async def test_a_bill_over_nothing_is_recorded(self, books: Books, connector: Connector) -> None:
        """Its lines are worth nothing, or outweigh each other."""
        needs(connector.capabilities.payables, "payables")
        facts = books.facts
        for reference, parts in (("bill-0", [0]), ("bill-1", [1000, -1000])):
            lines = [sample_posting(facts.expense, units, facts.currency) for units in parts]
            owed, wallet = (sample_posting(one, 0, facts.currency) for one in (facts.payable, facts.wallet))
            bill = sample_bill(
                reference, facts=facts, postings=(*lines, owed), settlement=(owed, wallet), invoice=None
            )
            await self._stands(books, connector, bill)

    async def test_a_settlement_that_is_refused_leaves_no_bill(
        self, books: Books, connector: Connector
    ) -> None:
        needs(connector.capabilities.payables, "payables")
        facts = books.facts
        wrong = msgspec.structs.replace(facts, wallet=facts.missing)
        bill = sample_bill(facts=facts, settlement=sample_bill(facts=wrong).settlement)
        await is_refused(books, connector, bill, ItemFailureType.ACCOUNT_UNKNOWN)

    async def test_a_call_that_is_cancelled_is_made_good_by_the_next_one(
        self, books: Books, connector: Connector
    ) -> None:
        """It may have been done wholly, or not at all; and whoever asks comes from another process."""
        needs(connector.capabilities.payables, "payables")
        bills = [sample_bill(f"bill-{turns}", facts=books.facts, invoice=None) for turns in range(5)]
        for turns, bill in enumerate(bills):
            call = asyncio.create_task(connector.record(bill))
            for _ in range(turns):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait([call])
            other = await books.open()
            recorded = await other.record(bill)
            assert await other.find(bill.reference) == msgspec.structs.replace(recorded, created=False)
            await other.close()
            assert await books.count(bill.reference) == 1
        assert await books.totals() == totals_of_entries(*bills)

    async def test_amounts_have_the_decimals_of_their_currency(
        self, books: Books, connector: Connector
    ) -> None:
        facts = books.facts
        entries = [
            sample_entry(
                f"exp-{currency}",
                facts=facts,
                postings=(
                    sample_posting(facts.expense, 1_234_567, currency),
                    sample_posting(facts.wallet, -1_234_567, currency),
                ),
            )
            for currency in facts.other_currencies
        ]
        needs(bool(entries), "currencies of none or three decimals")
        for entry in entries:
            assert f"{entry.postings[0].amount.decimal:f}" in await connector.preview(entry)
            await connector.record(entry)
        assert await books.totals() == totals_of_entries(*entries)

    async def test_a_credit_note_is_recorded(self, books: Books, connector: Connector) -> None:
        needs(connector.capabilities.payables, "payables")
        await self._stands(books, connector, sample_credit_note(facts=books.facts))

    async def test_a_payment_is_recorded(self, books: Books, connector: Connector) -> None:
        needs(connector.capabilities.payables, "payables")
        await self._stands(books, connector, sample_payment(facts=books.facts))

    async def test_files_are_attached_in_order_with_their_content(
        self, books: Books, connector: Connector, tmp_path: Path
    ) -> None:
        files = sample_files(tmp_path, 3 if connector.capabilities.several_attachments else 1)
        entry, recorded = await self._recorded_for_files(books, connector)
        for file in files:
            await connector.attach(entry, recorded, file)
            file.path.unlink()  # as the caller may
        assert list(await books.files("exp-1")) == [file.sha256 for file in files]

    async def test_two_files_of_the_same_content_are_both_there(
        self, books: Books, connector: Connector, tmp_path: Path
    ) -> None:
        needs(connector.capabilities.several_attachments, "several attachments")
        entry, recorded = await self._recorded_for_files(books, connector)
        files = [sample_file(tmp_path, position, key=f"key-{position}") for position in (1, 2)]
        for file in (*files, *files):
            await connector.attach(entry, recorded, file)
        assert list(await books.files("exp-1")) == [file.sha256 for file in files]

    async def test_a_file_attached_twice_is_there_once(
        self, books: Books, connector: Connector, tmp_path: Path
    ) -> None:
        entry, recorded = await self._recorded_for_files(books, connector)
        file = sample_file(tmp_path)
        await connector.attach(entry, recorded, file)
        await asyncio.gather(*(connector.attach(entry, recorded, file) for _ in range(3)))
        assert list(await books.files("exp-1")) == [file.sha256]

    async def test_a_file_whose_content_changed_is_attached_as_well_and_nothing_is_overwritten(
        self, books: Books, connector: Connector, tmp_path: Path
    ) -> None:
        needs(connector.capabilities.several_attachments, "several attachments")
        entry, recorded = await self._recorded_for_files(books, connector)
        old, new = (
            sample_file(tmp_path, content=content) for content in (b"%PDF-1.4\nold", b"%PDF-1.4\nnew")
        )
        for file in (old, new, new, old):
            await connector.attach(entry, recorded, file)
        assert sorted(await books.files("exp-1")) == sorted([old.sha256, new.sha256])

    async def test_a_file_is_attached_after_a_restart(
        self, books: Books, connector: Connector, tmp_path: Path
    ) -> None:
        entry, _ = await self._recorded_for_files(books, connector)
        reopened = await books.open()
        found = await reopened.find("exp-1")
        assert found is not None
        await reopened.attach(entry, found, sample_file(tmp_path))
        await reopened.close()
        assert len(await books.files("exp-1")) == 1

    async def test_an_unknown_account_is_refused_and_nothing_stays(
        self, books: Books, connector: Connector
    ) -> None:
        entry = sample_entry(facts=msgspec.structs.replace(books.facts, expense=books.facts.missing))
        refusal = await is_refused(books, connector, entry, ItemFailureType.ACCOUNT_UNKNOWN)
        assert books.facts.missing in refusal

    async def test_a_refused_entry_can_be_recorded_once_it_is_right(
        self, books: Books, connector: Connector
    ) -> None:
        wrong = sample_entry(facts=msgspec.structs.replace(books.facts, expense=books.facts.missing))
        with pytest.raises(EntryRefusedError):
            await connector.record(wrong)
        assert (await connector.record(sample_entry(facts=books.facts))).created

    async def test_a_bad_entry_keeps_none_of_those_beside_it_from_being_recorded(
        self, books: Books, connector: Connector
    ) -> None:
        wrong = msgspec.structs.replace(books.facts, expense=books.facts.missing)
        entries = [
            sample_entry(f"exp-{number}", facts=wrong if number == _RACERS // 2 else books.facts)
            for number in range(_RACERS)
        ]
        outcomes = await asyncio.gather(*map(connector.record, entries), return_exceptions=True)
        bad = [one for one in outcomes if isinstance(one, BaseException)]
        assert [type(one) for one in bad if not isinstance(one, EntryRefusedError)] == []
        assert outcomes.index(bad[0]) == _RACERS // 2
        assert len(bad) == 1
        good = [entry for entry, one in zip(entries, outcomes, strict=True) if one is not bad[0]]
        assert await books.totals() == totals_of_entries(*good)

    async def test_an_entry_that_stands_is_found_though_it_could_not_be_recorded_any_more(
        self, books: Books, connector: Connector
    ) -> None:
        recorded = await connector.record(sample_entry(facts=books.facts))
        wrong = msgspec.structs.replace(books.facts, expense=books.facts.missing)
        again = await connector.record(sample_entry(facts=wrong))
        assert again == msgspec.structs.replace(recorded, created=False)

    async def test_a_closed_day_is_rejected_and_nothing_stays(
        self, books: Books, connector: Connector
    ) -> None:
        day = books.facts.closed_day
        rejects = connector.capabilities.closed_period is ClosedPeriod.REJECTS
        needs(rejects and day is not None, "rejection of closed days")
        with pytest.raises(PeriodClosedError) as closed:
            await connector.record(sample_entry(facts=books.facts, posting_date=day))
        assert closed.value.day == day
        assert closed.value.next_open is None or closed.value.next_open > closed.value.day
        assert await connector.find("exp-1") is None
        assert await books.totals() == {}

    async def test_a_closed_day_on_which_the_date_would_move_is_rejected_or_the_move_is_told(
        self, books: Books, connector: Connector
    ) -> None:
        day = books.facts.closed_day
        moves = connector.capabilities.closed_period is ClosedPeriod.MOVES_THE_DATE
        needs(moves and day is not None, "moved dates")
        recorded: Recorded | None = None
        with suppress(PeriodClosedError):
            recorded = await connector.record(sample_entry(facts=books.facts, posting_date=day))
        if recorded is None:
            assert await connector.find("exp-1") is None
            assert await books.totals() == {}
        else:
            assert recorded.posted != day
            assert await connector.find("exp-1") == msgspec.structs.replace(recorded, created=False)

    async def test_every_verb_ends_in_time_when_the_system_does_not_answer_and_never_with_a_guess(
        self, books: Books, connector: Connector, tmp_path: Path
    ) -> None:
        earlier, entry = sample_entry("exp-0", facts=books.facts), sample_entry(facts=books.facts)
        recorded, file = await connector.record(earlier), sample_file(tmp_path)
        stalled = books.stalled()
        if stalled is None:
            pytest.skip("these books cannot be stalled")

        async def owed() -> object:
            return list(await connector.payables(None))

        there = msgspec.structs.replace(recorded, created=False)
        looks: list[tuple[Callable[[], Awaitable[object]], Sequence[object] | None]] = [
            (connector.check, None),
            (connector.reference_data, None),
            (owed, [[]]),
            (lambda: connector.find("exp-0"), [there]),
            (lambda: connector.find("exp-1"), [None]),
        ]
        with stalled:
            for look, true in looks:
                with suppress(UnreachableError, NoAnswerError):
                    answer = await asyncio.wait_for(look(), books.facts.seconds)
                    assert true is None or answer in true
            attached = False
            with suppress(UnreachableError, NoAnswerError):
                await asyncio.wait_for(connector.attach(earlier, recorded, file), books.facts.seconds)
                attached = True
            with pytest.raises((UnreachableError, NoAnswerError)) as silent:
                await asyncio.wait_for(connector.record(entry), books.facts.seconds)
        if isinstance(silent.value, UnreachableError):
            assert await books.count("exp-1") == 0, "surely not done"
        await connector.record(entry)
        assert await books.count("exp-1") == 1
        assert not attached or list(await books.files("exp-0")) == [file.sha256]

    async def test_healthy_books_have_no_findings_that_stop_a_job(
        self, books: Books, connector: Connector
    ) -> None:
        assert _errors(await connector.check()) == []
        await connector.record(sample_entry(facts=books.facts))
        assert _errors(await connector.check()) == []

    async def test_looking_changes_nothing(self, books: Books, connector: Connector) -> None:
        recorded = await connector.record(sample_entry(facts=books.facts))
        before = await books.snapshot()
        await connector.check()
        await connector.reference_data()
        await connector.find("exp-1")
        await connector.payables(None)
        await connector.preview(sample_entry("exp-2", facts=books.facts))
        connector.link(recorded)
        assert await books.snapshot() == before

    async def test_the_reference_data_knows_the_accounts_and_the_lock(
        self, books: Books, connector: Connector
    ) -> None:
        facts, data = books.facts, await connector.reference_data()
        for code in (facts.expense, facts.wallet, facts.tax, facts.payable, facts.exchange):
            account = data.account(code)
            assert account is not None
            assert account.active
        assert data.account(facts.missing) is None
        if data.vendors is not None:
            assert facts.vendor.id in {vendor.id for vendor in data.vendors}
        if data.locked_through is not None and facts.closed_day is not None:
            assert facts.closed_day <= data.locked_through < facts.open_day

    async def test_a_preview_shows_every_amount_and_records_nothing(
        self, books: Books, connector: Connector
    ) -> None:
        bill = document_of(sample_invoice(facts=books.facts, worth=9000))
        assert bill is not None
        paid = sample_payment(facts=books.facts, units=9100, charged=10_000)
        entry = match(paid, [bill], books.facts.exchange)
        text = await connector.preview(entry)
        for posting in (*entry.postings, *entry.clearing):
            assert f"{abs(posting.amount.decimal):f}" in text
        assert await connector.find(entry.reference) is None

    async def test_links_of_different_entries_differ(self, books: Books, connector: Connector) -> None:
        links = [
            connector.link(await connector.record(sample_entry(one, facts=books.facts))) for one in ("a", "b")
        ]
        assert links == [None, None] or (None not in links and links[0] != links[1])

    async def test_everything_is_still_there_after_closing_and_reopening(
        self, books: Books, tmp_path: Path
    ) -> None:
        first = await books.open()
        entry = sample_entry(facts=books.facts)
        recorded = await first.record(entry)
        if first.capabilities.attachments:
            await first.attach(entry, recorded, sample_file(tmp_path))
        await first.close()
        before = await books.snapshot()
        second = await books.open()
        assert await second.find("exp-1") == msgspec.structs.replace(recorded, created=False)
        await second.close()
        assert await books.snapshot() == before

    async def _stands(self, books: Books, connector: Connector, entry: Entry) -> None:
        recorded = await connector.record(entry)
        assert recorded.created
        assert await connector.find(entry.reference) == msgspec.structs.replace(recorded, created=False)
        assert await books.count(entry.reference) == 1
        assert await books.totals() == totals_of_entries(entry)

    async def _recorded_for_files(self, books: Books, connector: Connector) -> tuple[Entry, Recorded]:
        needs(connector.capabilities.attachments, "attachments")
        entry = sample_entry(facts=books.facts)
        return entry, await connector.record(entry)


def _errors(findings: Sequence[Finding]) -> list[Finding]:
    return [one for one in findings if one.severity is Severity.ERROR]
