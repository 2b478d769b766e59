import io
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image, PdfParser

from pleo_export.simulator.builder import Builder, Plan
from pleo_export.simulator.chart import VENDORS
from pleo_export.simulator.receipts import OVERSIZE, Receipt, draw
from pleo_export.simulator.vocabulary import WALLET_TYPES, ItemType, ReceiptKind
from tests.simulator.simulator_api import Api


async def put(api: Api, *payloads: object) -> list[str]:
    answer = await api.post(f"/control/companies/{api.company.id}/expenses", list(payloads))
    assert answer.status == 201, answer.content
    ids: list[str] = answer.json["ids"]
    return ids


def card_purchase(**changes: Any) -> dict[str, Any]:
    plan = Plan(type=ItemType.CARD_PURCHASE, value=12_000, accounts=["6100"])
    return Builder(7, "99999999-9999-4999-8999-999999999999").build(replace(plan, **changes))


async def exported(api: Api, payload: object) -> Any:
    """The payload as the Export API gives it back."""
    await put(api, payload)
    (item,) = await api.export_items(await api.press_export())
    return item


async def test_an_expense_comes_back_as_it_was_put_in(api: Api) -> None:
    payload = card_purchase()
    item = await exported(api, payload)
    changed: dict[str, Any] = {"companyId": api.company.id, "files": [], "bookkeeping": None, "vendor": None}
    assert item == payload | changed


async def test_an_expense_without_an_id_gets_one(api: Api) -> None:
    payload = card_purchase()
    del payload["accountingEntryId"]
    (entry_id,) = await put(api, payload)
    (item,) = await api.export_items(await api.press_export())
    assert item["accountingEntryId"] == entry_id


async def test_fractions_of_hundredths_pass_through_exactly(api: Api) -> None:
    payload = card_purchase()
    payload["amount"]["inWalletCurrency"]["value"] = 100.5
    assert (await exported(api, payload))["amount"]["inWalletCurrency"]["value"] == 100.5


@pytest.mark.parametrize(
    "spoil", [{"type": "gift"}, {"nots": "misspelt"}, {"date": "yesterday"}, {"files": [{"kind": "exe"}]}]
)
async def test_an_expense_that_is_no_export_item_is_refused(api: Api, spoil: dict[str, object]) -> None:
    path = f"/control/companies/{api.company.id}/expenses"
    assert (await api.post(path, [card_purchase() | spoil])).refusal == (400, "VALIDATION_FAILED")


@pytest.mark.parametrize("vendor_based", [True, False])
async def test_vendor_and_method_come_with_vendor_based_bookkeeping_only(
    api: Api, *, vendor_based: bool
) -> None:
    path = f"/control/companies/{api.company.id}"
    await api.call("PATCH", path, {"vendorBasedBookkeeping": vendor_based})
    item = await exported(api, card_purchase(vendor=VENDORS[0], method="accounts_payable"))
    assert (item["bookkeeping"] is not None) is vendor_based
    assert (item["vendor"] is not None) is vendor_based


@pytest.mark.parametrize("kind", list(ItemType))
async def test_types_that_move_the_wallet_carry_its_contra_account(api: Api, kind: ItemType) -> None:
    payload = card_purchase(type=kind, currency="SEK") | {"contraAccount": None}
    contra = (await exported(api, payload))["contraAccount"]
    if kind in WALLET_TYPES:
        assert (contra["code"], contra["name"]) == ("1912", "Pleo SEK Account")
    else:
        assert contra is None


async def test_items_that_are_finished_stay_in_the_list_while_the_job_runs(api: Api) -> None:
    job_id = await api.job_in_progress(2)
    first, second = [item["accountingEntryId"] for item in await api.job_items(job_id)]
    await api.update(job_id, {"accountingEntryId": first, "status": "successful"})
    assert [item["accountingEntryId"] for item in await api.export_items(job_id)] == [first, second]


async def test_items_are_readable_only_while_the_job_is_unfinished(api: Api) -> None:
    await api.expenses(1)
    job_id = await api.press_export()
    assert len(await api.export_items(job_id)) == 1
    await api.event(job_id, "started")
    assert len(await api.export_items(job_id)) == 1
    await api.event(job_id, "completed")
    answer = await api.get("/v3/export-items", job_id=job_id)
    assert answer.refusal == (422, "EXPORT_JOB_STATUS_UNPROCESSABLE")


async def test_items_need_a_job_that_exists(api: Api) -> None:
    assert (await api.get("/v3/export-items")).refusal == (400, "PARAMETER_VALIDATION_FAILED")
    answer = await api.get("/v3/export-items", job_id="6f1f4a38-6d0c-4f6a-9d0e-6b6d1d3f2a10")
    assert answer.refusal == (404, "EXPORT_NOT_FOUND")


@pytest.mark.parametrize(
    ("mapped", "kind", "missing"),
    [
        ({}, ItemType.CARD_PURCHASE, ["EUR", "SEK"]),
        ({"EUR": "1"}, ItemType.CARD_PURCHASE, ["SEK"]),
        ({"SEK": "1"}, ItemType.CARD_PURCHASE, ["EUR"]),
        ({"EUR": "1", "SEK": "2"}, ItemType.CARD_PURCHASE, []),
        ({"EUR": "1"}, ItemType.OUT_OF_POCKET, []),
    ],
)
async def test_every_wallet_currency_and_the_default_one_need_a_contra_account(
    api: Api, mapped: dict[str, str], kind: ItemType, missing: list[str]
) -> None:
    (entry_id,) = await put(api, card_purchase(type=kind, currency="SEK"))
    accounts = {currency: {"code": code, "name": "Wallet"} for currency, code in mapped.items()}
    await api.call("PATCH", f"/control/companies/{api.company.id}", {"contraAccounts": accounts})
    job_id = await api.press_export()
    read = await api.get("/v3/export-items", job_id=job_id)
    await api.event(job_id, "failed")
    order = {"companyId": api.company.id, "accountingEntryIds": [entry_id]}
    created = await api.post("/v3/export-jobs", order)
    if missing:
        for answer in (read, created):
            assert answer.refusal == (400, "MISSING_CONTRA_ACCOUNTS")
            assert [name for name in ("EUR", "SEK") if name in answer.json["message"]] == missing
    else:
        assert (read.status, created.status) == (200, 201)


