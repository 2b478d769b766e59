"""The month of the company that books through vendors: what it holds, and that it is consistent in itself."""

from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any

from pleo_export.simulator.chart import EXPENSE_ACCOUNTS, TAX_CODES
from pleo_export.simulator.generator import PAYABLE_COUNT, Generated, generate
from pleo_export.simulator.payable import PAYABLE_VENDORS
from pleo_export.simulator.vocabulary import WALLET_TYPES, ItemSubType, ItemType
from tests.simulator.simulator_api import Api
from tests.simulator.test_simulator_generator import BOTH, COMPANY, value

MONTH = generate(1, PAYABLE_COUNT, "payable", company_id=COMPANY)


def of_type(*kinds: ItemType, job: int | None = None) -> list[dict[str, Any]]:
    return [
        one.payload
        for one in MONTH
        if one.must_fail is None and one.payload["type"] in kinds and job in (None, one.job)
    ]


def number(expense: dict[str, Any]) -> str:
    text: str = expense["additionalInformation"]["invoiceInformation"]["invoiceNumber"]
    return text


def invoices_by_number() -> dict[str, dict[str, Any]]:
    return {number(invoice): invoice for invoice in of_type(ItemType.INVOICE)}


def all_lines() -> list[dict[str, Any]]:
    return [line for one in MONTH for line in one.payload["accountingEntryLines"]]


def test_only_ids_and_invoice_numbers_depend_on_the_seed() -> None:
    def facts(expenses: list[Generated]) -> list[Any]:
        return [
            (
                one.payload["type"],
                one.payload["date"],
                one.payload["amount"],
                [
                    (line["lineAmount"], line["netAmount"], line["account"], line["tax"], line["tags"])
                    for line in one.payload["accountingEntryLines"]
                ],
            )
            for one in expenses
        ]

    other = generate(2, PAYABLE_COUNT, "payable", company_id=COMPANY)
    assert facts(other) == facts(MONTH)
    assert not {one.payload["accountingEntryId"] for one in other} & {
        one.payload["accountingEntryId"] for one in MONTH
    }
    others = {number(one.payload) for one in other if one.payload["type"] == ItemType.INVOICE}
    assert not others & invoices_by_number().keys()


def test_invoices_come_with_the_first_export_and_most_payments_with_the_second() -> None:
    assert Counter(
        (one.payload["type"].value, one.job) for one in MONTH if "invoice" in one.payload["type"]
    ) == {
        ("invoice", 1): 7,
        ("invoice", 2): 2,
        ("invoice_payment", 1): 1,
        ("invoice_payment", 2): 9,
        ("card_invoice", 1): 1,
    }


def test_a_payment_carries_vendor_and_number_of_its_invoice_and_never_more_than_its_amount() -> None:
    paid: dict[str, int] = defaultdict(int)
    for payment in of_type(ItemType.INVOICE_PAYMENT):
        invoice = invoices_by_number()[number(payment)]
        assert payment["vendor"] == invoice["vendor"]
        supplier_side = "inSupplierCurrency"
        assert payment["amount"][supplier_side]["currency"] == invoice["amount"][supplier_side]["currency"]
        returned = payment["subType"] == ItemSubType.INVOICE_PAYMENT_RETURNED
        amount = value(payment["amount"], supplier_side)
        paid[number(payment)] += -amount if returned else amount
        assert 0 < amount <= value(invoice["amount"], supplier_side)
    states: Counter[str] = Counter()
    for key, invoice in invoices_by_number().items():
        owed = value(invoice["amount"], "inSupplierCurrency")
        states["paid" if paid[key] == owed else "open" if paid[key] == 0 else "wrong"] += 1
    assert states == {"paid": 6, "open": 2}


def test_some_invoices_are_paid_in_parts_at_another_rate_before_they_came_or_not_at_all() -> None:
    invoices = invoices_by_number()
    payments = of_type(ItemType.INVOICE_PAYMENT)
    times = Counter(number(payment) for payment in payments if payment["subType"].endswith("sent"))
    assert sorted(times.values()) == [1, 1, 1, 1, 1, 2, 2]
    full = [one for one in payments if times[number(one)] == 1]
    assert any(one["amount"] != invoices[number(one)]["amount"] for one in full)
    assert sum(one["date"] < invoices[number(one)]["date"] for one in payments) == 2
    assert any(value(invoice["amount"], "inWalletCurrency") < 0 for invoice in invoices.values())


