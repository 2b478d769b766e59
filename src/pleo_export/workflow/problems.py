"""What ends a whole job rather than one item."""

from collections.abc import Iterable

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import Finding, Severity
from pleo_export.domain.job import ExportJob


class JobProblemError(Exception):
    """The job cannot be worked on at all; `finding` says why and is told to Pleo.

    `system_ready`: the accounting system itself is in order, so that what is not found there is not there.
    """

    def __init__(self, finding: Finding, *, system_ready: bool = True) -> None:
        self.finding, self.system_ready = finding, system_ready
        super().__init__(f"{finding.problem} {finding.remedy}")


def require_well(findings: Iterable[Finding], *, system_ready: bool = False) -> None:
    """Raise JobProblemError with the first finding that keeps a job from being recorded; `system_ready` as there."""
    for one in findings:
        if one.severity is Severity.ERROR:
            raise JobProblemError(one, system_ready=system_ready)


class StoppedError(Exception):
    """The work was asked to stop. What was begun is finished; the job goes on where it was left."""


class SilentError(Exception):
    """The accounting system has not answered for too long; the job stays open, and the next call goes on with it."""

    def __init__(self, system: str, job_id: str) -> None:
        super().__init__(
            f"The accounting system ({system}) does not answer, so it is not known what became of expenses of job {job_id} that were begun."
            " They are looked up again every few minutes, and the job goes on as soon as an answer comes."
        )


class JobLostError(Exception):
    """The job cannot be worked on any more: Pleo ended it, most likely because it expired, or keeps it open."""

    def __init__(self, job: ExportJob) -> None:
        self.job_id, self.ended = job.id, not job.unfinished
        self.problem = " ".join(_end(job).told(status=job.status))
        super().__init__(self.problem)


def _end(job: ExportJob) -> Cause:
    if job.expired:
        return Cause.JOB_EXPIRED
    return Cause.JOB_NOT_CLOSED if job.unfinished else Cause.JOB_ENDED_ELSEWHERE
