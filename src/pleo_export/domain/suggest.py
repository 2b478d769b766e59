"""Which codes of Pleo the accounting system does not know, and what each of them may be there. Pure."""

import difflib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from pleo_export.domain.item import ExportItem
from pleo_export.domain.names import plain_name
from pleo_export.domain.reference import ReferenceData
from pleo_export.domain.seen import Seen, Table, given, seen_in
from pleo_export.domain.settings import CompanySettings

SIMILARITY_MIN = 0.85  # of two names, from 0 to 1


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen `times` times and is not known; `target` is what it may be, None where nothing fits.

    `target_name` is what the accounting system calls the target; `reason` says why it is this one, or none.
    """

    table: Table
    key: str
    name: str | None
    times: int
    target: str | None
    target_name: str | None
    reason: str


class Suggestions(msgspec.Struct, frozen=True, kw_only=True):
    """What is not known, the most frequent first, and how many codes of each table are."""

    unknown: tuple[Suggestion, ...]
    known: Mapping[Table, int]


def suggest(
    expenses: Iterable[ExportItem], settings: CompanySettings, reference: ReferenceData
) -> Suggestions:
    """Look at every code of the expenses, and propose by code, then by name."""
    times: Counter[tuple[Table, str]] = Counter()
    first: dict[tuple[Table, str], Seen] = {}
    for seen in (seen for expense in expenses for seen in seen_in(expense, settings, reference)):
        place = (seen.table, seen.key)
        times[place] += 1
        first.setdefault(place, seen)  # the same code may come under several names
    targets = {table: _Targets(_targets(table, reference)) for table in Table}
    unknown = [
        targets[seen.table].suggestion(seen, times[place]) for place, seen in first.items() if not seen.known
    ]
    return Suggestions(
        unknown=tuple(sorted(unknown, key=lambda one: (-one.times, one.key))),
        known={table: sum(seen.known and seen.table is table for seen in first.values()) for table in Table},
    )


class _Target(msgspec.Struct, frozen=True):
    code: str
    name: str
    codes: tuple[str, ...]


def _targets(table: Table, reference: ReferenceData) -> list[_Target]:
    """Return what a code of Pleo may be in the accounting system."""
    match table:
        case Table.ACCOUNTS:
            accounts = (one for one in reference.accounts.values() if one.active)
            return [_Target(one.code, one.name, given(one.code, one.identifier)) for one in accounts]
        case Table.TAX_CODES:
            tax_codes = (reference.tax_codes or {}).values()
            return [_Target(one.code, one.name, (one.code,)) for one in tax_codes]
        case Table.VENDORS:
            vendors = (one for one in reference.vendors or () if one.active)
            return [_Target(one.id, one.name, given(one.id, one.code, one.tax_identifier)) for one in vendors]
        case Table.DIMENSIONS:
            return [_Target(one, one, (one,)) for one in reference.dimensions or ()]


class _Targets:
    def __init__(self, targets: Iterable[_Target]) -> None:
        self._by_code, self._by_name = (
            defaultdict[str, set[_Target]](set),
            defaultdict[str, set[_Target]](set),
        )
        self._names = defaultdict[Sequence[str], set[str]](set)
        for target in targets:
            name = plain_name(target.name)
            self._by_name[name].add(target)
            self._names[_numbers(name)].add(name)
            for code in target.codes:
                self._by_code[_plain_code(code)].add(target)

    def suggestion(self, seen: Seen, times: int) -> Suggestion:
        found, reason = self._find(seen)
        return Suggestion(
            table=seen.table,
            key=seen.key,
            name=seen.name,
            times=times,
            target=found.code if found else None,
            target_name=found.name if found else None,
            reason=reason,
        )

    def _find(self, seen: Seen) -> tuple[_Target | None, str]:
        """Return the only target that fits; several that fit equally well are none."""
        for targets, reason in self._fitting(seen):
            if len(targets) == 1:
                return next(iter(targets)), reason
            if targets:
                return None, f"{', '.join(sorted(one.code for one in targets))} have {reason}"
        return None, "nothing fits"

    def _fitting(self, seen: Seen) -> Iterator[tuple[Collection[_Target], str]]:
        """Yield what fits and why, the surest first."""
        codes = seen.codes if seen.codes_tell else ()
        by_code = (self._by_code.get(_plain_code(code), ()) for code in codes)
        yield (
            set[_Target]().union(*by_code),
            "the same code but for case, spaces, punctuation or leading zeros",
        )
        name = plain_name(seen.name or seen.key)
        yield self._by_name.get(name, ()), "the same name"
        # A name with other numbers in it means something else, however similar it is.
        names = sorted(self._names.get(_numbers(name), ()))
        for nearest in difflib.get_close_matches(name, names, n=1, cutoff=SIMILARITY_MIN):
            ratio = difflib.SequenceMatcher(None, nearest, name).ratio()
            yield self._by_name[nearest], f"a similar name ({ratio:.2f})"


def _plain_code(code: str) -> str:
    """Return the letters and digits of the code without case and leading zeros; a code without any stays as it is."""
    return "".join(one for one in code.casefold() if one.isalnum()).lstrip("0") or code


def _numbers(name: str) -> Sequence[str]:
    return tuple("".join(one if one.isdigit() else " " for one in name).split())
