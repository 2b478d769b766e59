import asyncio
from datetime import timedelta
from itertools import count

import pytest

from pleo_export.store import Store
from pleo_export.store.errors import (
    DisabledUserError,
    InvitationGoneError,
    NoSuchRoleError,
    UnknownUserError,
    UserExistsError,
)
from pleo_export.store.people import BY_PASSWORD, Limit, Session, User
from pleo_export.store.proofs import PasswordProof, Proof, ProviderProof
from pleo_export.store.tables import EVERY_COMPANY
from tests.store.stores import COMPANY, NOON, StoppedClock, opened

HOUR = timedelta(hours=1)


async def test_users_are_given_back_with_what_they_may_do_and_without_their_passwords(url: str) -> None:
    async with opened(url) as store:
        ada = await store.people.add("ada", {COMPANY: "viewer", EVERY_COMPANY: "operator"}, NOON)
        await store.people.add("Åse@example.com", {}, NOON)
    async with opened(url) as store:
        found = {user.name: user for user in await store.people.all()}
        assert found["ada"] == await store.people.named("ada")
        assert found["ada"] == User(
            user_id=ada,
            name="ada",
            has_password=False,
            created_at=NOON,
            roles={COMPANY: "viewer", EVERY_COMPANY: "operator"},
        )
        assert found["Åse@example.com"].roles == {}


async def test_a_name_is_given_once(url: str) -> None:
    async with opened(url) as store:
        await store.people.add("ada", {COMPANY: "viewer"}, NOON)
        with pytest.raises(UserExistsError, match="There is a user ada already"):
            await store.people.add("ada", {EVERY_COMPANY: "administrator"}, NOON)
        assert (await store.people.named("ada")).roles == {COMPANY: "viewer"}


async def test_of_several_grants_for_a_company_the_last_counts(url: str) -> None:
    async with opened(url) as store:
        await store.people.add("ada", {COMPANY: "administrator"}, NOON)
        await store.people.grant("ada", COMPANY, "viewer")
        await store.people.grant("ada", "company-b", "operator")
        assert (await store.people.named("ada")).roles == {COMPANY: "viewer", "company-b": "operator"}
        await store.people.revoke("ada", COMPANY)
        assert (await store.people.named("ada")).roles == {"company-b": "operator"}


async def test_a_role_that_nobody_has_is_not_taken_away(url: str) -> None:
    async with opened(url) as store:
        await store.people.add("ada", {COMPANY: "viewer", "company-b": "operator"}, NOON)
        with pytest.raises(NoSuchRoleError) as refused:
            await store.people.revoke("ada", EVERY_COMPANY)
        assert f"ada has no role of every company; the roles are: viewer of {COMPANY}, " in str(refused.value)
        assert "operator of company-b. Name the company of one." in str(refused.value)
        for company_id in (COMPANY, "company-b"):
            await store.people.revoke("ada", company_id)
        with pytest.raises(NoSuchRoleError, match="ada has no role of company-b, nor any other"):
            await store.people.revoke("ada", "company-b")


async def test_nobody_who_is_not_known_takes_a_step(url: str) -> None:
    async with opened(url) as store:
        for step in (
            store.people.named("eve"),
            store.people.grant("eve", COMPANY, "viewer"),
            store.people.revoke("eve", COMPANY),
            store.people.disable("eve", NOON),
            store.people.enable("eve"),
            store.people.forget_provider("eve"),
            store.people.invite("eve", "token", NOON),
        ):
            with pytest.raises(UnknownUserError, match="There is no user eve"):
                await step
        assert await store.people.all() == []


async def password_of(store: Store, name: str, password_hash: str) -> str:
    await store.people.invite(name, f"link of {name}", NOON + HOUR)
    return await store.people.accept(f"link of {name}", password_hash, NOON, "")


async def test_a_link_keeps_one_password_and_ends_what_was_open(url: str) -> None:
    async with opened(url) as store:
        ada = await store.people.add("ada", {}, NOON)
        assert not await store.people.anybody()
        assert await password_of(store, "ada", "hash 1") == ada
        assert await store.people.anybody()
        assert await store.people.begin_session(ada, "session", NOON)
        with pytest.raises(InvitationGoneError):
            await store.people.accept("link of ada", "hash of another", NOON, "")
        assert await store.people.password_hash("ada") == (ada, "hash 1")
        assert await store.people.session("session") is not None
        await password_of(store, "ada", "hash 2")
        assert await store.people.session("session") is None


async def test_a_link_is_good_until_it_ends_or_another_is_made(url: str) -> None:
    async with opened(url) as store:
        await store.people.add("ada", {}, NOON)
        await store.people.invite("ada", "first", NOON + HOUR)
        await store.people.invite("ada", "second", NOON + HOUR)
        assert await store.people.invitation("first", NOON) is None
        assert await store.people.invitation("second", NOON) is not None
        assert await store.people.invitation("second", NOON + HOUR) is None
        with pytest.raises(InvitationGoneError):
            await store.people.accept("second", "hash", NOON + HOUR, "")
        assert await store.people.password_hash("ada") is None


