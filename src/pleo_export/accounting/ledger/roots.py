"""The root files of a ledger, and how they follow the chart."""

from pathlib import Path
from threading import Lock

from pleo_export.accounting.ledger.chart import Chart, ChartMissingError, read_chart
from pleo_export.accounting.ledger.folder import LedgerFolder
from pleo_export.accounting.ledger.settings import LedgerSettings
from pleo_export.accounting.ledger.writer import ACCOUNTS_FILE, accounts_text, main_text
from pleo_export.accounting.port import UnreachableError
from pleo_export.domain.catalogue import Cause

# Beancount calls an include that matches nothing an error: this file lets a ledger without entries pass.
KEEP_FILE = "1970/01/keep.main.beancount"
_KEEP_TEXT = "; Keeps the include in main.beancount valid while there is no entry.\n"


class AccountsUnreadableError(UnreachableError):
    """Somebody saved the accounts file in another encoding. It stays as it is, and nothing is recorded."""

    cause = Cause.ACCOUNTS_FILE_UNREADABLE

    def __init__(self, path: Path) -> None:
        super().__init__(path=path)


class Roots:
    """Keeps `main.beancount` there and `accounts.beancount` in step with the chart file, whose changes it notices."""

    def __init__(self, settings: LedgerSettings, folder: LedgerFolder) -> None:
        self._settings, self._folder = settings, folder
        self._preparing = Lock()
        self._read: tuple[tuple[int, int, int], Chart] | None = None
        self._followed: Chart | None = None

    def chart(self) -> Chart:
        """Return the chart last seen, or read it. Raises ChartMissingError or ChartInvalidError."""
        return self._read[1] if self._read else self.current()

    def current(self) -> Chart:
        """Return the chart as it is now; the file is read again only where it has changed. Raises as `chart`."""
        path = self._settings.chart
        try:
            stat = path.stat()
        except OSError as error:
            raise ChartMissingError(path, error) from error
        version = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if self._read is None or self._read[0] != version:
            self._read = version, read_chart(path)
        return self._read[1]

    def prepared(self) -> Chart:
        """Return the chart as it is now, once the root files follow it. Raises as `chart`, and for the disk."""
        with self._preparing:
            chart = self.current()
            if self._followed is not chart or not (self._settings.folder / "main.beancount").exists():
                self._write(chart)
                self._followed = chart
            return chart

    def _write(self, chart: Chart) -> None:
        root = self._settings.folder
        accounts = root / ACCOUNTS_FILE
        with self._folder.writing("the root files") as pen:
            before = _text(accounts)
            if (text := accounts_text(chart, before)) != before:
                pen.replace(accounts, [text.encode()])
            for path, text in ((root / KEEP_FILE, _KEEP_TEXT), (root / "main.beancount", main_text(chart))):
                # Nearly always they are there, and a draft that is synced for nothing keeps the first entry waiting.
                if not path.exists():
                    pen.create(path, [text.encode()])


def _text(accounts: Path) -> str:
    """Read a file that has to be kept as it is where it cannot be read. Raises AccountsUnreadableError."""
    try:
        return accounts.read_text(encoding="utf-8") if accounts.exists() else ""
    except UnicodeDecodeError as error:
        raise AccountsUnreadableError(accounts) from error
