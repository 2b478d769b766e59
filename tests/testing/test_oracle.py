"""The oracle has teeth: a clean run passes, and of every invariant a breach is found."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from pleo_export.testing.oracle import (
    Answer,
    BookEntry,
    Evidence,
    Expected,
    PleoSide,
    Sent,
    Settled,
    Violation,
    check,
)

ME, OTHER = "11111111-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002"
JOB, LATER_JOB, OTHERS_JOB = (f"{one}0000000-0000-4000-8000-0000000000aa" for one in "abc")
FIRST, SECOND, FAILED, THEIRS = (f"{one}0000000-0000-4000-8000-0000000000ee" for one in "1234")
DIGEST, OTHER_DIGEST = "d" * 64, "e" * 64
IBAN = "DE89 3704 0044 0532 0130 00"


def item(entry_id: str, job_id: str, status: str = "successful", **told: Any) -> dict[str, Any]:
    external = f"E-{entry_id[0]}" if status == "successful" else None
    base = {"accountingEntryId": entry_id, "exportJobId": job_id, "status": status, "externalId": external}
    return base | {"failureReason": None} | told


def job(job_id: str, status: str, day: int = 1, **told: Any) -> dict[str, Any]:
    times = {"createdAt": f"2026-01-0{day}T08:00:00Z", "completedAt": f"2026-01-0{day}T08:10:00Z"}
    return {"id": job_id, "status": status, "expiredAt": None, "failureReason": None} | times | told


def expense(entry_id: str, day: int) -> dict[str, Any]:
    return {"accountingEntryId": entry_id, "date": f"2025-12-0{day}T12:00:00Z"}


COMPANIES = {
    ME: {
        "jobs": [job(JOB, "completed_with_errors"), job(LATER_JOB, "completed", 2)],
        "expenses": [expense(FIRST, 1), expense(SECOND, 2), expense(FAILED, 3)],
    },
    OTHER: {"jobs": [job(OTHERS_JOB, "completed")], "expenses": [expense(THEIRS, 1)]},
}
ITEMS = {
    ME: [
        item(FIRST, JOB),
        item(FAILED, JOB, "failed", failureReason="No account."),
        item(SECOND, LATER_JOB),
    ],
    OTHER: [item(THEIRS, OTHERS_JOB)],
}
TOTALS = {("6100", "EUR"): 1250, ("1900", "EUR"): -1250}


def call(sequence: int, body: Any, path: str, company_id: str = ME, status: int = 200) -> dict[str, Any]:
    method = "POST" if path.endswith("events") else "PUT"
    heard = {"sequence": sequence, "method": method, "path": path, "query": "", "body": body}
    return heard | {"companyId": company_id, "status": status}


def event(sequence: int, job_id: str, kind: str, company_id: str = ME, status: int = 202) -> dict[str, Any]:
    body = {"jobId": job_id, "event": kind}
    return call(sequence, body, "/v3/export-job-events", company_id, status)


def update(sequence: int, job_id: str, *entry_ids: str) -> dict[str, Any]:
    body = [{"accountingEntryId": one, "status": "successful"} for one in entry_ids]
    return call(sequence, body, f"/v3/export-jobs/{job_id}/items")


AUDIT = [
    event(1, JOB, "started"),
    update(2, JOB, FIRST, FAILED),
    event(3, JOB, "completed_with_errors"),
    event(4, LATER_JOB, "started"),
    update(5, LATER_JOB, SECOND),
    event(6, LATER_JOB, "completed"),
    event(7, OTHERS_JOB, "started", OTHER),
    event(8, OTHERS_JOB, "completed", OTHER),
]


def entry(entry_id: str, **changes: Any) -> BookEntry:
    fields: dict[str, Any] = {"external_id": f"E-{entry_id[0]}", "totals": TOTALS, "files": (DIGEST,)}
    return BookEntry(**(fields | changes))


def bill(units: int) -> BookEntry:
    return entry(FIRST, owes=units)


def payment(units: int, over: int | None = None) -> BookEntry:
    """A payment that settles the first expense with all of its units, `over` so many of them."""
    return entry(SECOND, owes=units if over is None else over, settles={FIRST: Settled(units, units)})


def sent(verb: Any, entry_id: str = FIRST, answer: Answer = Answer.HEARD) -> Sent:
    return Sent(company_id=ME, reference=entry_id, verb=verb, answer=answer)


MINE = {FIRST: [entry(FIRST)], SECOND: [entry(SECOND)]}
SUCCESS = Expected(outcome="successful", totals=TOTALS, files=(DIGEST,))
CLEAN = Evidence(
    books={ME: MINE, OTHER: {THEIRS: [entry(THEIRS)]}},
    pleo=PleoSide(companies=COMPANIES, items=ITEMS, audit=AUDIT),
    expected={FIRST: SUCCESS, SECOND: SUCCESS, THEIRS: SUCCESS, FAILED: Expected(outcome="failed")},
    calls=(
        sent("record", answer=Answer.LOST),
        sent("find"),
        sent("record"),
        sent("attach"),
        sent("record", SECOND),
    ),
    unique_keys=False,
    texts={"the log": "expense recorded, call to /v3/export-jobs took 12 ms"},
    secrets=("plp_secret", "Ada Lovelace"),
    calm_since=datetime(2026, 1, 2, 8, 10, tzinfo=UTC),
    attempts_max=2,
)


def of_books(**mine: Any) -> Evidence:
    return replace(CLEAN, books={**CLEAN.books, ME: MINE | mine})


def of_pleo(**changes: Any) -> Evidence:
    return replace(CLEAN, pleo=replace(CLEAN.pleo, **changes))


def of_job(changed: dict[str, Any]) -> Evidence:
    """With changes in the first job."""
    mine = COMPANIES[ME]
    return of_pleo(
        companies={**COMPANIES, ME: {**mine, "jobs": [mine["jobs"][0] | changed, *mine["jobs"][1:]]}}
    )


def of_items(*items: Any) -> Evidence:
    """With other items in the first job, and in the books what was there before."""
    return of_pleo(items={**ITEMS, ME: [*items, ITEMS[ME][2]]})


def heard(*calls: Any) -> Evidence:
    """With more calls, or others in place of those with the same number."""
    by_number = {one["sequence"]: one for one in [*AUDIT, *calls]}
    return of_pleo(audit=[by_number[number] for number in sorted(by_number)])


UNKNOWN = item(
    FAILED, JOB, "failed", failureReason=f"It is not known whether it was recorded. Look for {FAILED}."
)

BREACHES: list[tuple[int, str, Evidence]] = [
    (1, "twice in the books", of_books(**{FIRST: [entry(FIRST), entry(FIRST, external_id="E-9")]})),
    (2, "not in the books", replace(CLEAN, books={**CLEAN.books, ME: {SECOND: MINE[SECOND]}})),
    (2, "Pleo has another id", of_books(**{FIRST: [entry(FIRST, external_id="E-9")]})),
    (
        2,
        "booked on another account",
        of_books(**{FIRST: [entry(FIRST, totals={("6200", "EUR"): 1250, ("1900", "EUR"): -1250})]}),
    ),
    (3, "left in progress", of_items(item(FIRST, JOB), item(FAILED, JOB, "in_progress"))),
    (3, "failed without a reason", of_items(item(FIRST, JOB), item(FAILED, JOB, "failed"))),
    (4, "failed and in the books", of_books(**{FAILED: [entry(FAILED)]})),
    (4, "unknown, where asking works", of_items(item(FIRST, JOB), UNKNOWN)),
    (5, "recorded again unseen", replace(CLEAN, calls=(sent("record", answer=Answer.LOST), sent("record")))),
    (6, "closed twice", heard(event(9, JOB, "completed_with_errors"))),
    (6, "never closed by us", heard(event(3, JOB, "completed_with_errors", status=500))),
    (6, "closed as all well", heard(event(3, JOB, "completed"))),
    (7, "started twice", heard(event(9, JOB, "started", status=400))),
    (7, "update after the end", heard(update(9, JOB, FIRST))),
    (7, "a large update", heard(update(2, JOB, *[FIRST] * 101))),
    (8, "jobs overlap", heard(event(3, LATER_JOB, "started"), event(4, JOB, "completed_with_errors"))),
    (8, "youngest first", replace(CLEAN, calls=(sent("record", FAILED), sent("record", FIRST)))),
    (9, "a neighbour failed", of_items(item(FIRST, JOB, "failed", failureReason="No."), ITEMS[ME][1])),
    (9, "passed against its fault", of_items(item(FIRST, JOB), item(FAILED, JOB))),
    (10, "file of another", of_books(**{FIRST: [entry(FIRST, files=(OTHER_DIGEST,))]})),
    (10, "file attached twice", of_books(**{FIRST: [entry(FIRST, files=(DIGEST, DIGEST))]})),
    (10, "file missing", of_books(**{FIRST: [entry(FIRST, files=())]})),
    (10, "file that is not there", of_books(**{FIRST: [entry(FIRST, files=("gone",))]})),
    (11, "another's expense in the books", of_books(**{THEIRS: [entry(THEIRS)]})),
    (11, "another's expense in an update", heard(update(5, LATER_JOB, SECOND, THEIRS))),
    (11, "another's job asked for", heard(call(9, None, f"/v3/export-jobs/{OTHERS_JOB}"))),
    (12, "never ended", of_job({"status": "in_progress", "completedAt": None})),
    (12, "expired", of_job({"status": "failed", "expiredAt": "2026-01-01T09:00:00Z"})),
    (12, "ended late", of_job({"completedAt": "2026-01-02T08:11:01Z"})),
    (12, "tried without end", replace(CLEAN, calls=[sent("attach")] * 3)),
    (13, "a secret in a log", replace(CLEAN, texts={"the log": "key plp_secret refused"})),
    (13, "a name in a reason", of_items(item(FIRST, JOB), UNKNOWN | {"failureReason": "Ada Lovelace"})),
    (13, "an account number", replace(CLEAN, texts={"the log": f"paid to {IBAN}"})),
    (13, "a signed link", replace(CLEAN, texts={"the log": "GET https://x.example/files/0123456789abcdef0"})),
    (13, "a credential", replace(CLEAN, texts={"the log": "Authorization: Bearer 0123456789abcdef"})),
    (
        14,
        "a minor unit too much",
        of_books(**{FIRST: [entry(FIRST, totals={("6100", "EUR"): 1251, ("1900", "EUR"): -1251})]}),
    ),
    (
        14,
        "a bill settled twice",
        of_books(**{FIRST: [bill(100)], SECOND: [payment(60)], FAILED: [payment(60)]}),
    ),
    (14, "settled against its sign", of_books(**{FIRST: [bill(-100)], SECOND: [payment(60)]})),
    (14, "a payment spent twice", of_books(**{FIRST: [bill(100)], SECOND: [payment(60, over=50)]})),
    (14, "out of balance", of_books(**{FIRST: [entry(FIRST, totals=TOTALS | {("1900", "EUR"): -1249})]})),
    (
        14,
        "a float",
        of_books(**{FIRST: [entry(FIRST, totals={key: float(one) for key, one in TOTALS.items()})]}),
    ),
]


def test_a_clean_run_passes() -> None:
    assert check(CLEAN) == []


@pytest.mark.parametrize(
    ("invariant", "evidence"),
    [(invariant, evidence) for invariant, _, evidence in BREACHES],
    ids=[f"I{invariant} {name}" for invariant, name, _ in BREACHES],
)
def test_a_breach_is_found(invariant: int, evidence: Evidence) -> None:
    assert invariant in {found.invariant for found in check(evidence)}


def test_every_invariant_has_a_breach() -> None:
    assert {invariant for invariant, *_ in BREACHES} == set(range(1, 15))


ALLOWED: list[tuple[str, Evidence]] = [
    ("a bill settled in part", of_books(**{FIRST: [bill(100)], SECOND: [payment(60)]})),
    ("a credit note settled in part", of_books(**{FIRST: [bill(-100)], SECOND: [payment(-60)]})),
    (
        "a returned payment",
        of_books(
            **{FIRST: [entry(FIRST, owes=100, settles={"sent": Settled(60, 60)})], SECOND: [payment(-60)]}
        ),
    ),
    (
        "an entry that stands is named",
        replace(
            of_items(item(FIRST, JOB), item(FAILED, JOB, "failed", failureReason="Its entry (E-3) stands.")),
            books={**CLEAN.books, ME: {**MINE, FAILED: [entry(FAILED)]}},
        ),
    ),
    ("an outcome may be unknown", replace(of_items(item(FIRST, JOB), UNKNOWN), unknown_max=1)),
    (
        "the same key again",
        replace(CLEAN, calls=(sent("record", answer=Answer.LOST), sent("record")), unique_keys=True),
    ),
    ("a missing file may be", replace(of_books(**{FIRST: [entry(FIRST, files=())]}), files_may_miss=True)),
    (
        "a job failed as a whole",
        replace(
            CLEAN,
            pleo=replace(
                CLEAN.pleo,
                companies={
                    ME: COMPANIES[ME] | {"jobs": [job(JOB, "failed", failureReason="No chart.")]},
                    OTHER: COMPANIES[OTHER],
                },
                items={**ITEMS, ME: [item(FAILED, JOB, "abandoned")]},
                audit=[event(1, JOB, "started"), event(2, JOB, "failed"), *AUDIT[6:]],
            ),
            books={OTHER: CLEAN.books[OTHER]},
        ),
    ),
    (
        "whose look-up got no answer comes later",
        replace(
            CLEAN, calls=(sent("find", FIRST, Answer.LOST), sent("record", FAILED), sent("record", FIRST))
        ),
    ),
]


@pytest.mark.parametrize("evidence", [evidence for _, evidence in ALLOWED], ids=[name for name, _ in ALLOWED])
def test_what_is_allowed_passes(evidence: Evidence) -> None:
    assert check(evidence) == []


def test_a_violation_says_what_where() -> None:
    told = Violation(invariant=1, company_id="c", item="e", job_id="j", sentence="It stands there twice.")
    assert str(told) == "I1 (company c, job j, expense e): It stands there twice."
    assert str(Violation(invariant=13, company_id="", sentence="No.")) == "I13: No."
