"""The page where users are named."""

import re

import pytest

from pleo_export.service.page.access.roles import Role
from pleo_export.service.page.access.tokens import hashed
from pleo_export.store.tables import EVERY_COMPANY
from tests.service.page.site import ADDRESS, COMPANY, OTHER, Site


async def audited(site: Site) -> list[tuple[str, str | None, str, str | None]]:
    return [(one.who, one.company_id, one.action, one.detail) for one in await site.store.actions(None, 99)]


async def test_a_user_is_added_with_a_link_that_is_shown_once(site: Site) -> None:
    owner = await site.signed_in({EVERY_COMPANY: Role.ADMINISTRATOR}, "olga")
    answer = await owner.press("/users/add", name=" Bo@Example.com ", role="operator", company=COMPANY)
    (token,) = re.findall(rf"{ADDRESS}/welcome/([\w-]+)", answer.text)
    invitation = await site.store.people.invitation(hashed(token), site.clock())
    assert invitation is not None
    assert invitation.user is not None
    assert (invitation.user.name, invitation.user.roles) == ("bo@example.com", {COMPANY: "operator"})
    assert "/welcome/" not in (await owner.get("/users")).text
    assert await audited(site) == [
        ("olga", None, "made a welcome link", "bo@example.com"),
        ("olga", None, "added a user", f"bo@example.com: operator of {COMPANY}"),
    ]
    assert token not in str(await audited(site))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": "a b"}, "A name is an e-mail address"),
        ({"name": "olga"}, "There is a user olga already"),
        ({"company": "nowhere"}, "is not known here"),
    ],
)
async def test_what_cannot_be_is_said_and_nothing_is_changed(
    site: Site, fields: dict[str, str], sentence: str
) -> None:
    owner = await site.signed_in({EVERY_COMPANY: Role.ADMINISTRATOR}, "olga")
    before = await site.store.people.all()
    answer = await owner.press(
        "/users/add", **({"name": "bo", "role": "viewer", "company": COMPANY} | fields)
    )
    assert (answer.status_code, sentence in answer.text) == (422, True)
    assert (await site.store.people.all(), await audited(site)) == (before, [])


async def test_a_company_is_chosen_by_its_name(site: Site) -> None:
    owner = await site.owner()
    text = (await owner.get("/users")).text
    assert text.count(f'<option value="{COMPANY}">Company {COMPANY[:4]}</option>') == 2
    another = "0f6a4b55-2b0e-4d0f-8a62-6a7f5b1c9d10"
    await site.store.add_company(another, f"Company {COMPANY[:4]}", "", "/")
    text = (await owner.get("/users")).text
    for one in (COMPANY, another):
        assert f">Company {COMPANY[:4]} ({one})</option>" in text, "two of one name are told apart"


async def test_roles_are_given_and_taken_away_and_count_at_once(site: Site) -> None:
    owner, bo = await site.owner(), await site.signed_in(Role.VIEWER, "bo")
    await owner.press("/users/grant", name="bo", role="operator", company=COMPANY)
    answer = await owner.press("/users/grant", name="bo", role="viewer", company=EVERY_COMPANY)
    assert answer.headers["location"] == "/users"
    assert (await site.store.people.named("bo")).roles == {COMPANY: "operator", EVERY_COMPANY: "viewer"}
    for company_id in (COMPANY, EVERY_COMPANY):
        await owner.press("/users/revoke", name="bo", company=company_id)
    assert (await site.store.people.named("bo")).roles == {}
    assert (await bo.get("/users")).status_code == 403
    assert [action for _, _, action, _ in await audited(site)] == ["took a role away"] * 2 + [
        "granted a role"
    ] * 2


async def test_a_role_that_nobody_has_is_not_said_to_be_taken_away(site: Site) -> None:
    owner, _ = await site.owner(), await site.signed_in(Role.VIEWER, "bo")
    answer = await owner.press("/users/revoke", name="bo", company=EVERY_COMPANY)
    assert (answer.status_code, "bo has no role of every company" in answer.text) == (422, True)
    assert await audited(site) == []


async def test_a_disabled_user_is_out_until_enabled(site: Site) -> None:
    owner, bo = await site.owner(), await site.signed_in(Role.VIEWER, "bo")
    await owner.press("/users/disable", name="bo")
    assert (await bo.get("/users")).status_code == 303
    assert "disabled 2026-03-01" in (await owner.get("/users")).text
    assert (await owner.press("/users/link", name="bo")).status_code == 422
    await owner.press("/users/enable", name="bo")
    assert (await owner.press("/users/link", name="bo")).status_code == 200


@pytest.mark.parametrize("step", ["disable", "forget-provider", "grant", "revoke"])
async def test_nobody_locks_the_own_door(site: Site, step: str) -> None:
    owner = await site.signed_in({EVERY_COMPANY: Role.ADMINISTRATOR}, "olga")
    answer = await owner.press(f"/users/{step}", name="olga", role="viewer", company=EVERY_COMPANY)
    assert (answer.status_code, "This is you" in answer.text) == (422, True)
    assert (await owner.get("/users")).status_code == 200


@pytest.mark.parametrize(
    "roles", [{COMPANY: Role.ADMINISTRATOR, OTHER: Role.ADMINISTRATOR}, {EVERY_COMPANY: Role.OPERATOR}]
)
async def test_administrators_of_some_companies_name_nobody(site: Site, roles: dict[str, Role]) -> None:
    eve = await site.signed_in(roles, "eve")
    for step in ("add", "grant", "revoke", "disable", "enable", "forget-provider", "link"):
        answer = await eve.press(f"/users/{step}", name="eve", role="administrator", company=EVERY_COMPANY)
        assert answer.status_code == 403
    assert (await site.store.people.named("eve")).roles == roles
    assert await audited(site) == []


async def test_names_are_shown_as_text(site: Site) -> None:
    owner = await site.owner()
    await site.store.people.add("<script>alert(1)</script>", {"<b>": "viewer"}, site.clock())
    page = (await owner.get("/users")).text
    assert "<script>alert" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;alert" in page
