"""The page that explains every failure, from the catalogue in the code."""

from string import Formatter

from pleo_export.domain.catalogue import ENTRY_STANDS, MOST_FREQUENT, Cause

_PAGE = """\
<!-- Generated: change src/pleo_export/domain/catalogue.py, then run `make reference`. -->

# Why an expense or a job fails

Each cause has a code, which the commands show; `run --json` gives it as `failure_code`, `preview` and `doctor` as `cause`. Pleo
shows the sentence, what to do about it, and one of its own failure types. Words in *italics* stand for what is meant in each case.

Pleo is told the type of a job where the job fails as a whole: for a problem that all its expenses share, or because not one
of them was exported. In the second case its reason reads: {most_frequent}

Where an entry was recorded before something else failed, this is added: {stands}

Where Pleo is told nothing, the cause is a warning of `doctor`, or a job that Pleo no longer lets us close.

{causes}
"""


def errors_page() -> str:
    """Return the page that explains every cause of the catalogue, in its order."""
    return _PAGE.format(
        most_frequent=_readable(MOST_FREQUENT),
        stands=_readable(ENTRY_STANDS),
        causes="\n\n".join(map(_explained, Cause)),
    )


def _explained(cause: Cause) -> str:
    told = " and ".join(
        f"`{pleos_type}` for the {what}"
        for pleos_type, what in ((cause.item, "expense"), (cause.job, "job"))
        if pleos_type is not None
    )
    return (
        f"## {cause}\n\n{_readable(cause.sentence)}\n\n**What to do:** {_readable(cause.remedy)}\n\n"
        f"Told to Pleo: {told or 'nothing'}."
    )


def _readable(sentence: str) -> str:
    """Show the name of each field in place of what stands there."""
    parts = Formatter().parse(sentence)
    return "".join(words + (f"*{field.replace('_', ' ')}*" if field else "") for words, field, _, _ in parts)
