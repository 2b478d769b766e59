"""Answers that a real Odoo gives only while it is down, half set up, or hidden behind something else."""

import json
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from pleo_export.accounting.odoo import OdooSettings
from pleo_export.accounting.odoo.client import OdooClient
from pleo_export.accounting.odoo.errors import InvoicingMissingError, OdooAddressError, TooLargeError
from pleo_export.accounting.port import NoAnswerError, UnreachableError
from pleo_export.domain.catalogue import Cause

COMPANY = {
    "id": 1,
    "name": "Acme ApS",
    "currency_id": [12, "DKK"],
    "tax_calculation_rounding_method": "round_per_line",
}


class Stage:
    """What answers in the place of Odoo: `answer` makes the answer to each call."""

    def __init__(self) -> None:
        self.answer: Callable[[], web.Response] = lambda: web.json_response([COMPANY])

    async def handle(self, _: web.Request) -> web.Response:
        return self.answer()


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[OdooClient]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", stage.handle)
    async with TestServer(app) as server:
        client = OdooClient(OdooSettings(url=str(server.make_url("")), database="books"), "key", 5)
        yield client
        await client.close()


def _page(status: int) -> web.Response:
    return web.Response(status=status, text="<!doctype html>", content_type="text/html")


@pytest.mark.parametrize("status", [303, 404, 405])
async def test_a_foreign_answer_is_a_wrong_address_only_until_the_company_was_read(
    stage: Stage, client: OdooClient, status: int
) -> None:
    read = stage.answer
    stage.answer = lambda: _page(status)
    with pytest.raises(OdooAddressError) as wrong:
        await client.company()
    assert wrong.value.cause is Cause.ODOO_NOT_THERE
    stage.answer = read
    assert (await client.company()).currency == "DKK"
    stage.answer = lambda: _page(status)
    with pytest.raises(UnreachableError, match="PostgreSQL") as down:
        await client.call("account.move", "action_post", object, ids=[1])
    assert down.value.cause is Cause.SYSTEM_UNREACHABLE


async def test_a_page_in_the_place_of_an_answer_leaves_open_whether_the_call_was_done(
    stage: Stage, client: OdooClient
) -> None:
    await client.company()
    stage.answer = lambda: _page(200)
    with pytest.raises(NoAnswerError):
        await client.call("account.move", "action_post", bool, ids=[1])
    with pytest.raises(OdooAddressError):
        await client.version()


async def test_a_call_that_a_proxy_finds_too_large_is_told_with_the_setting_that_helps(
    stage: Stage, client: OdooClient
) -> None:
    await client.company()
    stage.answer = lambda: _page(413)
    with pytest.raises(TooLargeError, match="client_max_body_size"):
        await client.call("ir.attachment", "load", object)


async def test_a_database_that_keeps_no_books_is_told_so(stage: Stage, client: OdooClient) -> None:
    body = {
        "name": "builtins.ValueError",
        "message": "Invalid field 'tax_calculation_rounding_method' on 'res.company'",
    }
    stage.answer = lambda: web.Response(status=500, text=json.dumps(body))
    with pytest.raises(InvoicingMissingError, match=r"app Invoicing is not installed.*Activate"):
        await client.companies()
