from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pleo_export.accounting.memory import MemoryBooks, MemoryConnector
from pleo_export.accounting.port import NoAnswerError, UnreachableError
from pleo_export.domain.reference import LedgerAccount, ReferenceData
from pleo_export.testing.faults import Faults, FaultyConnector, Moment, Verb
from pleo_export.testing.samples import sample_entry, sample_file


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def connector(faults: Faults) -> FaultyConnector:
    accounts = {code: LedgerAccount(code, code) for code in ("6100", "2610", "1900")}
    return FaultyConnector(MemoryConnector(MemoryBooks(ReferenceData(accounts=accounts))), faults)


async def test_a_fault_before_the_effect_leaves_nothing(connector: FaultyConnector, faults: Faults) -> None:
    faults.order(Verb.RECORD, UnreachableError("down"), times=2)
    for _ in range(2):
        with pytest.raises(UnreachableError):
            await connector.record(sample_entry())
    assert await connector.find("exp-1") is None
    assert (await connector.record(sample_entry())).created


async def test_a_fault_after_the_effect_leaves_it(connector: FaultyConnector, faults: Faults) -> None:
    faults.order(Verb.RECORD, NoAnswerError("lost"), moment=Moment.AFTER)
    with pytest.raises(NoAnswerError):
        await connector.record(sample_entry())
    assert not (await connector.record(sample_entry())).created


async def test_every_verb_can_fail(connector: FaultyConnector, faults: Faults, tmp_path: Path) -> None:
    entry, file = sample_entry(), sample_file(tmp_path)
    recorded = await connector.record(entry)
    calls: dict[Verb, Callable[[], Awaitable[object]]] = {
        Verb.CHECK: connector.check,
        Verb.REFERENCE_DATA: connector.reference_data,
        Verb.FIND: lambda: connector.find("exp-1"),
        Verb.RECORD: lambda: connector.record(entry),
        Verb.PAYABLES: lambda: connector.payables(None),
        Verb.ATTACH: lambda: connector.attach(entry, recorded, file),
        Verb.PREVIEW: lambda: connector.preview(entry),
    }
    assert set(calls) == set(Verb)
    for verb, call in calls.items():
        faults.order(verb, UnreachableError(verb))
        with pytest.raises(UnreachableError, match=verb):
            await call()
        await call()
    assert connector.link(recorded) == "memory:exp-1"
    await connector.close()
