"""Step 2: is everything ready to record? Read only, and before any expense is read.

In Pleo's order: connection, company, bookkeeping capability, configuration. The first problem fails the job early, so
that nothing is half done. `doctor` shows the same findings beforehand.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from pleo_export.accounting.port import Connector, ConnectorError
from pleo_export.domain.check import settings_findings
from pleo_export.domain.failures import Finding, JobFailureType, Severity, job_failure_type
from pleo_export.domain.job import ExportJob
from pleo_export.domain.reference import ReferenceData
from pleo_export.domain.settings import CompanySettings
from pleo_export.workflow.persist import persist
from pleo_export.workflow.ports import Parts, Sources, StepTaken
from pleo_export.workflow.problems import JobProblemError


async def validate(parts: Parts, job: ExportJob) -> ReferenceData:
    """Return what the accounting system knows. Raises JobProblemError with the first problem found."""
    parts.notify(StepTaken(step=2, name="Validate", job_id=job.id, items=job.number_of_items))
    return await require_ready(parts, job, partial(persist, parts))


Ask = Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]


def once(call: Callable[[], Awaitable[Any]]) -> Awaitable[Any]:
    """Ask, and take the first answer."""
    return call()


async def require_ready(sources: Sources, job: ExportJob, ask: Ask = once) -> ReferenceData:
    """Return what the accounting system knows, where nothing keeps the job from being recorded; else JobProblemError."""
    company = _company_findings(sources, job)
    found, reference = await examine(sources.connector, sources.settings, ask)
    # Without reference data the accounting system itself is not ready; with it, what was found is configuration.
    in_order = (*found, *company) if reference is None else (*company, *found)
    for finding in in_order:
        if finding.severity is Severity.ERROR:
            raise JobProblemError(finding)
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
        if any(finding.severity is Severity.ERROR for finding in findings):
            return findings, None
        reference: ReferenceData = await ask(connector.reference_data)
    except ConnectorError as error:
        return [
            Finding(
                type=job_failure_type(error.type),
                problem=f"{connector.name}: {error}",
                remedy="Check that it runs and is reachable, then export again.",
            )
        ], None
    return [*findings, *settings_findings(settings, reference)], reference


def _company_findings(sources: Sources, job: ExportJob) -> Sequence[Finding]:
    findings = []
    if job.company_id != sources.company_id:
        findings.append(
            Finding(
                type=JobFailureType.INVALID_CONFIGURATION,
                problem=f"The job belongs to company {job.company_id}, but the settings are for {sources.company_id}.",
                remedy="Check pleo.company_id in the settings.",
            )
        )
    if job.vendor_based_bookkeeping and not sources.connector.capabilities.payables:
        findings.append(
            Finding(
                type=JobFailureType.INVALID_CONFIGURATION,
                problem=f"Pleo uses vendor tagging, but {sources.connector.name} cannot book vendor bills.",
                remedy="Deactivate vendor tagging in Pleo or choose another accounting system.",
            )
        )
    return findings
