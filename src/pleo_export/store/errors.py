"""What can go wrong with the store.

    StoreError                       the store cannot be used; says what happened and what to do
    ├── StoreAddressError            the URL names no database we know
    ├── NotAStoreError               the file is something else
    ├── NewerStoreError              written by a later version of pleo-export
    ├── DamagedStoreError            the file or the database is corrupt
    ├── StoreFullError               no room on the disk
    ├── StoreNotWritableError        rights, a read-only disk or server, a folder that cannot be made
    ├── StoreLockedError             someone else holds what is needed
    ├── StoreConflictError           two processes waited for each other, again and again
    ├── StoreUnreachableError        PostgreSQL does not answer
    ├── StoreReplacedError           the file was deleted or exchanged under us
    ├── StoreFailedError             anything else the database says
    ├── StoreClosedError             used after close()
    └── FencedError                  another worker took the company over
    ContradictionError               the caller asked for something the remembered facts forbid
    ├── UnknownCompanyError          the company is not in service
    ├── CompanyExistsError           the company is in service already
    ├── UnknownUserError             nobody of that name was added
    ├── UserExistsError              somebody of that name was
    ├── DisabledUserError            the user may not sign in
    ├── NoSuchRoleError              the user has no role there that could be taken away
    ├── InvitationGoneError          a link was used, or is too old
    ├── UnknownJobError
    ├── UnknownItemError
    ├── JobOfAnotherCompanyError
    ├── IllegalTransitionError       an item cannot go from where it is to where it was sent
    ├── NotToSettleError             a person may not say now what became of an item
    ├── SecondEntryError             an item has an entry already, and it is another one
    ├── ClosingDecidedError          the closing event is decided, and it is another one
    └── IllegalJobStepError          a job cannot take this step where it stands

Nothing of a StoreError's operation was kept, and it may be tried again once the cause is gone, with three exceptions. After a
StoreUnreachableError nobody knows whether it was kept: what stands in the store must be read again. After a
StoreReplacedError the store must be opened anew. After a FencedError the work is another's.
"""

from collections.abc import Sequence
from pathlib import Path

Place = Path | str  # a file, or words for a database, without credentials


class StoreError(Exception):
    """The store cannot be read or written."""


class StoreAddressError(StoreError):
    """The URL names no database that could hold a store. It is not repeated: it may hold a password."""

    def __init__(self) -> None:
        super().__init__(
            "the address of the store cannot be used; write sqlite:////folder/file.db or postgresql://user@host/database"
        )


class NotAStoreError(StoreError):
    """The file holds something else, so nothing is written into it."""

    def __init__(self, place: Place) -> None:
        super().__init__(
            f"{place} is not a store of pleo-export; nothing was changed in it. Name another file, or move this one away."
        )


class NewerStoreError(StoreError):
    """A later version of pleo-export wrote the file."""

    def __init__(self, place: Place, revision: str) -> None:
        super().__init__(
            f"{place} was written by a newer version of pleo-export (its schema is {revision}, unknown here). "
            "Install that version or a later one; going back is not possible."
        )


class DamagedStoreError(StoreError):
    """The file is corrupt. Working on would risk entries recorded twice."""

    def __init__(self, place: Place, detail: str) -> None:
        super().__init__(
            f"{place} is damaged ({detail}). Stop the service, keep a copy of the file, and move it away or restore a backup: "
            "items that Pleo shows in progress are then looked up in the accounting system before anything is recorded."
        )


class StoreFullError(StoreError):
    """The disk is full."""

    def __init__(self, place: Place) -> None:
        super().__init__(
            f"there is no room left to write {place}. Free some space on its disk; work then goes on."
        )


class StoreNotWritableError(StoreError):
    """The file or its folder may not be written."""

    def __init__(self, place: Place, detail: str) -> None:
        super().__init__(
            f"{place} cannot be opened or written ({detail}). Give this user the right to write the file and its folder, "
            "on a disk that is not read-only."
        )


class StoreLockedError(StoreError):
    """Another program kept the file locked for too long."""

    def __init__(self, place: Place) -> None:
        super().__init__(
            f"{place} is locked by another program. Close other tools that have it open (a database browser, a backup)."
        )


