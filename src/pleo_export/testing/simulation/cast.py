"""A company of the run: at Pleo, in its books, and what is known of what befell its expenses."""

from collections.abc import Callable

from msgspec.structs import replace

from pleo_export.accounting.memory import MemoryConnector
from pleo_export.accounting.port import Uniqueness
from pleo_export.testing.simulation import stage
from pleo_export.testing.simulation.plot import Plot
from pleo_export.testing.simulation.system import Remote, System
from pleo_export.testing.simulation.weather import Weather
from pleo_export.testing.simulation.wire import Pleo, Wire
from pleo_export.workflow.ports import ItemBegun, ItemSettled, Notice


class Company:
    """One company, its accounting system, and both ways there.

    `in_hand` are the expenses that a process has begun. What dies in its hands is excused, and so is what a fault struck:
    it may fail, and is exported again when the faults are over.
    """

    def __init__(
        self, number: int, plot: Plot, pleo: Pleo, weather: Weather, tell: Callable[[str], None]
    ) -> None:
        self.number, self.id, self.key = number, stage.company_id(number), stage.api_key(number)
        can = replace(
            MemoryConnector.capabilities,
            uniqueness=Uniqueness.UNIQUE_KEY if plot.unique else Uniqueness.LOOKUP_ONLY,
            concurrency=plot.concurrency,
        )
        self.system = System(stage.lists())
        self.remote = Remote(self.id, self.system, weather, tell, can)
        self.wire = Wire(pleo, weather, tell)
        self.processes = self.judged = 0
        self.in_hand: set[str] = set()
        self._died_in_hand: set[str] = set()

    @property
    def excused(self) -> set[str]:
        """The expenses whose failure may have a cause in the weather."""
        files = {name[: len(self.id)] for name in self.wire.lost_files}
        return self._died_in_hand | self.remote.struck | files

    @property
    def shut_out(self) -> bool:
        """Whether the accounting system's lists could not be read at some time, on which every expense depends."""
        return "" in self.remote.struck

    def noticed(self, notice: Notice) -> None:
        """Hear what a process does."""
        match notice:
            case ItemBegun(entry_id=reference):
                self.in_hand.add(reference)
            case ItemSettled(item=item):
                self.in_hand.discard(item.accounting_entry_id)
            case _:
                pass

    def dropped(self) -> None:
        """Note that a process came to an end, or is out of reach, with whatever it had in hand."""
        self._died_in_hand |= self.in_hand
        self.in_hand.clear()
