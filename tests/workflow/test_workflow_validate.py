from collections.abc import Sequence
from decimal import Decimal

import pytest
from msgspec.structs import replace

from pleo_export.accounting.memory import MemoryBooks
from pleo_export.accounting.port import (
    ConnectorError,
    ForbiddenError,
    NoAnswerError,
    RateLimitedError,
    UnauthorisedError,
    UnreachableError,
)
from pleo_export.accounting.tax_codes import TaxRule
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import EntryState
from pleo_export.domain.failure_types import JobFailureType
from pleo_export.domain.failures import Finding, Severity
from pleo_export.domain.item import ItemType
from pleo_export.domain.job import ExportJob, JobStatus
from pleo_export.domain.reference import LedgerAccount, LedgerTaxCode
from pleo_export.domain.settings import (
    AttachmentFailure,
    BookkeepingSettings,
    Section,
    UnknownVendor,
    VatHandling,
    VatSettings,
)
from pleo_export.testing.faults import Verb
from pleo_export.workflow.pace import ASKED_SECONDS_MAX
from pleo_export.workflow.persist import REFUSALS_MAX, TRIES_MAX
from pleo_export.workflow.ports import JobSummary
from pleo_export.workflow.validate import examine
from tests.workflow.workflow_scene import BOOKS, Around, Scene, expense


class Elsewhere(Around):
    """Pleo's client, with jobs that claim to belong to another company."""

    async def list_jobs(self, company_id: str, statuses: Sequence[JobStatus]) -> Sequence[ExportJob]:
        return [self._foreign(job) for job in await self.inner.list_jobs(company_id, statuses)]

    async def get_job(self, job_id: str) -> ExportJob:
        return self._foreign(await self.inner.get_job(job_id))

    def _foreign(self, job: ExportJob) -> ExportJob:
        return replace(job, company_id="another-company")


def found(cause: Cause) -> Finding:
    return Finding(cause=cause, problem="The journal is missing.", remedy="Add it.")


async def assert_failed_early(scene: Scene, summary: JobSummary, kind: JobFailureType, *words: str) -> None:
    """Pleo was told why, and no expense was read, recorded or updated."""
    job = await scene.company.job(summary.job_id)
    assert (job["status"], job["failureReasonType"]) == ("failed", kind)
    assert summary.event == "failed"
    assert summary.reason == job["failureReason"]
    for word in words:
        assert word in job["failureReason"]
    paths = {one["path"] for one in await scene.company.audit()}
    assert "/v3/export-items" not in paths
    assert f"/v3/export-jobs/{summary.job_id}/items" not in paths
    assert scene.connector.asked("record") == []


CAUSE_OF = {cause.job: cause for cause in Cause if cause.job is not None}


@pytest.mark.parametrize("kind", CAUSE_OF)
async def test_whatever_a_check_finds_fails_the_job_with_its_type_and_words(
    scene: Scene, kind: JobFailureType
) -> None:
    await scene.company.job_of(expense(1))
    scene.connector.findings = [found(CAUSE_OF[kind])]
    await assert_failed_early(scene, await scene.run_one(), kind, "The journal is missing.", "Add it.")


@pytest.mark.parametrize("verb", [Verb.CHECK, Verb.REFERENCE_DATA])
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (UnreachableError("down"), JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE),
        (UnauthorisedError("login"), JobFailureType.ACCOUNTING_SYSTEM_AUTHENTICATION_FAILURE),
        (ForbiddenError("right"), JobFailureType.AUTHORIZATION_FAILURE),
        (RateLimitedError(1), JobFailureType.ACCOUNTING_SYSTEM_RATE_LIMIT),
        (NoAnswerError("silence"), JobFailureType.ACCOUNTING_SYSTEM_TIMEOUT),
    ],
)
async def test_an_accounting_system_that_cannot_be_asked_fails_the_job(
    scene: Scene, verb: Verb, error: ConnectorError, kind: JobFailureType
) -> None:
    await scene.company.job_of(expense(1))
    scene.faults.order(verb, error, times=REFUSALS_MAX if isinstance(error, RateLimitedError) else TRIES_MAX)
    await assert_failed_early(scene, await scene.run_one(), kind, str(error))


