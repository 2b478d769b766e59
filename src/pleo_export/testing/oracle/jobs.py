"""How jobs went, by what Pleo holds and heard: I3, I6, I7, I8, I9, I12."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby, pairwise
from operator import itemgetter

from pleo_export.testing.oracle.evidence import Violation
from pleo_export.testing.oracle.view import CLOSING, JobView, View, moment

UPDATES_MAX = 100
CALM_SECONDS_MAX = 60


def nothing_lost(view: View) -> Iterator[Violation]:
    """I3: at the end of a job every item is successful, or failed with a reason.

    What a failed job left behind has the job's own reason.
    """
    for job in view.jobs.values():
        if not job.ended or job.expired:
            continue
        for item in job.items:
            status, reason = item["status"], item["failureReason"]
            if status == "abandoned" and job.told["status"] == "failed":
                reason, status = job.told["failureReason"], "failed"
            if status != "successful" and not (status == "failed" and reason):
                yield Violation(
                    invariant=3,
                    company_id=job.company_id,
                    item=item["accountingEntryId"],
                    job_id=job.id,
                    sentence=f"The job ended, and the expense is {item['status']} without a reason.",
                )


def one_closing_event(view: View) -> Iterator[Violation]:
    """I6: one closing event a job, and it agrees with the items."""
    for job in view.jobs.values():
        if not job.ended or job.expired:
            continue
        told = [call["body"]["event"] for call in job.accepted(*CLOSING)]
        fitting = _fitting(job)
        if told != [fitting]:
            counts = dict(Counter(item["status"] for item in job.items))
            yield _of(job, 6, f"The closing events were {told}; with items {counts} it is to be {fitting}.")


def _fitting(job: JobView) -> str:
    successes = sum(item["status"] == "successful" for item in job.items)
    if successes == len(job.items):
        return "completed"
    return "completed_with_errors" if successes else "failed"


def no_word_too_much(view: View) -> Iterator[Violation]:
    """I7: `started` once, at most 100 elements an update, nothing after the closing event."""
    for job in view.jobs.values():
        for kinds, word in ((("started",), "started"), (CLOSING, "a closing event")):
            accepted = job.accepted(*kinds)
            again = [
                call
                for call in job.events
                if accepted and call["body"]["event"] in kinds and call["sequence"] > accepted[0]["sequence"]
            ]
            if again:
                yield _of(job, 7, f"After {word} had been accepted it was sent {len(again)} times more.")
        largest = max((len(call["body"] or ()) for call in job.updates), default=0)
        if largest > UPDATES_MAX:
            yield _of(job, 7, f"An update had {largest} elements, at most {UPDATES_MAX} are allowed.")
        closing = job.accepted(*CLOSING)
        late = [call for call in job.updates if closing and call["sequence"] > closing[0]["sequence"]]
        if late:
            yield _of(job, 7, f"{len(late)} updates came after the closing event.")


def one_job_at_a_time(view: View) -> Iterator[Violation]:
    """I8: no job of a company is started before the one before has ended, nor before an older one that waits.

    Of jobs that were made in the same second nobody sees which is the older.
    """
    for company_id, jobs in groupby(view.jobs.values(), lambda job: job.company_id):
        started = [(job.accepted("started")[0]["sequence"], job) for job in jobs if job.accepted("started")]
        for (_, before), (begun, job) in pairwise(sorted(started, key=itemgetter(0))):
            ends = [call["sequence"] for call in before.accepted(*CLOSING)]
            if begun < (ends[0] if ends else 0) or (not ends and not before.expired):
                yield _of(job, 8, f"It was started before job {before.id} of company {company_id} had ended.")
            if job.told["createdAt"] < before.told["createdAt"]:
                yield _of(
                    job, 8, f"It was started after job {before.id} of company {company_id}, which is younger."
                )


def own_outcome(view: View) -> Iterator[Violation]:
    """I9: an expense has the outcome that it alone is the cause of."""
    for reference, (job, item) in view.last.items():
        expected = view.given.expected.get(reference)
        if expected is None or expected.outcome is None or not job.ended or job.expired:
            continue
        if (item["status"] == "successful") != (expected.outcome == "successful"):
            yield Violation(
                invariant=9,
                company_id=job.company_id,
                item=reference,
                job_id=job.id,
                sentence=f"It is {item['status']} ({item['failureReason']}) and had to be {expected.outcome}, whatever befell others.",
            )


def ends_in_time(view: View) -> Iterator[Violation]:
    """I12: every job ends, by its own doing, and soon after the faults have stopped."""
    given = view.given
    for job in view.jobs.values():
        if not job.ended:
            yield _of(job, 12, f"It is still {job.told['status']}.")
        elif job.expired and not given.may_expire:
            yield _of(job, 12, "It expired.")
        elif given.calm_since is not None and job.told["completedAt"] is not None:
            due = given.calm_since + timedelta(seconds=CALM_SECONDS_MAX + given.work_seconds)
            if moment(job.told["completedAt"]) > due:
                yield _of(
                    job, 12, f"It ended at {job.told['completedAt']}, and was to end by {due.isoformat()}."
                )


def _of(job: JobView, invariant: int, sentence: str) -> Violation:
    return Violation(invariant=invariant, company_id=job.company_id, job_id=job.id, sentence=sentence)
