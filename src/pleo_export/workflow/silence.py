"""An accounting system that does not answer: how long it is waited for, in one call of the workflow and over several."""

from datetime import datetime

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.job import ExportJob
from pleo_export.workflow.ports import Parts
from pleo_export.workflow.problems import SilentError

SILENT = (Cause.SYSTEM_NO_ANSWER, Cause.SYSTEM_UNREACHABLE)
ASKING_SHARE = 0.8  # of the job's expiry time: how long an unclear outcome is looked up again, all told
UNANSWERED_MIN = 2  # one call without an answer may be the fault of one expense


class Silence:
    """What is known of a system's silence while a job is recorded."""

    def __init__(self, parts: Parts, job: ExportJob) -> None:
        self._parts, self._asking_seconds = parts, ASKING_SHARE * job.expires_in
        self.error = SilentError(parts.connector.name, job.id)
        self._unanswered: list[datetime] = []

    def noted(self, began: datetime) -> None:
        """Note that what was begun then got no answer."""
        self._unanswered.append(began)

    def broken(self) -> None:
        """Note that an answer came."""
        self._unanswered.clear()

    @property
    def too_long(self) -> bool:
        """Whether this call of the workflow is to end: others wait for its place."""
        patience = self._parts.silence_seconds_max
        if patience is None or len(self._unanswered) < UNANSWERED_MIN:
            return False
        return self._seconds_since(min(self._unanswered)) >= patience

    def hopeless(self, asking_since: datetime) -> bool:
        """Whether it has lasted so long that no answer is expected; earlier calls that it ended count as well."""
        before = self._parts.trouble
        since = before[1] if before is not None and before[0] == str(self.error) else asking_since
        return self._seconds_since(since) >= self._asking_seconds

    def _seconds_since(self, instant: datetime) -> float:
        return (self._parts.clock.now() - instant).total_seconds()


def leave_open(parts: Parts, job: ExportJob) -> None:
    """Raise SilentError where somebody will look again what became of the expenses that were begun."""
    silence = Silence(parts, job)
    if parts.silence_seconds_max is not None and not silence.hopeless(parts.clock.now()):
        raise silence.error
