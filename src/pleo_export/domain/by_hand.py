"""What a person says who has recorded an expense, and what it means for it. On the page and on the command line."""

from collections.abc import Sequence

from pleo_export.domain.progress import ItemProgress, Phase, Settled

EXTERNAL_ID_CHARACTERS_MAX = 200

DONE_YOURSELF = (
    "Do this where you have recorded the expense in the accounting system yourself. It then counts as recorded here, with your"
    " name and the time."
)
LOOK_FIRST = "Nobody knows whether this program has recorded it as well: look it up first, or it may stand in the books twice."
PLEO_STAYS = (
    "Pleo takes one word on an expense in an export, so it goes on to show what it shows now. Mark the expense as exported"
    " in Pleo yourself; or export it again there, which records nothing anew and tells Pleo of the entry."
)
IN_ITS_PLACE = (
    "Here your entry takes the place of {entry}, which stands there no more. Pleo was told of that one, and goes on to name it"
    " until the expense is exported again."
)

IN_PLACE_OF_ANOTHER = (
    "Here your entry takes the place of {entry}, which was named before. Where Pleo was told of that one, it goes on to name it"
    " until the expense is exported again."
)


def entry_given(text: str) -> str | None:
    """Return the id of an entry as a person gave it, without what surrounds it; None where it is none."""
    given = " ".join(text.split())
    return given if given and len(given) <= EXTERNAL_ID_CHARACTERS_MAX and given.isprintable() else None


def what_it_means(item: ItemProgress) -> Sequence[str]:
    """Return what a person should know before an item is marked as recorded by hand."""
    return (
        DONE_YOURSELF,
        *((LOOK_FIRST,) if item.unknown or item.phase is Phase.INTENDED else ()),
        _in_whose_place(item),
    )


def told_in_the_audit(item: ItemProgress, outcome: str) -> str:
    """Return what the audit says of an expense that a person has settled, or has tried to."""
    return f"expense {item.accounting_entry_id} of job {item.job_id}: {outcome}"


def _in_whose_place(item: ItemProgress) -> str:
    if item.phase is not Phase.RECORDED:
        return PLEO_STAYS
    before = IN_PLACE_OF_ANOTHER if item.settled_how is Settled.BY_HAND else IN_ITS_PLACE
    return before.format(entry=item.external_id)
