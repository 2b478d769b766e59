"""All rules over one evidence."""

from pleo_export.testing.oracle import books, jobs, sending, telling
from pleo_export.testing.oracle.evidence import Evidence, Violation
from pleo_export.testing.oracle.view import View

RULES = (
    books.never_twice,
    books.no_phantom_success,
    books.no_hidden_success,
    books.every_file_once,
    books.nothing_of_others,
    books.money_exact,
    books.settled_within,
    jobs.nothing_lost,
    jobs.one_closing_event,
    jobs.no_word_too_much,
    jobs.one_job_at_a_time,
    jobs.own_outcome,
    jobs.ends_in_time,
    sending.look_first,
    sending.in_order,
    sending.attempts_bounded,
    telling.nothing_of_others_told,
    telling.nothing_secret,
)


def check(evidence: Evidence) -> list[Violation]:
    """Return every broken invariant that the evidence shows, in the order of their numbers."""
    view = View(evidence)
    return sorted((found for rule in RULES for found in rule(view)), key=lambda one: one.invariant)