async def test_of_many_who_would_be_the_first_administrator_one_is(url: str) -> None:
    async with opened(url) as store, opened(url) as another:
        for number in range(6):
            await store.people.invite(None, f"link {number}", NOON + HOUR)
        tries = [
            (store, another)[number % 2].people.accept(f"link {number}", "hash", NOON, f"user-{number}")
            for number in range(6)
        ]
        ended = await asyncio.gather(*tries, return_exceptions=True)
        assert sorted(isinstance(one, InvitationGoneError) for one in ended) == [False] + [True] * 5
        (first,) = await store.people.all()
        assert first.roles == {EVERY_COMPANY: "administrator"}


async def test_a_first_link_that_cannot_be_used_so_stays_good(url: str) -> None:
    async with opened(url) as store:
        await store.people.add("ada", {}, NOON)
        await store.people.invite(None, "link", NOON + HOUR)
        with pytest.raises(UserExistsError):
            await store.people.accept("link", "hash", NOON, "ada")
        await store.people.accept("link", "hash", NOON, "eva")
        assert await store.people.invitation("link", NOON) is None


async def test_a_disabled_user_has_nothing_open_and_opens_nothing(url: str) -> None:
    async with opened(url) as store:
        ada = await store.people.add("ada", {}, NOON)
        await password_of(store, "ada", "hash")
        assert await store.people.begin_session(ada, "session", NOON)
        await store.people.invite("ada", "link", NOON + HOUR)
        await store.people.disable("ada", NOON)
        assert await store.people.session("session") is None
        assert await store.people.invitation("link", NOON) is None
        assert await store.people.password_hash("ada") is None
        assert not await store.people.begin_session(ada, "another", NOON)
        assert not await store.people.identify(ada, "https://id.test", "s")
        assert not await store.people.anybody()
        with pytest.raises(DisabledUserError):
            await store.people.invite("ada", "link", NOON + HOUR)
        await store.people.enable("ada")
        assert await store.people.session("session") is None
        assert await store.people.begin_session(ada, "another", NOON)


async def test_a_session_begins_only_while_what_was_shown_stands(url: str) -> None:
    async with opened(url) as store:
        ada = await store.people.add("ada", {}, NOON)
        await password_of(store, "ada", "hash 1")
        numbers = count()

        async def let_in(*proofs: Proof) -> list[bool]:
            begin = store.people.begin_session
            return [await begin(ada, f"{next(numbers)}", NOON, BY_PASSWORD, proof) for proof in proofs]

        first, with_factor = PasswordProof("hash 1", strong=False), PasswordProof("hash 1", strong=True)
        assert await let_in(first, with_factor) == [True, False]
        assert await store.second_factors.keep(ada, first, b"sealed", 1, ["code"], NOON)
        assert await let_in(first, with_factor) == [False, True]
        assert await store.people.change_password(ada, with_factor, "hash 2")
        second = PasswordProof("hash 2", strong=True)
        assert await let_in(with_factor, second) == [False, True]
        await store.second_factors.reset(ada)
        assert await let_in(second, PasswordProof("hash 2", strong=False)) == [False, True]
        known = ProviderProof("https://id.test", "s")
        assert await let_in(known) == [False]
        await store.people.identify(ada, "https://id.test", "s")
        assert await let_in(known, ProviderProof("https://id.test", "t")) == [True, False]


async def test_nothing_is_changed_by_what_was_shown_and_stands_no_more(url: str) -> None:
    async with opened(url) as store:
        ada = await store.people.add("ada", {}, NOON)
        await password_of(store, "ada", "hash")
        await store.people.begin_session(ada, "session", NOON)
        old, standing = PasswordProof("hash of before", strong=False), PasswordProof("hash", strong=False)
        assert not await store.people.change_password(ada, old, "of a thief")
        assert not await store.second_factors.keep(ada, old, b"sealed", 1, ["code"], NOON)
        assert await store.people.session("session") is not None
        assert await store.second_factors.keep(ada, standing, b"sealed", 1, ["code"], NOON)
        assert not await store.second_factors.remove(ada, standing)
        user = await store.people.named("ada")
        assert (user.has_factor, await store.people.password_hash("ada")) == (True, (ada, "hash"))
        assert await store.second_factors.remove(ada, PasswordProof("hash", strong=True))
        assert not (await store.people.named("ada")).has_factor


async def test_a_session_is_seen_and_ended(url: str) -> None:
    async with opened(url) as store:
        ada = await store.people.add("ada", {COMPANY: "viewer"}, NOON)
        await store.people.begin_session(ada, "session", NOON)
        await store.people.see_session("session", NOON + HOUR)
        assert await store.people.session("session") == Session(
            await store.people.named("ada"), NOON, NOON + HOUR, BY_PASSWORD
        )
        await store.people.end_session("session")
        assert await store.people.session("session") is None


