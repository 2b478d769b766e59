"""Naming users and what they may do, for the page and for the command line: each step is audited."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from pleo_export.service.page.access.invitations import invite
from pleo_export.service.page.access.passwords import read_name
from pleo_export.service.page.access.roles import Role
from pleo_export.service.settings import ServiceSettings
from pleo_export.store import Store
from pleo_export.store.people import called
from pleo_export.store.tables import EVERY_COMPANY


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Where users are looked after; `who` does it. All of it raises UnknownUserError and StoreError."""

    store: Store
    settings: ServiceSettings
    now: Callable[[], datetime]
    who: str

    async def add(self, name: str, role: Role, company_ids: Collection[str]) -> str:
        """Add a user with a role in these companies, and return the welcome link.

        Raises WeakPasswordError where nobody can be called so, UserExistsError, UnknownCompanyError.
        """
        name = read_name(name)
        for company_id in company_ids:
            await self._require_served(company_id)
        await self.store.people.add(name, dict.fromkeys(company_ids, role), self.now())
        await self._note("added a user", f"{name}: {role} of {', '.join(map(called, company_ids))}")
        return await self.link(name)

    async def grant(self, name: str, role: Role, company_id: str) -> None:
        """Give a user a role in a company, in the place of the one before. Raises UnknownCompanyError."""
        await self._require_served(company_id)
        await self.store.people.grant(name, company_id, role)
        await self._note("granted a role", f"{name}: {role} of {called(company_id)}", company_id)

    async def revoke(self, name: str, company_id: str) -> None:
        """Take a user's role in a company away. Raises NoSuchRoleError."""
        await self.store.people.revoke(name, company_id)
        await self._note("took a role away", f"{name}: of {called(company_id)}", company_id)

    async def disable(self, name: str) -> None:
        """Let a user sign in no more, and end what is open."""
        await self.store.people.disable(name, self.now())
        await self._note("disabled a user", name)

    async def enable(self, name: str) -> None:
        """Let a disabled user sign in again."""
        await self.store.people.enable(name)
        await self._note("enabled a user", name)

    async def reset_second_factor(self, name: str) -> None:
        """Forget a user's second factor, for one who has lost it, and end what is open."""
        await self.store.second_factors.reset((await self.store.people.named(name)).user_id)
        await self._note("reset a second factor", name)

    async def forget_provider(self, name: str) -> None:
        """Forget whom the OpenID provider knows as this user, for one who has another account there; end what is open."""
        await self.store.people.forget_provider(name)
        await self._note("forgot an organisation's account", name)

    async def link(self, name: str) -> str:
        """Return a new welcome link, by which a user chooses a password. Raises DisabledUserError."""
        link = await invite(self.store, self.settings, name, self.now())
        await self._note("made a welcome link", name)
        return link

    async def _require_served(self, company_id: str) -> None:
        if company_id != EVERY_COMPANY:
            await self.store.company_in_service(company_id)

    async def _note(self, action: str, detail: str, company_id: str = EVERY_COMPANY) -> None:
        about = None if company_id == EVERY_COMPANY else company_id
        await self.store.note_action(self.who, about, action, detail)
