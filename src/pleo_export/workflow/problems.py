"""What ends a whole job rather than one item."""

from pleo_export.domain.failures import Finding
from pleo_export.domain.job import ExportJob


class JobProblemError(Exception):
    """The job cannot be worked on at all; `finding` says why and is told to Pleo."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        super().__init__(f"{finding.problem} {finding.remedy}")


class JobLostError(Exception):
    """The job cannot be worked on any more: Pleo ended it, most likely because it expired, or keeps it open."""

    def __init__(self, job: ExportJob) -> None:
        self.job_id = job.id
        self.problem = (
            f"The job {_end(job)} in Pleo before it was closed here. What was recorded stays recorded and is recognised;"
            " export the remaining expenses again in Pleo."
        )
        super().__init__(self.problem)


def _end(job: ExportJob) -> str:
    if job.expired:
        return "expired"
    return "could not be closed" if job.unfinished else f"ended as '{job.status}' by somebody else"