def test_a_reimbursement_is_the_sum_of_the_expenses_it_names_and_goes_to_the_same_person() -> None:
    spent = {
        expense["additionalInformation"]["reconciliationId"]: expense
        for expense in of_type(ItemType.OUT_OF_POCKET, ItemType.MILEAGE, ItemType.PER_DIEM, job=1)
    }
    settled = []
    for back in of_type(ItemType.DIRECT_REIMBURSEMENT, ItemType.EXTERNAL_REIMBURSEMENT, job=2):
        named = [spent[one] for one in back["additionalInformation"]["reconciledEntries"]]
        total = sum(value(expense["amount"], "inWalletCurrency") for expense in named)
        assert total == value(back["amount"], "inWalletCurrency")
        assert {expense["user"]["code"] for expense in named} == {back["user"]["code"]}
        assert {expense["bookkeeping"]["method"] for expense in named} == {back["bookkeeping"]["method"]}
        settled += back["additionalInformation"]["reconciledEntries"]
    assert sorted(settled) == sorted(spent)


def test_tax_is_what_the_rate_says_and_one_net_amount_is_off_by_one_hundredth() -> None:
    off, kinds = [], set()
    for line in all_lines():
        tax = line["tax"]
        kinds.add(tax and tax["type"])
        for side in BOTH:
            paid, net = value(line["lineAmount"], side), value(line["netAmount"], side)
            vat = value(tax["amount"], side) if tax else 0
            inside = vat if tax and tax["type"] != "reverse" else 0
            assert abs(vat - (paid - inside) * (tax["rate"] if tax else Decimal())) <= 1
            off += [paid - inside - net] if net != paid - inside else []
    assert kinds == {None, "inclusive", "exclusive", "reverse"}
    assert off == [1, 1]  # one line, both currencies


def test_one_purchase_is_split_over_three_accounts_with_three_tax_codes() -> None:
    splits = [
        {(line["account"]["code"], line["tax"]["code"]) for line in purchase["accountingEntryLines"]}
        for purchase in of_type(ItemType.CARD_PURCHASE)
        if len(purchase["accountingEntryLines"]) > 1
    ]
    assert [len(split) for split in splits] == [3]


def test_expenses_that_can_be_booked_keep_to_the_chart_and_name_a_known_vendor_or_employee() -> None:
    vendors = {vendor.code for vendor in PAYABLE_VENDORS}
    for one in MONTH:
        expense = one.payload
        for line in expense["accountingEntryLines"]:
            assert line["account"] is None or line["account"]["code"] in EXPENSE_ACCOUNTS
            assert line["tax"] is None or line["tax"]["code"] in TAX_CODES
        assert (expense["contraAccount"] is not None) is (expense["type"] in WALLET_TYPES)
        assert expense["team"]["code"]
        if one.must_fail is None and expense["bookkeeping"]["method"] == "accounts_payable":
            named = expense["vendor"] and expense["vendor"]["externalId"]
            assert named in vendors or (named is None and expense["user"]["code"] in {"E-01", "E-02"})


def test_tags_attendees_and_service_periods_are_there() -> None:
    groups = {tag["groupCode"] for line in all_lines() for tag in line["tags"]}
    assert groups == {"COST_CENTRE", "PROJECT"}
    assert sum(bool(one.payload["additionalInformation"]["attendees"]) for one in MONTH) == 2
    periods = [one.payload["servicePeriod"] for one in MONTH if one.payload["servicePeriod"]]
    assert len(periods) == 2
    assert all(period["from"] < period["to"] for period in periods)


def test_two_expenses_must_fail_and_all_kinds_but_cash_and_private_spend_are_there() -> None:
    assert Counter(one.must_fail for one in MONTH) == {None: 39, "vendor_unknown": 1, "tag_unknown": 1}
    left_out = {ItemType.ATM_WITHDRAWAL, ItemType.PERSONAL_SPEND}
    assert {one.payload["type"] for one in MONTH} == set(ItemType) - left_out


async def test_the_control_api_makes_the_month_and_refuses_another_size(api: Api) -> None:
    path = f"/control/companies/{api.company.id}/expenses:generate"
    order = {"scenario": "payable", "seed": 1}
    refused = await api.post(path, order | {"count": PAYABLE_COUNT - 1})
    assert refused.status == 400
    assert f"this company has {PAYABLE_COUNT} expenses" in refused.content.decode()
    made = await api.post(path, order | {"count": PAYABLE_COUNT})
    assert made.json["ids"] == [one.payload["accountingEntryId"] for one in MONTH]
