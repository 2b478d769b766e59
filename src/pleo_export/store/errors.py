"""What can go wrong with the store.

    StoreError                       the file cannot be used; says what happened and what to do
    ├── NotAStoreError               the file is something else
    ├── NewerStoreError              written by a later version of pleo-export
    ├── DamagedStoreError            the file is corrupt
    ├── StoreFullError               no room on the disk
    ├── StoreNotWritableError        rights, a read-only disk, a folder that cannot be made
    ├── StoreLockedError             another program holds the file
    ├── StoreReplacedError           the file was deleted or exchanged under us
    ├── StoreFailedError             anything else the database says
    └── StoreClosedError             used after close()
    ContradictionError               the caller asked for something the remembered facts forbid: a bug, not a disk
    ├── UnknownJobError
    ├── UnknownItemError
    ├── JobOfAnotherCompanyError
    ├── IllegalTransitionError       an item cannot go from where it is to where it was sent
    ├── SecondEntryError             an item has an entry already, and it is another one
    ├── ClosingDecidedError          the closing event is decided, and it is another one
    └── IllegalJobStepError          a job cannot take this step where it stands

Nothing of a StoreError's operation was kept: it may be tried again once the cause is gone, a StoreReplacedError aside.
"""

from pathlib import Path


class StoreError(Exception):
    """The store cannot be read or written."""


class NotAStoreError(StoreError):
    """The file holds something else, so nothing is written into it."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is not a store of pleo-export; nothing was changed in it. Name another file, or move this one away."
        )


class NewerStoreError(StoreError):
    """A later version of pleo-export wrote the file."""

    def __init__(self, path: Path, revision: str) -> None:
        super().__init__(
            f"{path} was written by a newer version of pleo-export (its schema is {revision}, unknown here). "
            "Install that version or a later one; going back is not possible."
        )


class DamagedStoreError(StoreError):
    """The file is corrupt. Working on would risk entries recorded twice."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(
            f"{path} is damaged ({detail}). Stop the service, keep a copy of the file, and move it away or restore a backup: "
            "items that Pleo shows in progress are then looked up in the accounting system before anything is recorded."
        )


class StoreFullError(StoreError):
    """The disk is full."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"there is no room left to write {path}. Free some space on its disk; work then goes on."
        )


class StoreNotWritableError(StoreError):
    """The file or its folder may not be written."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(
            f"{path} cannot be opened or written ({detail}). Give this user the right to write the file and its folder, "
            "on a disk that is not read-only."
        )


class StoreLockedError(StoreError):
    """Another program kept the file locked for too long."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is locked by another program. Close other tools that have it open (a database browser, a backup)."
        )


class StoreReplacedError(StoreError):
    """The file at this path is no longer the one that was opened."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} was deleted or replaced while it was in use, so nothing more is remembered. Restart the service: "
            "it looks up in the accounting system whatever it does not know."
        )


class StoreFailedError(StoreError):
    """The database reported something that has no class of its own."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(
            f"{path} could not be used: {detail}. Check the disk it lies on, then restart the service."
        )


class StoreClosedError(StoreError):
    """The store was used after it was closed."""

    def __init__(self) -> None:
        super().__init__("the store is closed; open it again before using it")


class ContradictionError(Exception):
    """What was asked for contradicts what is remembered. It is a bug of the caller."""


class UnknownJobError(ContradictionError):
    """The job was never seen."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"job {job_id} is not known to the store")


class UnknownItemError(ContradictionError):
    """The item was never planned for the job."""

    def __init__(self, job_id: str, entry_id: str) -> None:
        super().__init__(f"item {entry_id} of job {job_id} is not known to the store")


class JobOfAnotherCompanyError(ContradictionError):
    """The job belongs to another company."""

    def __init__(self, job_id: str, known: str, claimed: str) -> None:
        super().__init__(f"job {job_id} belongs to company {known}, not to {claimed}")


class IllegalTransitionError(ContradictionError):
    """The item may not go from where it is to where it was sent."""

    def __init__(self, job_id: str, entry_id: str, origin: str, target: str) -> None:
        self.origin, self.target = origin, target
        super().__init__(f"item {entry_id} of job {job_id} cannot go from {origin} to {target}")


class SecondEntryError(ContradictionError):
    """Two entries are claimed for one item."""

    def __init__(self, job_id: str, entry_id: str, known: str, claimed: str) -> None:
        super().__init__(f"item {entry_id} of job {job_id} stands as {known}, so it cannot be {claimed} too")


class ClosingDecidedError(ContradictionError):
    """The closing event of the job was decided before, and differently."""

    def __init__(self, job_id: str, known: str, claimed: str) -> None:
        super().__init__(f"job {job_id} is to be closed as {known}; that cannot become {claimed}")


class IllegalJobStepError(ContradictionError):
    """The job may not take this step where it stands."""

    def __init__(self, job_id: str, state: str, step: str) -> None:
        super().__init__(f"job {job_id} is {state}, so it cannot be {step}")
