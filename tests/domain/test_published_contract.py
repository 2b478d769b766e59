"""Our reading of the Export API beside its contract document, where that lies beside the project."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pleo_export.domain.failure_types import ItemFailureType, JobFailureType
from pleo_export.domain.item import (
    Account,
    AdditionalInformation,
    Amounts,
    Bookkeeping,
    BookkeepingMethod,
    ExportItem,
    File,
    InvoiceInformation,
    InvoiceStatus,
    ItemSubType,
    ItemType,
    Line,
    Links,
    MoneyModel,
    PleoModel,
    ServicePeriod,
    Supplier,
    SupplierBankAccount,
    Tag,
    Tax,
    TaxType,
    Team,
    User,
    Vendor,
    decode_as_sent,
)
from pleo_export.domain.job import ExportJob, ExportJobItem, ItemStatus, JobEventType, JobStatus
from pleo_export.testing.expenses import as_json

CONTRACT = Path(__file__).parents[3] / "shared" / "pleo" / "openapi.yaml"

LISTS: Mapping[str, type[StrEnum]] = {
    "ExportItemTypeV3": ItemType,
    "ExportItemSubTypeV3": ItemSubType,
    "BookkeepingMethodV3": BookkeepingMethod,
    "TaxTypeV3": TaxType,
    "InvoiceInformationStatusV3": InvoiceStatus,
    "ExportJobItemFailureReasonType": ItemFailureType,
    "ExportJobFailureReasonType": JobFailureType,
    "ExportJobEventType": JobEventType,
    "ExportJobItemStatus": ItemStatus,
}
MODELS: Mapping[str, type[PleoModel]] = {
    "ExportItemV3": ExportItem,
    "ExportItemLineV3": Line,
    "ExportItemAmountV3": Amounts,
    "MoneyModel": MoneyModel,
    "AccountV3": Account,
    "TagV3": Tag,
    "TaxV3": Tax,
    "BookkeepingV3": Bookkeeping,
    "SupplierV3": Supplier,
    "VendorV3": Vendor,
    "TeamV3": Team,
    "ExportItemUserV3": User,
    "ServicePeriodV3": ServicePeriod,
    "ExportItemFile": File,
    "SupplierBankAccount": SupplierBankAccount,
    "InvoiceInformationV3": InvoiceInformation,
    "ExportItemAdditionalInformationV3": AdditionalInformation,
    "LinksResponse": Links,
    "ExportJobV3": ExportJob,
    "ExportJobItemV3": ExportJobItem,
}


@pytest.fixture(scope="module")
def components() -> Mapping[str, Any]:
    if not CONTRACT.exists():
        pytest.skip("the contract document of the Export API does not lie beside this project")
    document: Mapping[str, Any] = msgspec.yaml.decode(CONTRACT.read_bytes())["components"]
    return document


def keeps(read: Any, sent: Any) -> bool:
    """Whether all that was sent is there after reading and writing; what was left out may be there as null."""
    if isinstance(sent, dict):
        return all(keeps(read[key], value) for key, value in sent.items())
    if isinstance(sent, list):
        return len(read) == len(sent) and all(map(keeps, read, sent))
    return bool(read == sent)


def test_the_published_examples_are_read_with_all_their_fields(components: Mapping[str, Any]) -> None:
    for example in components["examples"]["ExportItemsPage"]["value"]["data"]:
        item = decode_as_sent(msgspec.json.encode(example), ExportItem)
        assert keeps(msgspec.json.decode(as_json(item)), example)


def test_our_lists_of_values_are_the_published_ones(components: Mapping[str, Any]) -> None:
    ours = {name: [member.value for member in members] for name, members in LISTS.items()}
    assert ours == {name: components["schemas"][name]["enum"] for name in LISTS}
    published = components["schemas"]["ExportJobStatus"]["enum"]
    assert [status.value for status in JobStatus] == [*published, "expired"]  # one page names it too


@pytest.mark.parametrize("name", MODELS)
def test_every_published_field_is_a_field_here_and_no_other(name: str, components: Mapping[str, Any]) -> None:
    fields = {field.encode_name: field.required for field in msgspec.structs.fields(MODELS[name])}
    fields.pop("asSent", None)
    schema = components["schemas"][name]
    assert fields.keys() == schema["properties"].keys()
    demanded = {field for field, required in fields.items() if required}
    assert demanded <= set(schema.get("required", ()))
