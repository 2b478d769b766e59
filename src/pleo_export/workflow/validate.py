"""Step 2: is everything ready to record? Read only, and before any expense is read.

In Pleo's order: connection, company, bookkeeping capability, configuration. The first problem fails the job early, so
that nothing is half done. `doctor` shows the same findings beforehand.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Any

from pleo_export.accounting.port import Connector, ConnectorError
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.check import settings_findings
from pleo_export.domain.entry import EntryState
from pleo_export.domain.failures import Finding, Severity, finding
from pleo_export.domain.job import ExportJob
from pleo_export.domain.reference import ReferenceData
from pleo_export.domain.settings import AttachmentFailure, CompanySettings, UnknownVendor, VatHandling
from pleo_export.workflow.persist import persist
from pleo_export.workflow.ports import Parts, Sources, StepTaken, in_step
from pleo_export.workflow.problems import require_well


async def validate(parts: Parts, job: ExportJob) -> ReferenceData:
    """Return what the accounting system knows. Raises JobProblemError with the first problem found."""
    step = StepTaken(step=2, name="Validate", job_id=job.id, items=job.number_of_items)
    return await in_step(parts, step, require_ready(parts, job, partial(persist, parts)))


Ask = Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]


def once(call: Callable[[], Awaitable[Any]]) -> Awaitable[Any]:
    """Ask, and take the first answer."""
    return call()


async def require_ready(sources: Sources, job: ExportJob, ask: Ask = once) -> ReferenceData:
    """Return what the accounting system knows, where nothing keeps the job from being recorded; else JobProblemError."""
    company = _company_findings(sources, job)
    found, reference = await examine(sources.connector, sources.settings, ask)
    # Without reference data the accounting system itself is not ready; with it, what was found is configuration.
    ready = reference is not None
    require_well((*company, *found) if ready else (*found, *company), system_ready=ready)
    assert reference is not None
    return reference


async def examine(
    connector: Connector, settings: CompanySettings, ask: Ask = once
) -> tuple[Sequence[Finding], ReferenceData | None]:
    """Return all findings about the accounting system and the settings, and its reference data if it could be read.

    `ask` calls the accounting system, as often as it sees fit.
    """
    try:
        findings: list[Finding] = list(await ask(connector.check))
        if any(one.severity is Severity.ERROR for one in findings):
            return findings, None
        reference: ReferenceData = await ask(connector.reference_data)
    except ConnectorError as error:
        return [Finding(cause=error.cause, problem=error.sentence, remedy=error.remedy)], None
    fitting = (*_capability_findings(connector, settings), *settings_findings(settings, reference))
    return [*findings, *fitting], reference


def _capability_findings(connector: Connector, settings: CompanySettings) -> Iterator[Finding]:
    """Find what the settings ask for and the accounting system cannot do."""
    can, choices = connector.capabilities, settings.bookkeeping
    if settings.vat.handling is VatHandling.BY_CODE and not can.tax_by_code:
        yield finding(Cause.BY_CODE_UNSUPPORTED, system=connector.name)
    if choices.unknown_vendor is UnknownVendor.CREATE and not can.creates_vendors:
        yield finding(Cause.VENDOR_CREATION_UNSUPPORTED, system=connector.name)
    if not can.drafts:
        asked = {"bookkeeping.posting": choices.posting} | {
            f"bookkeeping.posting_by_type.{kind}": state for kind, state in choices.posting_by_type.items()
        }
        for key in (key for key, state in asked.items() if state is EntryState.DRAFT):
            yield finding(Cause.DRAFTS_UNSUPPORTED, key=key, system=connector.name)
    if choices.attachment_failure is AttachmentFailure.FAIL and not can.attachments:
        yield finding(Cause.RECEIPTS_UNSUPPORTED, system=connector.name)


def _company_findings(sources: Sources, job: ExportJob) -> Sequence[Finding]:
    findings = []
    if job.company_id != sources.company_id:
        findings.append(finding(Cause.COMPANY_DIFFERS, company=job.company_id, configured=sources.company_id))
    if job.vendor_based_bookkeeping and not sources.connector.capabilities.payables:
        findings.append(finding(Cause.VENDOR_TAGGING_UNSUPPORTED, system=sources.connector.name))
    return findings
