"""How an expense is refused and what a check finds; the words and Pleo's types are those of the catalogue."""

from enum import StrEnum

import msgspec

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failure_types import ItemFailureType, JobFailureType


class Rejection(msgspec.Struct, frozen=True):
    """Why an expense is not recorded: the cause, and sentences that a bookkeeper can act on."""

    cause: Cause
    reason: str

    @property
    def type(self) -> ItemFailureType:
        """What Pleo is told at the expense."""
        assert self.cause.item is not None, f"{self.cause} is no cause of an expense"
        return self.cause.item


def rejection(cause: Cause, **values: object) -> Rejection:
    """Reject an expense; `values` are the fields of the cause's sentence and remedy."""
    return Rejection(cause, " ".join(cause.told(**values)))


class RejectedItemError(Exception):
    """Ends the work on one item; `rejection` is its outcome."""

    def __init__(self, why: Cause | Rejection, **values: object) -> None:
        self.rejection = why if isinstance(why, Rejection) else rejection(why, **values)
        super().__init__(self.rejection.reason)


class Severity(StrEnum):
    """Whether a finding stops a job or is only worth knowing."""

    ERROR = "error"
    WARNING = "warning"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a check found: what is wrong, and how to mend it."""

    cause: Cause
    problem: str
    remedy: str

    @property
    def type(self) -> JobFailureType | None:
        """What Pleo is told of the job that fails for it."""
        return self.cause.job

    @property
    def severity(self) -> Severity:
        """What Pleo is told nothing of fails no job."""
        return Severity.WARNING if self.cause.job is None else Severity.ERROR


def finding(cause: Cause, **values: object) -> Finding:
    """Note a finding; `values` are the fields of the cause's sentence and remedy."""
    problem, remedy = cause.told(**values)
    return Finding(cause=cause, problem=problem, remedy=remedy)