async def test_a_password_is_kept_anew_only_where_it_is_the_same(url: str) -> None:
    async with opened(url) as store:
        ada = await store.people.add("ada", {}, NOON)
        await password_of(store, "ada", "hash")
        assert not await store.people.rehash(ada, old="hash of before", new="wrong")
        assert await store.people.rehash(ada, old="hash", new="newer hash")
        assert await store.people.password_hash("ada") == (ada, "newer hash")


async def test_a_provider_knows_a_user_by_one_subject(url: str) -> None:
    async with opened(url) as store:
        ada = await store.people.add("ada", {}, NOON)
        assert await store.people.identify(ada, "https://id.test", "s")
        assert not await store.people.identify(ada, "https://id.test", "t")
        known = await store.people.known_to("https://id.test", "s")
        assert known == await store.people.named("ada")
        assert await store.people.known_to("https://other.test", "s") is None
        assert await store.people.anybody()


async def test_a_provider_that_was_forgotten_knows_the_user_by_another_subject(url: str) -> None:
    async with opened(url) as store:
        ada = await store.people.add("ada", {COMPANY: "viewer"}, NOON)
        await store.people.identify(ada, "https://id.test", "s")
        await store.people.begin_session(ada, "session", NOON)
        await store.people.forget_provider("ada")
        assert await store.people.session("session") is None
        assert await store.people.known_to("https://id.test", "s") is None
        assert await store.people.identify(ada, "https://other.test", "t")
        known = await store.people.known_to("https://other.test", "t")
        assert known is not None
        assert known.roles == {COMPANY: "viewer"}


async def test_what_fails_is_counted_before_it_is_looked_at(url: str) -> None:
    limits = (Limit("ada", 3, HOUR), Limit("address", 5, HOUR))
    async with opened(url) as store:
        tries = await asyncio.gather(*(store.people.try_sign_in(limits, NOON) for _ in range(9)))
        assert tries == [None] * 3 + [NOON + HOUR] * 6
        others = (Limit("eva", 3, HOUR), Limit("address", 5, HOUR))
        later = NOON + timedelta(minutes=1)
        assert [await store.people.try_sign_in(others, later) for _ in range(3)] == [None, None, NOON + HOUR]
        assert await store.people.try_sign_in(limits, NOON + HOUR) is None


async def test_a_success_takes_its_own_try_back_and_the_failures_of_the_name(url: str) -> None:
    limits = (Limit("ada", 2, HOUR), Limit("address", 3, HOUR))
    later = NOON + timedelta(minutes=1)
    async with opened(url) as store:
        await store.people.try_sign_in(limits, NOON)
        await store.people.try_sign_in(limits, later)
        await store.people.sign_in_succeeded("ada", "address", later)
        tries = [await store.people.try_sign_in(limits, later + n * timedelta(seconds=1)) for n in range(3)]
        assert tries == [None, None, later + HOUR]


async def test_what_is_over_is_swept_and_what_is_not_stays(url: str) -> None:
    async with opened(url) as store:
        ada = await store.people.add("ada", {}, NOON)
        await store.people.begin_session(ada, "long ago", NOON - 2 * HOUR)
        await store.people.see_session("long ago", NOON)
        await store.people.begin_session(ada, "idle", NOON - HOUR)
        await store.people.begin_session(ada, "good", NOON)
        await store.people.invite("ada", "link", NOON)
        await store.people.invite(None, "first", NOON + HOUR)
        await store.people.try_sign_in([Limit("ada", 1, 9 * HOUR)], NOON - 2 * HOUR)
        await store.people.sweep(
            begun=NOON - HOUR, seen=NOON - HOUR / 2, failed=NOON - HOUR, now=NOON + HOUR / 2
        )
        found = [await store.people.session(token) is not None for token in ("long ago", "idle", "good")]
        assert found == [False, False, True]
        assert await store.people.invitation("link", NOON - HOUR) is None
        assert await store.people.invitation("first", NOON) is not None
        assert await store.people.try_sign_in([Limit("ada", 1, 9 * HOUR)], NOON) is None


async def test_what_people_did_is_given_back_newest_first_and_by_company(url: str) -> None:
    clock = StoppedClock()
    async with opened(url, clock) as store:
        await store.note_action("ada", COMPANY, "paused")
        later = clock.forward(60)
        await store.note_action("eva", "company-b", "pressed", "the button\0")
        await store.note_action("ada", None, "added a user", "bo")
        done = await store.actions(None, 9)
        assert [(one.who, one.company_id, one.action, one.detail) for one in done] == [
            ("ada", None, "added a user", "bo"),
            ("eva", "company-b", "pressed", "the button"),
            ("ada", COMPANY, "paused", None),
        ]
        assert [one.at for one in done] == [later, later, NOON]
        assert await store.actions(COMPANY, 9) == done[2:]
        assert await store.actions(None, 1, before_id=done[0].id) == done[1:2]
