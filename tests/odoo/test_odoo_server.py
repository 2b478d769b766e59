"""The test server itself: what other tests rely on."""

from pathlib import Path

import pytest

from tests.odoo.server import OdooDatabase, OdooServer

pytestmark = pytest.mark.slow
LOADED = ["id", "name"]


def test_a_fresh_database_holds_a_danish_company_and_nothing_booked(odoo: OdooDatabase) -> None:
    (company,) = odoo.call("res.company", "read", ids=[odoo.company_id], fields=["name", "currency_id"])
    assert (company["name"], company["currency_id"][1]) == ("Acme ApS", "DKK")
    assert odoo.call("account.move", "search_count", domain=[]) == 0
    accounts = odoo.call("account.account", "search_read", domain=[["code", "=", "1010"]], fields=["code"])
    assert len(accounts) == 1


def test_a_file_can_be_attached(odoo: OdooDatabase) -> None:
    file = {"name": "receipt.txt", "datas": "aGVq", "res_model": "res.partner", "res_id": 1}
    (made,) = odoo.call("ir.attachment", "create", vals_list=[file])
    assert odoo.call("ir.attachment", "read", ids=[made], fields=["datas"])[0]["datas"] == "aGVq"


def test_what_one_test_did_the_next_does_not_see(odoo: OdooDatabase, odoo_server: OdooServer) -> None:
    first = odoo.call("res.partner", "load", fields=LOADED, data=[["pleo_export.a", "One"]])["ids"]
    again = odoo_server.fresh(odoo.name)
    filler = again.call("res.partner", "create", vals_list=[{"name": "Somebody else"}])
    second = again.call("res.partner", "load", fields=LOADED, data=[["pleo_export.a", "Two"]])["ids"]
    assert filler == first
    assert again.call("res.partner", "read", ids=second, fields=["name"])[0]["name"] == "Two"


def test_a_killed_server_starts_again_with_what_it_held(odoo: OdooDatabase, odoo_server: OdooServer) -> None:
    (made,) = odoo.call("res.partner", "create", vals_list=[{"name": "Kept"}])
    odoo_server.kill()
    odoo_server.start()
    assert odoo.call("res.partner", "read", ids=[made], fields=["name"])[0]["name"] == "Kept"


def test_its_files_lie_in_a_folder_of_its_own(odoo_server: OdooServer) -> None:
    assert Path(odoo_server.lab, "cluster/PG_VERSION").exists()
