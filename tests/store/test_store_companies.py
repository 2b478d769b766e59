from datetime import timedelta

import pytest
from msgspec.structs import replace

from pleo_export.domain.progress import Company, LastLook
from pleo_export.store import SealedSecret
from pleo_export.store.errors import CompanyExistsError, UnknownCompanyError
from tests.store.stores import COMPANY, JOB, NOON, StoppedClock, opened, planned

SETTINGS = '[pleo]\ncompany_id = "company-a"\n'


async def test_a_company_in_service_is_given_back_with_its_settings(url: str) -> None:
    async with opened(url) as store:
        await store.add_company(COMPANY, "Añejo ApS", SETTINGS, "/srv/books")
        expected = Company(
            company_id=COMPANY,
            first_seen_at=NOON,
            name="Añejo ApS",
            settings=SETTINGS,
            folder="/srv/books",
            added_at=NOON,
        )
        assert await store.company(COMPANY) == expected
    async with opened(url) as store:
        assert await store.companies() == [replace(expected, settings=None)]


async def test_companies_that_are_worked_for_tell_when_they_were_last_looked_at(url: str) -> None:
    async with opened(url) as store:
        for company_id in ("company-a", "company-b", "company-c"):
            await store.add_company(company_id, "A", SETTINGS, "/srv")
        await store.see_company("company-b")
        await store.see_company("company-d")
        await store.trouble("company-b", "No ledger.")
        await store.pause("company-c")
        assert sorted(await store.last_looks()) == [
            LastLook("company-a", None, troubled=False),
            LastLook("company-b", NOON, troubled=True),
        ]


async def test_the_only_company_in_service_is_known_as_long_as_it_is_the_only_one(url: str) -> None:
    async with opened(url) as store:
        assert await store.only_company() is None
        await store.see_company("company-b")
        await store.add_company(COMPANY, "A", SETTINGS, "/srv")
        assert await store.only_company() == COMPANY
        await store.add_company("company-b", "B", SETTINGS, "/srv")
        assert await store.only_company() is None


async def test_a_company_is_added_once_and_the_first_settings_stay(url: str) -> None:
    async with opened(url) as store:
        await store.add_company(COMPANY, "A", SETTINGS, "/srv")
        with pytest.raises(CompanyExistsError, match="company company-a was added already"):
            await store.add_company(COMPANY, "B", "", "/")
        assert (await store.company(COMPANY)).name == "A"


async def test_a_company_that_was_only_seen_is_in_service_once_it_is_added(url: str) -> None:
    clock = StoppedClock()
    async with opened(url, clock) as store:
        await store.see_company(COMPANY)
        assert not (await store.company(COMPANY)).active
        later = clock.forward(60)
        await store.add_company(COMPANY, "A", SETTINGS, "/srv")
        company = await store.company(COMPANY)
        assert (company.active, company.first_seen_at, company.added_at) == (True, NOON, later)


async def test_settings_can_be_changed(url: str) -> None:
    async with opened(url) as store:
        await store.add_company(COMPANY, "A", SETTINGS, "/srv")
        await store.change_company(COMPANY, "# other", "/home")
        company = await store.company(COMPANY)
        assert (company.name, company.settings, company.folder) == ("A", "# other", "/home")


async def test_a_pause_counts_from_its_beginning_and_ends_with_resume(url: str) -> None:
    clock = StoppedClock()
    async with opened(url, clock) as store:
        await store.add_company(COMPANY, "A", SETTINGS, "/srv")
        for _ in range(2):
            await store.pause(COMPANY)
            clock.forward(60)
        company = await store.company(COMPANY)
        assert (company.paused_at, company.active) == (NOON, False)
        for _ in range(2):
            await store.resume(COMPANY)
        company = await store.company(COMPANY)
        assert (company.paused_at, company.active) == (None, True)


async def test_removing_a_company_forgets_how_it_was_run_and_keeps_its_jobs(url: str) -> None:
    async with planned(url, "e1") as store:
        await store.add_company(COMPANY, "A", SETTINGS, "/srv")
        await store.keep_secret(COMPANY, "api-key", b"sealed")
        await store.keep_secret("company-b", "api-key", b"of b")
        await store.pause(COMPANY)
        await store.trouble(COMPANY, "The ledger cannot be written.")
        await store.remove_company(COMPANY)
        assert await store.company(COMPANY) == Company(company_id=COMPANY, first_seen_at=NOON)
        assert [one.company_id for one in await store.secrets()] == ["company-b"]
        assert [job.job_id for job in await store.jobs(COMPANY, 9)] == [JOB]
        await store.add_company(COMPANY, "B", SETTINGS, "/srv")
        assert (await store.company(COMPANY)).active