class StoreConflictError(StoreError):
    """Two processes waited for each other, and did so again however often they were parted."""

    def __init__(self, place: Place) -> None:
        super().__init__(f"{place} is written by several processes that block each other. Try again.")


class StoreUnreachableError(StoreError):
    """The server does not answer. Whether the last change was kept is not known."""

    def __init__(self, place: Place, detail: str) -> None:
        super().__init__(
            f"{place} does not answer ({detail}). Start the server, or correct its address; work then goes on by itself."
        )


class StoreReplacedError(StoreError):
    """The file at this path is no longer the one that was opened."""

    def __init__(self, place: Place) -> None:
        super().__init__(
            f"{place} was deleted or replaced while it was in use, so nothing more is remembered. Restart the service: "
            "it looks up in the accounting system whatever it does not know."
        )


class StoreFailedError(StoreError):
    """The database reported something that has no class of its own."""

    def __init__(self, place: Place, detail: str) -> None:
        super().__init__(
            f"{place} could not be used: {detail}. Check the disk it lies on, then restart the service."
        )


class StoreClosedError(StoreError):
    """The store was used after it was closed."""

    def __init__(self) -> None:
        super().__init__("the store is closed; open it again before using it")


class FencedError(StoreError):
    """Another worker has taken the company over, so nothing of this one counts any more: it must stop."""

    def __init__(self, company_id: str, token: int) -> None:
        super().__init__(
            f"company {company_id} was taken over by another worker; the one with token {token} must stop"
        )


class ContradictionError(Exception):
    """What was asked for contradicts what is remembered."""


class UnknownCompanyError(ContradictionError):
    """The company is not in service."""

    def __init__(self, company_id: str) -> None:
        super().__init__(f"company {company_id} is not known here; add it first")


class CompanyExistsError(ContradictionError):
    """The company is in service already."""

    def __init__(self, company_id: str) -> None:
        super().__init__(f"company {company_id} was added already; remove it first, or leave it as it is")


class UnknownUserError(ContradictionError):
    """There is no user of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no user {name}; add one first.")


class UserExistsError(ContradictionError):
    """There is a user of that name already."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is a user {name} already. Choose another name, or grant that one a role.")


class DisabledUserError(ContradictionError):
    """The user may not sign in."""

    def __init__(self, name: str) -> None:
        super().__init__(f"User {name} is disabled; enable that one first.")


class NoSuchRoleError(ContradictionError):
    """The user has no role there; the sentence names the roles that there are."""

    def __init__(self, name: str, company: str, roles: Sequence[str]) -> None:
        others = (
            f"; the roles are: {', '.join(roles)}. Name the company of one." if roles else ", nor any other."
        )
        super().__init__(f"{name} has no role of {company}{others}")


class InvitationGoneError(ContradictionError):
    """The link was used, replaced by a newer one, or is too old."""

    def __init__(self) -> None:
        super().__init__("This link was used already, or is too old. Ask an administrator for a new one.")


class UnknownJobError(ContradictionError):
    """The job was never seen."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"job {job_id} is not known to the store")


class UnknownItemError(ContradictionError):
    """The item was never planned for the job."""

    def __init__(self, job_id: str, entry_id: str) -> None:
        super().__init__(f"Nothing is remembered of an expense {entry_id} in a job {job_id}")


class JobOfAnotherCompanyError(ContradictionError):
    """The job belongs to another company."""

    def __init__(self, job_id: str, known: str, claimed: str) -> None:
        super().__init__(f"job {job_id} belongs to company {known}, not to {claimed}")


class IllegalTransitionError(ContradictionError):
    """The item may not go from where it is to where it was sent."""

    def __init__(self, job_id: str, entry_id: str, origin: str, target: str) -> None:
        self.origin, self.target = origin, target
        super().__init__(f"item {entry_id} of job {job_id} cannot go from {origin} to {target}")


class NotToSettleError(ContradictionError):
    """A person may not say now what became of the item; the sentence says why, and what helps."""

    def __init__(self, job_id: str, entry_id: str, sentence: str) -> None:
        super().__init__(f"Expense {entry_id} of job {job_id}: {sentence}")


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
