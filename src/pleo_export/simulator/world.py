"""The simulated Pleo: companies, expenses, jobs, receipts and a clock that tests can move."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pleo_export.simulator.audit import Audit
from pleo_export.simulator.chart import default_contra_accounts
from pleo_export.simulator.companies import Company, Expense, receipts_of
from pleo_export.simulator.consent import ConsentSettings
from pleo_export.simulator.credentials import Client, Credential
from pleo_export.simulator.errors import (
    CompanyExistsError,
    CompanyNotFoundError,
    ExpenseExistsError,
    ExpenseLockedError,
    InvalidBodyError,
    JobNotFoundError,
)
from pleo_export.simulator.files import FileStore
from pleo_export.simulator.installations import Installations
from pleo_export.simulator.jobs import Job, JobItem
from pleo_export.simulator.oauth import AuthorizationServer
from pleo_export.simulator.post import Post
from pleo_export.simulator.rate_limit import RateLimit
from pleo_export.simulator.subscriptions import Subscriptions
from pleo_export.simulator.trouble import Troubles
from pleo_export.simulator.vocabulary import ExpiredStyle, JsonObject, ReceiptKind


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Settings:
    """What Pleo leaves open; limits in records, `expires_in` in seconds and for jobs created from now on.

    `calls_per_minute` holds for each credential; 0 sets no limit.
    """

    default_limit: int = 20
    max_limit: int = 100
    expires_in: int = 3600
    expired_style: ExpiredStyle = "failed"
    refuse_unfinished: bool = False
    item_updates_refresh: bool = True
    final_items_stay: bool = True
    calls_per_minute: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCompany:
    """A company to be created; None lets the world choose."""

    name: str
    id: str | None = None
    default_currency: str = "EUR"
    vendor_based: bool = False
    contra_accounts: dict[str, JsonObject] | None = None
    api_key: str | None = None
    access_token: str | None = None


class World:
    """All state of one simulator. Not safe for several threads; the server uses one."""

    def __init__(self, *, clock: Callable[[], datetime] = utc_now, seed: int = 0) -> None:
        self._clock = clock
        self._advanced = timedelta()
        self._seed = seed
        self._ids_given = 0
        self._companies: dict[str, Company] = {}
        self._credentials: dict[str, Credential] = {}
        self._unfinished: list[Job] = []
        self._jobs: dict[str, Job] = {}
        self.settings = Settings()
        self.files = FileStore(seed)
        self.audit = Audit()
        self.rate_limit = RateLimit()
        self.troubles = Troubles()
        self.consent = ConsentSettings()
        self.oauth = AuthorizationServer(self.now, self.new_id)
        self.installations = Installations(self.now, self.new_id)
        self.subscriptions = Subscriptions(self.now, self.new_id)
        self.post = Post(self.now, self.new_id, self.subscriptions, seed)

    def now(self) -> datetime:
        return self._clock() + self._advanced

    def advance(self, seconds: float) -> datetime:
        """Move the clock forward and return the new time."""
        self._advanced += timedelta(seconds=seconds)
        self.post.notify()
        return self.now()

    def new_id(self) -> str:
        # The time is in it so that two runs with one seed do not meet in the same ledger under the same ids.
        self._ids_given += 1
        text = f"{self._seed}:{self.now().isoformat()}:{self._ids_given}"
        return str(UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4))

    def add_company(self, new: NewCompany) -> Company:
        """Create a company; raises CompanyExistsError for an id or a credential that is taken."""
        company = Company(
            id=new.id or self.new_id(),
            name=new.name,
            api_key=new.api_key or f"plp_{self.new_id()}",
            access_token=new.access_token or f"token_{self.new_id()}",
            default_currency=new.default_currency,
            vendor_based=new.vendor_based,
            contra_accounts=default_contra_accounts() if new.contra_accounts is None else new.contra_accounts,
        )
        own = Client(
            id=f"own-{company.id}", application_id=self.new_id(), name=f"Own client of {company.name}"
        )
        credentials = {
            f"key:{company.api_key}": Credential(company, own, "API_KEY"),
            f"token:{company.access_token}": Credential(company, own, "OAUTH2"),
        }
        if company.id in self._companies or credentials.keys() & self._credentials.keys():
            raise CompanyExistsError
        self._companies[company.id] = company
        self._credentials |= credentials
        return company

    def companies(self) -> list[Company]:
        return list(self._companies.values())

    def company(self, company_id: str) -> Company:
        """Return the company, else CompanyNotFoundError."""
        self._expire_jobs()
        try:
            return self._companies[company_id]
        except KeyError:
            raise CompanyNotFoundError(company_id) from None

    def credential(self, *, api_key: str | None = None, access_token: str | None = None) -> Credential | None:
        """Return what one of the two stands for. A company's own token never ends, one of an authorisation does."""
        self._expire_jobs()
        if access_token is None:
            return self._credentials.get(f"key:{api_key}")
        return self._credentials.get(f"token:{access_token}") or self.oauth.credential(access_token)

    def add_expenses(self, company: Company, payloads: Sequence[JsonObject]) -> list[str]:
        """Put expenses into the company and return their ids.

        `files` of a payload is a list of `{"kind": ...}` or None. Raises ExpenseExistsError, and then adds none.
        """
        ids: dict[str, JsonObject] = {}
        for payload in payloads:
            entry_id = payload.get("accountingEntryId") or self.new_id()
            if entry_id in company.expenses or entry_id in ids:
                raise ExpenseExistsError(entry_id)
            ids[entry_id] = payload
        for entry_id, payload in ids.items():
            company.expenses[entry_id] = Expense(entry_id, {})
            self.write_expense(company.expenses[entry_id], payload)
        return list(ids)

    def write_expense(self, expense: Expense, payload: JsonObject) -> None:
        """Replace the expense's data and receipts; raises ExpenseLockedError while a job holds it."""
        if expense.locked:
            raise ExpenseLockedError(expense.entry_id)
        expense.payload = {"subType": None, "supplier": None, "note": None} | payload
        files = payload.get("files")
        if files is None:
            expense.files = None
        else:
            kinds = [ReceiptKind(file["kind"]) for file in files]
            expense.files = tuple(map(self.files.add, receipts_of(expense.entry_id, payload, kinds)))

    def export(
        self,
        company: Company,
        entry_ids: Iterable[str],
        *,
        vendor_based: bool,
        created_by: str | None = None,
        is_interactive: bool = True,
    ) -> Job:
        """Create a pending job for the expenses, in the order given.

        Raises ExpenseNotFoundError, ExpenseLockedError and, for no expense at all, InvalidBodyError.
        """
        expenses = [company.expense(entry_id) for entry_id in dict.fromkeys(entry_ids)]
        if not expenses:
            raise InvalidBodyError("There is nothing to export.")
        if locked := next((expense for expense in expenses if expense.locked), None):
            raise ExpenseLockedError(locked.entry_id)
        job = Job(
            id=self.new_id(),
            company_id=company.id,
            created_at=self.now(),
            expires_in=self.settings.expires_in,
            vendor_based=vendor_based,
            contra_currencies=frozenset(e.wallet_currency for e in expenses if e.moves_wallet),
            created_by=created_by or self.new_id(),
            is_interactive=is_interactive,
        )
        for expense in expenses:
            expense.attempt = job.items[expense.entry_id] = JobItem(job, expense)
        company.jobs.append(job)
        self._jobs[job.id] = job
        self._unfinished.append(job)
        return job

    def job(self, company: Company, job_id: str) -> Job:
        """Return the company's job, else JobNotFoundError, which also hides the jobs of other companies."""
        self._expire_jobs()
        job = self._jobs.get(job_id)
        if job is None or job.company_id != company.id:
            raise JobNotFoundError
        return job

    def _expire_jobs(self) -> None:
        """Jobs expire when someone looks: nothing runs in the background."""
        now = self.now()
        for job in self._unfinished:
            job.expire_if_due(now, self.settings.expired_style)
        self._unfinished = [job for job in self._unfinished if job.unfinished]