@pytest.mark.parametrize("verb", [Verb.CHECK, Verb.REFERENCE_DATA])
async def test_a_passing_fault_of_the_accounting_system_fails_nothing(scene: Scene, verb: Verb) -> None:
    await scene.company.job_of(expense(1))
    scene.faults.order(verb, UnreachableError("down"), times=2)
    assert (await scene.run_one()).event == "completed"


async def test_a_wait_longer_than_bookkeepers_have_is_not_waited(scene: Scene) -> None:
    await scene.company.job_of(expense(1))
    scene.faults.order(Verb.CHECK, RateLimitedError(ASKED_SECONDS_MAX + 1))
    await assert_failed_early(
        scene, await scene.run_one(), JobFailureType.ACCOUNTING_SYSTEM_RATE_LIMIT, "301 seconds"
    )
    assert 301 not in scene.clock.slept


async def test_a_warning_stops_nothing(scene: Scene) -> None:
    await scene.company.job_of(expense(1))
    scene.connector.findings = [found(Cause.TITLE_DIFFERS)]
    assert (await scene.run_one()).event == "completed"


async def switch_on_vendor_tagging(scene: Scene) -> None:
    await scene.company.control("PATCH", f"/companies/{scene.company.id}", {"vendorBasedBookkeeping": True})


async def test_vendor_tagging_needs_an_accounting_system_with_payables(scene: Scene) -> None:
    await switch_on_vendor_tagging(scene)
    await scene.company.job_of(expense(1))
    scene.connector.change(payables=False)
    await assert_failed_early(
        scene, await scene.run_one(), JobFailureType.INVALID_CONFIGURATION, "vendor tagging"
    )


async def test_vendor_tagging_with_payables_is_fine(scene: Scene) -> None:
    await switch_on_vendor_tagging(scene)
    await scene.company.job_of(expense(1))
    assert (await scene.run_one()).event == "completed"


async def test_a_job_of_another_company_is_refused(scene: Scene) -> None:
    await scene.company.job_of(expense(1))
    async with scene.parts() as parts:
        summary = await scene.run_one(pleo=Elsewhere(parts.pleo))
    await assert_failed_early(scene, summary, JobFailureType.INVALID_CONFIGURATION, "another-company")


@pytest.mark.parametrize("name", ["wallet", "out_of_pocket", "contra", "accounts_payable"])
async def test_a_configured_account_that_is_missing_fails_the_job(scene: Scene, name: str) -> None:
    await scene.company.job_of(expense(1))
    scene.accounts = scene.accounts.model_copy(update={name: "7777"})
    await assert_failed_early(
        scene, await scene.run_one(), JobFailureType.INVALID_CONFIGURATION, f"accounts.{name} = '7777'"
    )


async def test_a_configured_account_that_is_inactive_fails_the_job(scene: Scene) -> None:
    closed = LedgerAccount("2400", "Payables", active=False)
    scene.use_books(MemoryBooks(replace(BOOKS, accounts={**BOOKS.accounts, "2400": closed})))
    await scene.company.job_of(expense(1))
    await assert_failed_early(
        scene, await scene.run_one(), JobFailureType.INVALID_CONFIGURATION, "is not active"
    )


async def test_a_missing_vat_account_fails_the_job(scene: Scene) -> None:
    await scene.company.job_of(expense(1))
    async with scene.parts() as parts:
        settings = parts.settings.model_copy(update={"vat": VatSettings(input_account="7777")})
    summary = await scene.run_one(settings=settings)
    await assert_failed_early(
        scene, summary, JobFailureType.INVALID_CONFIGURATION, "vat.input_account = '7777'"
    )


