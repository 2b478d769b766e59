"""The live view of a running job: steps and items as they happen."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from pleo_export.domain.progress import Phase
from pleo_export.workflow.ports import ItemSettled, Notice, StepTaken

DETECTING, VALIDATING, RECORDING, COMPLETING = 1, 2, 5, 7


class LiveView:
    """Shows the notices of the workflow: a bar on a terminal, a line a step elsewhere."""

    def __init__(self, console: Console, bar: Progress) -> None:
        self._console, self._bar = console, bar
        self._task: TaskID | None = None
        self._outcomes: Counter[Phase] = Counter()

    def __call__(self, notice: Notice) -> None:
        """Show one notice."""
        if isinstance(notice, StepTaken):
            self._step(notice)
        elif isinstance(notice, ItemSettled):
            self._item(notice)

    def _step(self, step: StepTaken) -> None:
        if step.step == DETECTING and self._task is not None:
            return  # the look whether another job waits
        if step.step == RECORDING:
            self._outcomes.clear()
            self._task = self._bar.add_task("", total=step.items, outcomes="")
        items = f", {step.items} expenses" if step.items is not None else ""
        of_job = f"  [dim]job {step.job_id}[/dim]" if step.step in (VALIDATING, COMPLETING) else ""
        self._console.print(f"[bold]{step.step}[/bold] {step.name}{items}{of_job}")

    def _item(self, settled: ItemSettled) -> None:
        if self._task is None:
            return
        self._outcomes[settled.item.phase] += 1
        shown = f"{self._outcomes[Phase.RECORDED]} recorded, {self._outcomes[Phase.REJECTED]} failed"
        self._bar.update(self._task, advance=1, outcomes=shown)


@contextmanager
def live_view(console: Console) -> Iterator[LiveView]:
    """Show progress on the console while the body works; off a terminal there is no bar."""
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[outcomes]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        yield LiveView(console, bar)
