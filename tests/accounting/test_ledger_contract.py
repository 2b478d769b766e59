import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pytest
from filelock import FileLock

from pleo_export.accounting.ledger import LedgerConnector, LedgerSettings, bean_check, folder, trial_balance
from pleo_export.accounting.ledger.chart import read_chart
from pleo_export.domain.money import exponent
from pleo_export.testing.contract import Books, ConnectorContract
from pleo_export.testing.samples import Facts
from pleo_export.testing.totals import Totals


class LedgerBooks:
    def __init__(self, settings: LedgerSettings) -> None:
        self.facts = Facts(seconds=5, other_currencies=("JPY", "KWD"))
        self._settings = settings
        self._folder = settings.folder

    async def open(self) -> LedgerConnector:
        return LedgerConnector(self._settings)

    async def count(self, reference: str) -> int:
        return Counter(re.findall(r'^  pleo-id: "(.*)"$', self._text(), re.MULTILINE))[reference]

    async def totals(self) -> Totals:
        codes = {name: code for code, name in read_chart(self._settings.chart).names.items()}
        balance = trial_balance(self._folder)
        return {
            (codes[name], unit): int(amount.scaleb(exponent(unit)))
            for (name, unit), amount in balance.items()
            if amount
        }

    async def files(self, reference: str) -> Sequence[str]:
        shown = re.findall(r'document \S+ "(.*?)" #pleo \^pleo-(\S+)$', self._text(), re.MULTILINE)
        paths = [path for name, link in shown if link == reference for path in self._folder.rglob(name)]
        return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]

    async def snapshot(self) -> object:
        tree = (path for path in self._folder.rglob("*") if ".pending" not in path.parts)
        return {path: (path.is_dir() or path.read_bytes(), path.stat().st_mtime_ns) for path in tree}

    @contextmanager
    def stalled(self) -> Iterator[None]:
        with ExitStack() as locks, pytest.MonkeyPatch.context() as patch:
            patch.setattr(folder, "LOCK_SECONDS", 0.2)
            for path in (self._folder / f".pending/{stripe}.lock" for stripe in range(64)):
                locks.enter_context(FileLock(path))
            yield

    def _text(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self._folder.glob("*/*/*.beancount")))


class TestLedgerContract(ConnectorContract):
    @pytest.fixture
    def books(self, ledger_settings: LedgerSettings) -> Books:
        return LedgerBooks(ledger_settings)


@pytest.mark.slow  # 0.2 s of the real bean-check after every test
class TestLedgerContractBeforeBeancount(TestLedgerContract):
    @pytest.fixture(autouse=True)
    def clean(self, ledger_settings: LedgerSettings) -> Iterator[None]:
        yield
        if (ledger_settings.folder / "main.beancount").exists():
            verdict = bean_check(ledger_settings.folder, 30)
            assert verdict.clean, verdict