async def test_a_company_that_is_not_in_service_takes_no_step(url: str) -> None:
    async with opened(url) as store:
        await store.see_company(COMPANY)
        for step in (
            store.pause(COMPANY),
            store.resume(COMPANY),
            store.remove_company(COMPANY),
            store.change_company(COMPANY, "", ""),
            store.company("ghost"),
            store.company_in_service(COMPANY),
            store.trouble("ghost", "nothing works"),
        ):
            with pytest.raises(UnknownCompanyError, match="is not known here; add it first"):
                await step
        assert [one.company_id for one in await store.companies()] == [COMPANY]


async def test_trouble_keeps_its_beginning_while_it_stays_the_same(url: str) -> None:
    clock = StoppedClock()
    async with opened(url, clock) as store:
        await store.see_company(COMPANY)
        seen = []
        for sentence in ("No ledger.", "No ledger.", "No token.", None, "No token."):
            await store.trouble(COMPANY, sentence)
            company = await store.company(COMPANY)
            seen.append((company.trouble, company.trouble_since))
            clock.forward(60)
        assert seen == [
            ("No ledger.", NOON),
            ("No ledger.", NOON),
            ("No token.", NOON + timedelta(seconds=120)),
            (None, None),
            ("No token.", NOON + timedelta(seconds=240)),
        ]


async def test_a_webhook_is_new_once_until_it_is_forgotten(url: str) -> None:
    clock = StoppedClock()
    async with opened(url, clock) as store:
        assert await store.saw_webhooks(["msg_1"]) == set()
        await store.see_webhooks({"msg_1": "event-1"})
        assert await store.saw_webhooks(["msg_1", "msg_2"]) == {"msg_1"}
        later = clock.forward(60)
        await store.see_webhooks({"msg_2": None, "msg_1": None})
    async with opened(url, clock) as store:
        assert await store.forget_webhooks(later) == 1
        assert await store.saw_webhooks(["msg_1", "msg_2"]) == {"msg_2"}


async def test_a_secret_is_kept_as_it_is_given_and_the_last_one_counts(url: str) -> None:
    clock = StoppedClock()
    any_byte = bytes(range(256))
    async with opened(url, clock) as store:
        assert await store.secret(COMPANY, "tokens") is None
        await store.keep_secret(COMPANY, "tokens", b"first")
        later = clock.forward(60)
        await store.keep_secret(COMPANY, "tokens", any_byte)
        await store.keep_secret(COMPANY, "webhook", b"other")
        await store.keep_secret("", "tokens", b"nobody's")
        assert await store.secret(COMPANY, "tokens") == any_byte
        assert [(one.company_id, one.kind) for one in await store.secrets()] == [
            ("", "tokens"),
            (COMPANY, "tokens"),
            (COMPANY, "webhook"),
        ]
        assert (await store.secrets())[1] == SealedSecret(
            company_id=COMPANY, kind="tokens", ciphertext=any_byte, updated_at=later
        )
        assert await store.drop_secrets(COMPANY) == 2
        assert [one.ciphertext for one in await store.secrets()] == [b"nobody's"]


async def test_secrets_of_one_kind_are_forgotten_alone(url: str) -> None:
    async with opened(url) as store:
        for kind in ("tokens", "webhook"):
            await store.keep_secret(COMPANY, kind, b"sealed")
        assert [await store.drop_secrets(COMPANY, "tokens") for _ in range(2)] == [1, 0]
        assert [one.kind for one in await store.secrets()] == ["webhook"]


async def test_a_company_comes_with_its_secrets_or_not_at_all(url: str) -> None:
    async with opened(url) as store:
        await store.add_company(COMPANY, "A", SETTINGS, "/srv", {"api-key": b"first"})
        with pytest.raises(CompanyExistsError):
            await store.add_company(COMPANY, "A", SETTINGS, "/srv", {"api-key": b"second"})
        assert await store.secret(COMPANY, "api-key") == b"first"


async def test_a_secret_is_replaced_only_where_it_did_not_change_meanwhile(url: str) -> None:
    async with opened(url) as store:
        assert not await store.replace_secret(COMPANY, "tokens", old=b"old", new=b"new")
        await store.keep_secret(COMPANY, "tokens", b"old")
        assert await store.replace_secret(COMPANY, "tokens", old=b"old", new=b"new")
        assert not await store.replace_secret(COMPANY, "tokens", old=b"old", new=b"newer")
        assert await store.secret(COMPANY, "tokens") == b"new"


async def test_a_zero_byte_in_a_sentence_is_left_out(url: str) -> None:
    async with planned(url) as store:
        for _ in range(2):
            await store.trouble(COMPANY, "No\0 ledger.")
            await store.abandoned(JOB, "gone\0")
        assert (await store.company(COMPANY)).trouble == "No ledger."
        assert (await store.job(JOB)).problem == "gone"
