"""What the books say against what Pleo was told and what was expected: I1, I2, I4, I10, I11, I14."""

from collections import Counter
from collections.abc import Iterator, Sequence

from pleo_export.testing.oracle.evidence import BookEntry, Totals, Violation
from pleo_export.testing.oracle.view import View

DIGEST_CHARACTERS = 64  # of a SHA-256
UNKNOWN = "not known whether"  # what every reason says that leaves an outcome open


def never_twice(view: View) -> Iterator[Violation]:
    """I1: at most one entry for an expense of a company."""
    for company_id, reference, found in view.standing():
        if len(found) > 1:
            ids = ", ".join(entry.external_id for entry in found)
            yield Violation(
                invariant=1, company_id=company_id, item=reference, sentence=f"It stands in the books {len(found)} times: {ids}."
            )  # fmt: skip


def no_phantom_success(view: View) -> Iterator[Violation]:
    """I2: what Pleo holds as successful stands in the books, under the id that Pleo was told, as it was expected."""
    for job in view.jobs.values():
        for item in job.items:
            if item["status"] != "successful":
                continue
            reference = item["accountingEntryId"]
            found = view.entries(job.company_id, reference)
            for wrong in _phantom(view, found, reference, item["externalId"]):
                yield Violation(
                    invariant=2, company_id=job.company_id, item=reference, job_id=job.id, sentence=wrong
                )


def _phantom(view: View, found: Sequence[BookEntry], reference: str, told: str | None) -> Iterator[str]:
    if not found:
        yield "Pleo was told that it was recorded, and it is not in the books."
        return
    if told not in {entry.external_id for entry in found}:
        stands = ", ".join(entry.external_id for entry in found)
        yield f"Pleo was told entry {told}, and in the books it is {stands}."
    expected = view.given.expected.get(reference)
    wanted = expected.totals if expected else None
    for entry in found:
        if wanted is not None and entry.totals is not None and _accounts(wanted) != _accounts(entry.totals):
            yield f"Entry {entry.external_id} is booked on {_told(entry.totals)} in place of {_told(wanted)}."


def no_hidden_success(view: View) -> Iterator[Violation]:
    """I4: what failed is not in the books, unless its reason names the entry or the reference to look for."""
    unknown = 0
    for reference, (job, item) in view.last.items():
        if item["status"] == "successful" or not job.ended or (job.expired and view.given.may_expire):
            continue
        reason = item["failureReason"] or ""
        unknown += UNKNOWN in reason
        for entry in view.entries(job.company_id, reference):
            if entry.external_id not in reason and reference not in reason:
                yield Violation(
                    invariant=4,
                    company_id=job.company_id,
                    item=reference,
                    job_id=job.id,
                    sentence=f"Pleo holds it as {item['status']}, and entry {entry.external_id} stands in the books without a word of it.",
                )
    if unknown > view.given.unknown_max:
        yield Violation(
            invariant=4, company_id="", sentence=f"{unknown} outcomes were told as unknown, at most {view.given.unknown_max} may be."
        )  # fmt: skip


def every_file_once(view: View) -> Iterator[Violation]:
    """I10: every file of a successful expense is attached once, to its own entry, and as it was."""
    for reference, (job, item) in view.last.items():
        expected = view.given.expected.get(reference)
        if item["status"] != "successful" or expected is None or expected.files is None:
            continue
        for entry in view.entries(job.company_id, reference):
            if (wrong := _wrong_files(view, entry, expected.files)) is not None:
                yield Violation(
                    invariant=10, company_id=job.company_id, item=reference, job_id=job.id, sentence=wrong
                )


def _wrong_files(view: View, entry: BookEntry, expected: tuple[str, ...] | int) -> str | None:
    if entry.files is None:
        return None
    found, may_miss = Counter(entry.files), view.given.files_may_miss
    if broken := [file for file in found if len(file) != DIGEST_CHARACTERS]:
        return f"A file cannot be had or is another one: {broken[0]}."
    if isinstance(expected, int):
        twice = sum(found.values()) - len(found)
        number = len(entry.files)
        right = not twice and (number == expected or (may_miss and number < expected))
        return None if right else f"It has {number} files, {twice} of them twice; expected were {expected}."
    wanted = Counter(expected)
    too_many, missing = found - wanted, wanted - found
    if not too_many and (may_miss or not missing):
        return None
    return f"Files of other content, of another expense or attached again: {too_many.total()}; files missing: {missing.total()}."


def nothing_of_others(view: View) -> Iterator[Violation]:
    """I11: in a company's books stands nothing of another company, nor what Pleo never had."""
    for company_id, reference, _ in view.standing():
        owner = view.owner.get(reference)
        if owner != company_id:
            whose = f"company {owner}" if owner else "nobody that Pleo knows"
            yield Violation(
                invariant=11, company_id=company_id, item=reference, sentence=f"Its books hold an expense of {whose}."
            )  # fmt: skip


def money_exact(view: View) -> Iterator[Violation]:
    """I14: amounts are whole minor units, an entry in one currency sums to zero, and they are those expected."""
    for company_id, reference, found in view.standing():
        expected = view.given.expected.get(reference)
        wanted = expected.totals if expected else None
        for entry in found:
            if entry.totals is not None and (wrong := _wrong_money(entry.totals, wanted)) is not None:
                yield Violation(invariant=14, company_id=company_id, item=reference, sentence=wrong)


def settled_within(view: View) -> Iterator[Violation]:
    """I14: no bill is settled beyond what is owed of it, and no payment beyond what was paid. Less is not seen here."""
    settled = Counter[tuple[str, str]]()
    for company_id, reference, found in view.standing():
        for entry in found:
            for other, part in entry.settles.items():
                settled[company_id, reference] += part.own
                settled[company_id, other] += part.others
    for company_id, reference, found in view.standing():
        units = settled[company_id, reference]
        for entry in found:
            if entry.owes is not None and not min(0, entry.owes) <= units <= max(0, entry.owes):
                yield Violation(
                    invariant=14, company_id=company_id, item=reference, sentence=f"{units} minor units of it are settled; its amount is {entry.owes}."
                )  # fmt: skip


def _wrong_money(totals: Totals, wanted: Totals | None) -> str | None:
    units: Sequence[object] = list(totals.values())
    if not all(type(one) is int for one in units):
        return f"An amount is no whole number of minor units: {_told(totals)}."
    if len({currency for _, currency in totals}) == 1 and sum(totals.values()) != 0:
        return f"Its lines sum to {sum(totals.values())} minor units in place of zero."
    if wanted is not None and _accounts(wanted) == _accounts(totals) and dict(wanted) != dict(totals):
        return f"It is booked as {_told(totals)} in place of {_told(wanted)}."
    return None


def _accounts(totals: Totals) -> set[tuple[str, str]]:
    return {key for key, units in totals.items() if units}


def _told(totals: Totals) -> str:
    return ", ".join(f"{account} {units} {currency}" for (account, currency), units in sorted(totals.items()))