async def receipt(api: Api, kind: str) -> Any:
    return (await exported(api, card_purchase(receipts=[kind])))["files"][0]


@pytest.mark.parametrize(
    ("kind", "media_type"), [("pdf", "application/pdf"), ("png", "image/png"), ("jpg", "image/jpeg")]
)
async def test_a_receipt_is_served_with_its_declared_type_and_size(
    api: Api, kind: str, media_type: str
) -> None:
    file = await receipt(api, kind)
    api.authorization = None
    answer = await api.get(file["url"])
    assert (answer.status, answer.headers["content-type"], file["type"]) == (200, media_type, media_type)
    assert len(answer.content) == int(answer.headers["content-length"]) == file["size"]
    assert 10_000 <= file["size"] <= 60_000


async def test_a_link_is_fresh_at_each_read_and_dies_after_24_hours(api: Api) -> None:
    await put(api, card_purchase(receipts=["pdf"]))
    await api.call("PATCH", "/control/settings", {"expiresIn": 7 * 24 * 3600})
    job_id = await api.press_export()
    early = (await api.export_items(job_id))[0]["files"][0]["url"]
    api.clock.pass_time(hours=23)
    late = (await api.export_items(job_id))[0]["files"][0]["url"]
    assert late != early
    assert (await api.get(early)).status == 200
    api.clock.pass_time(hours=1)
    expired = await api.get(early)
    assert (expired.status, expired.headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert (await api.get(late)).status == 200


async def test_a_link_that_was_tampered_with_is_refused(api: Api) -> None:
    url = (await receipt(api, "pdf"))["url"]
    base, token, name = url.rsplit("/", 2)
    file, end, signature = token.split("-")
    for forged in (f"1-{end}-{signature}", f"{file}-{int(end) + 1}-{signature}", "x", f"{token}é"):
        assert (await api.get(f"{base}/{forged}/{name}")).status == 403
    assert (await api.get(f"{base}/{token}/other.pdf")).status == 403


async def test_a_receipt_can_be_gone(api: Api) -> None:
    answer = await api.get((await receipt(api, "gone"))["url"])
    assert (answer.status, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")


async def test_a_page_can_come_in_place_of_a_receipt(api: Api) -> None:
    file = await receipt(api, "html")
    answer = await api.get(file["url"])
    assert file["type"] == "application/pdf"
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"<html>" in answer.content


async def test_a_receipt_can_be_larger_than_pleo_stores(api: Api) -> None:
    file = await receipt(api, "oversize")
    answer = await api.get(file["url"])
    assert file["size"] == OVERSIZE > 30 * 1000 * 1000
    assert int(answer.headers["content-length"]) == len(answer.content) == OVERSIZE


async def test_an_expense_can_have_no_list_of_files(api: Api) -> None:
    assert (await exported(api, card_purchase() | {"files": None}))["files"] is None


def drawn(kind: ReceiptKind, name: str = "one") -> bytes:
    return draw(Receipt(name, kind, "Nordic Paper ApS", "2026-01-05", "123.45 EUR"))


@pytest.mark.parametrize(("kind", "form"), [(ReceiptKind.PNG, "PNG"), (ReceiptKind.JPG, "JPEG")])
def test_an_image_receipt_is_an_image_that_shows_the_expense(kind: ReceiptKind, form: str) -> None:
    with Image.open(io.BytesIO(drawn(kind))) as image:
        image.load()
        assert image.format == form
        other = draw(Receipt("one", kind, "Fjord Consulting AS", "2026-01-05", "123.45 EUR"))
        with Image.open(io.BytesIO(other)) as another:
            assert another.tobytes() != image.tobytes()


def test_a_pdf_receipt_has_one_page_or_two() -> None:
    pages = set()
    for number in range(8):
        data = drawn(ReceiptKind.PDF, f"receipt {number}")
        assert data.startswith(b"%PDF-")
        with PdfParser.PdfParser(buf=data) as pdf:
            pages.add(len(pdf.pages))
    assert pages == {1, 2}


@pytest.mark.parametrize("kind", [ReceiptKind.PDF, ReceiptKind.PNG, ReceiptKind.JPG])
def test_a_receipt_is_drawn_to_the_same_bytes_each_time(kind: ReceiptKind) -> None:
    first = drawn(kind)
    draw.cache_clear()
    assert drawn(kind) == first


@pytest.mark.parametrize("text", ["W" * 500, "", "מאפיית הכרמל", "\n\n"])
def test_any_supplier_fits_on_a_receipt(text: str) -> None:
    for kind in (ReceiptKind.PDF, ReceiptKind.PNG, ReceiptKind.JPG):
        paper = Receipt("x" * 80, kind, text, "2026-01-05", "9,999,999,999.99 EUR")
        assert len(draw(paper)) == paper.size