@pytest.mark.slow
async def test_problems_are_told_in_pleos_order(scene: Scene) -> None:
    """Connection, then company, then capability, then configuration."""
    await switch_on_vendor_tagging(scene)
    await scene.company.add(expense(1))
    scene.connector.findings = [found(Cause.SYSTEM_UNAUTHORISED)]
    scene.connector.change(payables=False)
    scene.accounts = scene.accounts.model_copy(update={"wallet": "7777"})

    async def told(*, foreign: bool) -> str:
        await scene.company.press_export(1)
        async with scene.parts() as parts:
            pleo = Elsewhere(parts.pleo) if foreign else parts.pleo
            return str((await scene.run_one(pleo=pleo)).reason)

    assert "journal is missing" in await told(foreign=True)
    scene.connector.findings = []
    assert "another-company" in await told(foreign=True)
    assert "vendor tagging" in await told(foreign=False)
    scene.connector.change(payables=True)
    assert "accounts.wallet" in await told(foreign=False)


@pytest.mark.slow
async def test_nothing_is_recorded_after_a_failed_check_and_the_next_export_works(scene: Scene) -> None:
    await scene.company.job_of(expense(1))
    scene.connector.findings = [found(Cause.CHART_MISSING)]
    assert (await scene.run_one()).event == "failed"
    scene.connector.findings = []
    await scene.company.press_export(1)
    assert (await scene.run_one()).event == "completed"
    assert scene.booked() == [1]


async def test_drafts_are_not_asked_of_a_system_that_keeps_none(scene: Scene) -> None:
    scene.connector.change(drafts=False)
    mixed = BookkeepingSettings(
        posting=EntryState.FINAL, posting_by_type={ItemType.INVOICE: EntryState.DRAFT}
    )
    problem = (Cause.DRAFTS_UNSUPPORTED, Severity.ERROR)
    assert await findings(scene) == [problem]
    assert await findings(scene, bookkeeping=mixed) == [problem]
    assert await findings(scene, bookkeeping=BookkeepingSettings(posting=EntryState.FINAL)) == []


async def findings(scene: Scene, **sections: Section) -> list[tuple[str, Severity]]:
    """What is found with the usual settings and these sections."""
    async with scene.parts() as parts:
        examined, _ = await examine(scene.connector, parts.settings.model_copy(update=sections))
    return [(one.cause, one.severity) for one in examined]


@pytest.mark.parametrize(
    ("capability", "sections", "problem"),
    [
        (
            "tax_by_code",
            {"vat": VatSettings(handling=VatHandling.BY_CODE)},
            (Cause.BY_CODE_UNSUPPORTED, Severity.ERROR),
        ),
        (
            "creates_vendors",
            {"bookkeeping": BookkeepingSettings(unknown_vendor=UnknownVendor.CREATE)},
            (Cause.VENDOR_CREATION_UNSUPPORTED, Severity.ERROR),
        ),
        (
            "attachments",
            {"bookkeeping": BookkeepingSettings(attachment_failure=AttachmentFailure.FAIL)},
            (Cause.RECEIPTS_UNSUPPORTED, Severity.WARNING),
        ),
    ],
)
async def test_settings_that_ask_for_more_than_the_accounting_system_can_do_are_found(
    scene: Scene, capability: str, sections: dict[str, Section], problem: tuple[Cause, Severity]
) -> None:
    codes = {"V25": LedgerTaxCode("V25", "Purchases 25 %")}
    scene.use_books(MemoryBooks(replace(BOOKS, tax_codes=codes), {"V25": TaxRule(rate=Decimal("0.25"))}))
    assert await findings(scene, **sections) == []
    scene.connector.change(**{capability: False})
    assert await findings(scene, **sections) == [problem]
    modest = BookkeepingSettings(attachment_failure=AttachmentFailure.RECORD_WITHOUT)
    assert await findings(scene, bookkeeping=modest) == []
