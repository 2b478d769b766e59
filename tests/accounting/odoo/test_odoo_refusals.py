"""What Odoo really answers, and what it means to us: refusals, rights, locks, and a check that finds them before."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from pleo_export.accounting.acceptance import EntryGoneError
from pleo_export.accounting.odoo import OdooConnector
from pleo_export.accounting.odoo.client import OdooClient
from pleo_export.accounting.odoo.errors import (
    CompanyUnknownError,
    OdooAddressError,
    OdooFaultError,
    TooLargeError,
    UnknownNameError,
)
from pleo_export.accounting.odoo.matches import OtherGoneError
from pleo_export.accounting.port import (
    ConnectorError,
    EntryRefusedError,
    ForbiddenError,
    NoAnswerError,
    PeriodClosedError,
    Recorded,
    UnauthorisedError,
    UnreachableError,
)
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Entry, EntryState, EntryVendor
from pleo_export.domain.failures import Severity
from pleo_export.domain.matching import match
from pleo_export.testing.samples import (
    sample_bill,
    sample_entry,
    sample_file,
    sample_invoice,
    sample_left_to_the_system,
    sample_payment,
)
from tests.accounting.odoo.books import CALL_SECONDS, FACTS, OdooBooks
from tests.accounting.odoo.faults import strike
from tests.odoo.processes import sql

pytestmark = pytest.mark.slow

LOCKED = date(2026, 1, 31)
LINES_OF_AN_ENTRY = len(sample_entry(facts=FACTS).postings)


@pytest.mark.parametrize(
    ("model", "method", "arguments", "expected"),
    [
        ("account.move", "action_post", {"ids": "an empty move"}, EntryRefusedError),
        ("account.account", "create", {"vals_list": [{"name": "Mine", "code": "999"}]}, ForbiddenError),
        ("account.move", "_post", {"ids": [1]}, ForbiddenError),
        ("account.move", "no_method", {}, OdooFaultError),
        ("no.model", "search", {"domain": []}, OdooFaultError),
        ("account.move", "search_read", {"domain": [], "fields": ["no_field"]}, OdooFaultError),
        ("account.move", "create", {"vals_list": [{"date": "no day"}]}, OdooFaultError),
        (
            "ir.model.data",
            "check_object_reference",
            {"module": "pleo_export", "xml_id": "nothing"},
            UnknownNameError,
        ),
    ],
)
async def test_an_answer_of_odoo_becomes_the_error_it_means(
    books: OdooBooks, model: str, method: str, arguments: dict[str, Any], expected: type[ConnectorError]
) -> None:
    client = OdooClient(books.database.settings, books.database.key, CALL_SECONDS)
    if arguments.get("ids") == "an empty move":
        arguments = {"ids": await client.call("account.move", "create", list[int], vals_list=[{}])}
    with pytest.raises(ConnectorError) as answered:
        await client.call(model, method, object, **arguments)
    await client.close()
    assert type(answered.value) is expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"database": "nobody_has_this"}, OdooAddressError),
        ({"company_id": 77}, CompanyUnknownError),
        ({"url": "http://127.0.0.1:9"}, UnreachableError),
    ],
)
async def test_a_wrong_setting_is_told_before_anything_is_recorded(
    books: OdooBooks, changes: dict[str, Any], expected: type[ConnectorError]
) -> None:
    settings = books.database.settings.model_copy(update=changes)
    connector = OdooConnector(settings, books.database.key, CALL_SECONDS)
    for verb in (
        connector.check,
        connector.reference_data,
        lambda: connector.record(sample_entry(facts=FACTS)),
    ):
        with pytest.raises(expected):
            await verb()
    await connector.close()


async def test_a_company_that_the_user_may_not_see_is_told_with_those_they_may(books: OdooBooks) -> None:
    other = books.database.other_company_id
    connector = OdooConnector(
        books.database.settings.model_copy(update={"company_id": other}), books.database.key, CALL_SECONDS
    )
    with pytest.raises(CompanyUnknownError, match=f"company {other}.*1 Acme ApS"):
        await connector.check()
    await connector.close()


async def test_a_key_that_was_revoked_is_told_and_the_new_one_goes_on(
    books: OdooBooks, connector: OdooConnector
) -> None:
    await connector.record(sample_entry(facts=FACTS))
    with sql(books.server.lab, books.database.name) as database:
        database.execute(
            "DELETE FROM res_users_apikeys USING res_users u WHERE user_id = u.id AND login = 'pleo-export'"
        )
    for verb in (
        connector.check,
        lambda: connector.find("exp-1"),
        lambda: connector.record(sample_entry("exp-2", facts=FACTS)),
    ):
        with pytest.raises(UnauthorisedError):
            await verb()
    renewed = books.connector(books.database.admin_key)
    assert await renewed.find("exp-1") is not None
    assert (await renewed.record(sample_entry("exp-2", facts=FACTS))).created
    await renewed.close()


async def test_an_account_that_was_archived_is_refused_by_its_number_and_nothing_stays(
    books: OdooBooks, connector: OdooConnector
) -> None:
    await connector.reference_data()
    (account,) = books.read("account.account", [["code", "=", FACTS.expense]], ["id"])
    books.database.call("account.account", "write", ids=[account["id"]], vals={"active": False})
    with pytest.raises(EntryRefusedError, match=FACTS.expense):
        await connector.record(sample_entry(facts=FACTS))
    assert books.moves() == []
    assert await connector.find("exp-1") is None
    reference = await connector.reference_data()
    assert not reference.accounts[FACTS.expense].active
    books.database.call("account.account", "write", ids=[account["id"]], vals={"active": True})
    assert (await connector.record(sample_entry(facts=FACTS))).created


async def test_entries_that_are_too_large_together_are_made_one_by_one(
    books: OdooBooks, connector: OdooConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = connector._client.call

    async def call(model: str, name: str, returns: type[Any], **arguments: Any) -> Any:
        if name == "load" and len(arguments["data"]) > LINES_OF_AN_ENTRY:
            raise TooLargeError("HTTP 413")
        return await real(model, name, returns, **arguments)

    monkeypatch.setattr(connector._client, "call", call)
    entries = [sample_entry(f"exp-{number}", facts=FACTS) for number in range(4)]
    await asyncio.gather(*map(connector.record, entries))
    assert len(books.moves()) == len(entries)


async def test_a_bill_is_owed_on_a_payable_account_or_refused(
    books: OdooBooks, connector: OdooConnector
) -> None:
    wrong = replace(FACTS, payable="7350")
    with pytest.raises(EntryRefusedError) as refused:
        await connector.record(sample_bill(facts=wrong))
    assert refused.value.cause is Cause.ODOO_NOT_PAYABLE
    assert "7350" in str(refused.value)


async def test_a_bill_that_was_cancelled_since_it_was_matched_is_named(
    books: OdooBooks, connector: OdooConnector
) -> None:
    recorded = await connector.record(sample_invoice(facts=FACTS))
    payment = match(sample_payment(facts=FACTS), await connector.payables(FACTS.vendor.id), FACTS.exchange)
    for method in ("button_draft", "button_cancel"):
        books.database.call("account.move", method, ids=[int(recorded.external_id)])
    with pytest.raises(OtherGoneError, match=payment.matches[0].reference):
        await connector.record(payment)
    assert await connector.find(payment.reference) is None


async def test_a_currency_that_is_not_active_is_refused_by_its_code(connector: OdooConnector) -> None:
    with pytest.raises(EntryRefusedError, match="ISK") as refused:
        await connector.record(sample_entry(facts=replace(FACTS, currency="ISK")))
    assert refused.value.cause is Cause.ODOO_CURRENCY_INACTIVE


async def test_receipts_of_an_entry_that_was_deleted_are_told_so(
    books: OdooBooks, connector: OdooConnector, tmp_path: Any
) -> None:
    entry = sample_entry(facts=FACTS, state=EntryState.DRAFT)
    recorded = await connector.record(entry)
    books.database.call("account.move", "unlink", ids=[int(recorded.external_id)])
    with pytest.raises(EntryGoneError):
        await connector.attach(entry, recorded, sample_file(tmp_path))
    assert await connector.find("exp-1") is None
    assert (await connector.record(entry)).created


def _taxed(reference: str) -> Entry:
    return sample_left_to_the_system(reference, facts=FACTS, code=FACTS.tax_code, units=12_500, tax=2500)


@pytest.mark.parametrize(
    ("kind", "closed", "open_"),
    [
        ("fiscalyear", sample_entry, None),
        ("hard", sample_entry, None),
        ("purchase", sample_bill, sample_entry),
        ("tax", _taxed, sample_payment),
    ],
)
async def test_a_lock_closes_the_entries_it_is_for(
    books: OdooBooks, connector: OdooConnector, kind: str, closed: Any, open_: Any
) -> None:
    books.lock(LOCKED, kind)
    entry = closed("closed-1") if closed is _taxed else closed("closed-1", facts=FACTS)
    with pytest.raises(PeriodClosedError) as error:
        await connector.record(entry)
    assert (error.value.day, error.value.next_open) == (FACTS.open_day, LOCKED + timedelta(days=1))
    assert await connector.find("closed-1") is None
    moved = await connector.record(replace(entry, posting_date=LOCKED + timedelta(days=1)))
    assert moved.posted == LOCKED + timedelta(days=1)
    if open_ is not None:
        assert (await connector.record(open_("open-1", facts=FACTS))).posted == FACTS.open_day


async def test_a_lock_of_sales_closes_nothing_that_is_bought(
    books: OdooBooks, connector: OdooConnector
) -> None:
    books.lock(LOCKED, "sale")
    for entry in (sample_entry("open-1", facts=FACTS), sample_bill("open-2", facts=FACTS)):
        assert (await connector.record(entry)).posted == FACTS.open_day


async def test_postgresql_that_is_down_for_a_while_is_no_wrong_setting(
    books: OdooBooks, connector: OdooConnector
) -> None:
    await connector.record(sample_entry(facts=FACTS))
    name = books.database.name
    with sql(books.server.lab) as database:
        database.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
    for asked in (connector.find("exp-1"), connector.record(sample_entry("exp-2", facts=FACTS))):
        with pytest.raises((UnreachableError, NoAnswerError)) as down:
            await asked
        assert down.value.cause in (Cause.SYSTEM_UNREACHABLE, Cause.SYSTEM_NO_ANSWER)
    with sql(books.server.lab) as database:
        database.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
    assert (await connector.record(sample_entry("exp-2", facts=FACTS))).created


@pytest.mark.parametrize("sample", [sample_entry, sample_bill])
async def test_a_date_that_odoo_moves_without_a_word_is_read_back(
    books: OdooBooks, connector: OdooConnector, monkeypatch: pytest.MonkeyPatch, sample: Any
) -> None:
    entry = sample("late-1", facts=FACTS)
    strike(monkeypatch, connector, "load", lambda: books.lock(LOCKED))
    recorded = await connector.record(entry)
    assert recorded.created
    assert recorded.posted > LOCKED
    (move,) = books.moves("late-1")
    assert (move["state"], move["date"]) == ("posted", recorded.posted.isoformat())
    assert await connector.find("late-1") == replace(recorded, created=False)


async def test_an_entry_that_stands_in_a_period_that_was_closed_since_is_found(
    books: OdooBooks, connector: OdooConnector
) -> None:
    entry = sample_entry(facts=FACTS)
    recorded = await connector.record(entry)
    books.lock(LOCKED)
    assert await connector.record(entry) == replace(recorded, created=False)


async def test_a_check_of_a_company_as_new_finds_nothing(connector: OdooConnector) -> None:
    assert list(await connector.check()) == []


async def test_a_check_names_every_right_that_is_missing(books: OdooBooks, connector: OdooConnector) -> None:
    (user,) = books.read("res.users", [["login", "=", "pleo-export"]], ["id"])
    (plain,) = books.read("ir.model.data", [["module", "=", "base"], ["name", "=", "group_user"]], ["res_id"])
    books.database.call(
        "res.users", "write", ids=[user["id"]], vals={"group_ids": [[6, 0, [plain["res_id"]]]]}
    )
    (found,) = await connector.check()
    assert found.cause is Cause.SYSTEM_FORBIDDEN
    for right in (
        "create Journal Entry (account.move)",
        "read Journal (account.journal)",
    ):
        assert right in found.problem
    with pytest.raises(ForbiddenError):
        await connector.record(sample_entry(facts=FACTS))


async def test_a_user_who_may_not_create_contacts_is_told_of_and_records_for_known_vendors(
    books: OdooBooks, connector: OdooConnector
) -> None:
    group = [["module", "=", "base"], ["name", "=", "group_partner_manager"]]
    (manager,) = books.read("ir.model.data", group, ["res_id"])
    (user,) = books.read("res.users", [["login", "=", "pleo-export"]], ["id"])
    vals = {"group_ids": [[3, manager["res_id"]]]}
    books.database.call("res.users", "write", ids=[user["id"]], vals=vals)
    (found,) = await connector.check()
    assert (found.cause, found.severity) == (Cause.ODOO_NO_NEW_VENDORS, Severity.WARNING)
    new = sample_bill("new-1", facts=FACTS, vendor=EntryVendor("new-1", "New", create=True))
    known, refused = await asyncio.gather(
        connector.record(sample_bill("known-1", facts=FACTS)), connector.record(new), return_exceptions=True
    )
    assert isinstance(known, Recorded)
    assert isinstance(refused, EntryRefusedError)
    assert "create" in str(refused)


async def test_a_bill_that_a_bookkeeper_takes_back_is_not_taken_for_ours(
    books: OdooBooks, connector: OdooConnector
) -> None:
    recorded = await connector.record(sample_invoice(facts=FACTS))
    move = int(recorded.external_id)
    before = await connector.payables(FACTS.vendor.id)
    within = {"active_model": "account.move", "active_ids": [move], "allowed_company_ids": [1]}
    (journal,) = books.read("account.journal", [["code", "=", "BILL"]], ["id"])
    vals = {"journal_id": journal["id"], "date": FACTS.open_day.isoformat()}
    reversal = books.database.call("account.move.reversal", "create", vals_list=[vals], context=within)
    books.database.call("account.move.reversal", "reverse_moves", ids=reversal)
    (copy,) = books.read("account.move", [["reversed_entry_id", "=", move]], ["invoice_origin"])
    assert copy["invoice_origin"].startswith('{"pleo":')
    assert list(await connector.check()) == []
    assert await connector.payables(FACTS.vendor.id) == before
    books.database.call("account.move", "action_post", ids=[copy["id"]])
    (settled,) = await connector.payables(FACTS.vendor.id)
    assert settled.open.units == 0


async def test_a_check_finds_drafts_in_a_locked_period_and_a_lock_that_lies_ahead(books: OdooBooks) -> None:
    connector = OdooConnector(
        books.database.settings, books.database.key, CALL_SECONDS, today=lambda: date(2026, 1, 20)
    )
    await connector.record(sample_entry(facts=FACTS, state=EntryState.DRAFT))
    books.lock(LOCKED)
    found = {one.cause: one for one in await connector.check()}
    assert set(found) == {Cause.ODOO_DRAFTS_LOCKED, Cause.ODOO_LOCKED_AHEAD}
    assert all(one.type is None for one in found.values())
    assert "1 draft" in found[Cause.ODOO_DRAFTS_LOCKED].problem
    await connector.close()


async def test_a_vendor_is_created_without_a_tax_number_that_odoo_does_not_take(
    books: OdooBooks, connector: OdooConnector
) -> None:
    await connector.record(
        sample_bill(
            facts=FACTS, vendor=EntryVendor("new-2", "Odd", create=True, tax_identifier="DK-nonsense")
        )
    )
    (partner,) = books.read("res.partner", [["ref", "=", "new-2"]], ["name", "supplier_rank"])
    assert partner["name"] == "Odd"
