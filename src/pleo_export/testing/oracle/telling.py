"""What is told to others: I11 of other companies, I13 of secrets and people."""

import re
from collections.abc import Iterator
from typing import Any

from pleo_export.testing.oracle.evidence import Violation
from pleo_export.testing.oracle.view import View

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")
_CREDENTIAL = re.compile(r"\b(?:Bearer|Basic) [\w.~+/=-]{12,}|https?://[^\s\"']*/files/[^\s\"']{16,}")


def nothing_of_others_told(view: View) -> Iterator[Violation]:
    """I11: no call that was made for one company names anything of another."""
    if len(view.pleo.companies) == 1:
        return
    for call in view.pleo.audit:
        company_id = call["companyId"]
        if company_id is None:
            continue  # whoever holds a receipt's link may read it
        named = {*_ID.findall(f"{call['path']}?{call['query']}"), *_named_in(call["body"])}
        for one in sorted(named):
            if (owner := view.owner.get(one)) not in (None, company_id):
                yield Violation(
                    invariant=11,
                    company_id=company_id,
                    item=one,
                    sentence=f"{call['method']} {call['path']} for it names {one} of company {owner}.",
                )


def _named_in(body: Any) -> Iterator[str]:
    """Yield the ids that events and updates name."""
    for element in body if isinstance(body, list) else [body]:
        if isinstance(element, dict):
            yield from (
                str(element[key]) for key in ("jobId", "accountingEntryId", "companyId") if key in element
            )


def nothing_secret(view: View) -> Iterator[Violation]:
    """I13: no secret, no name and no account number in logs, or in reasons that Pleo shows."""
    for where, text in (*view.given.texts.items(), *_reasons(view)):
        for secret in view.given.secrets:
            if secret and secret in text:
                yield _leak(where, f"a secret of {len(secret)} characters")
        if _CREDENTIAL.search(text):
            yield _leak(where, "a credential or a signed link")
        if any(map(_is_iban, _IBAN.findall(text))):
            yield _leak(where, "an IBAN")


def _leak(where: str, what: str) -> Violation:
    return Violation(invariant=13, company_id="", sentence=f"{where} holds {what}.")


def _reasons(view: View) -> Iterator[tuple[str, str]]:
    for job in view.jobs.values():
        if job.told["failureReason"]:
            yield f"The reason of job {job.id}", job.told["failureReason"]
        for item in job.items:
            if item["failureReason"]:
                yield f"The reason of expense {item['accountingEntryId']}", item["failureReason"]


def _is_iban(text: str) -> bool:
    plain = text.replace(" ", "")
    return int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1
