"""The calls to the accounting system, in the order of sending: I5, I8, I12."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from pleo_export.testing.oracle.evidence import Answer, Sent, Violation
from pleo_export.testing.oracle.view import View, moment


def look_first(view: View) -> Iterator[Violation]:
    """I5: after an attempt to record without an answer the next thing sent is a look-up, or the same key."""
    unclear: set[tuple[str, str]] = set()
    for call in view.given.calls:
        whose = (call.company_id, call.reference)
        if whose in unclear and call.verb == "record" and not view.given.unique_keys:
            yield _of(call, 5, "Recording got no answer, and it was recorded again without a look-up.")
        unclear.discard(whose)
        if call.verb == "record" and call.answer is Answer.LOST:
            unclear.add(whose)


def in_order(view: View) -> Iterator[Violation]:
    """I8: first attempts go from the oldest expense to the youngest, the id deciding between equals.

    An expense whose look-up got no answer comes after the others. One that was in several jobs is left out.
    """
    keys = {
        one["accountingEntryId"]: (moment(one["date"]), one["accountingEntryId"])
        for company in view.pleo.companies.values()
        for one in company["expenses"]
    }
    times = Counter(item["accountingEntryId"] for job in view.jobs.values() for item in job.items)
    latest: dict[str, str] = {}
    for call in _first_attempts(view.given.calls):
        left_out = times[call.reference] != 1 or call.reference in view.given.overtaken
        if left_out or call.reference not in view.last:
            continue
        job = view.last[call.reference][0].id
        if job in latest and keys[latest[job]] > keys[call.reference]:
            yield _of(call, 8, f"It was first recorded after expense {latest[job]}, which is younger.")
        else:
            latest[job] = call.reference


def _first_attempts(calls: Sequence[Sent]) -> Iterator[Sent]:
    known: set[str] = set()
    for call in calls:
        if call.reference in known:
            continue
        if call.verb == "record" or call.answer is not Answer.HEARD:
            known.add(call.reference)
        if call.verb == "record":
            yield call


def attempts_bounded(view: View) -> Iterator[Violation]:
    """I12: no call for one expense is repeated without end."""
    most = view.given.attempts_max
    if most is None:
        return
    sent: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    for call in view.given.calls:
        sent[call.company_id, call.reference, call.verb] += 1
        if sent[call.company_id, call.reference, call.verb] == most + 1:
            yield _of(call, 12, f"The call {call.verb} was sent more than {most} times.")


def _of(call: Sent, invariant: int, sentence: str) -> Violation:
    return Violation(invariant=invariant, company_id=call.company_id, item=call.reference, sentence=sentence)
