"""Who may look at the page and press its buttons: users, what they may do, and how they are known again.

Tokens are given here as their SHA-256, passwords as Argon2 writes them; nobody could sign in with what stands here.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, delete, exists, insert, or_, select, update

from pleo_export.domain.item import Instant
from pleo_export.store.errors import (
    DisabledUserError,
    InvitationGoneError,
    NoSuchRoleError,
    UnknownUserError,
    UserExistsError,
)
from pleo_export.store.proofs import PasswordProof, Proof
from pleo_export.store.reader import Reader
from pleo_export.store.tables import (
    EVERY_COMPANY,
    failed_sign_ins,
    grants,
    insert_if_absent,
    invitations,
    sessions,
    users,
)
from pleo_export.store.writer import Operation, Writer

ENABLED = users.c.disabled_at.is_(None)
CAN_SIGN_IN = ENABLED & or_(users.c.password_hash.is_not(None), users.c.issuer.is_not(None))


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may look, or may have looked. `roles` are by company, or for EVERY_COMPANY.

    `issuer` and `subject` are how an OpenID provider knows the user; nobody signs in who is disabled.
    """

    user_id: str
    name: str
    has_password: bool
    has_factor: bool = False
    created_at: Instant
    disabled_at: Instant | None = None
    issuer: str | None = None
    subject: str | None = None
    roles: Mapping[str, str]

    def told_roles(self) -> list[str]:
        """Tell each role with the company it is for."""
        return [f"{role} of {called(company_id)}" for company_id, role in self.roles.items()]


def called(company_id: str) -> str:
    """Return how a sentence names what a role is for."""
    return "every company" if company_id == EVERY_COMPANY else company_id


class Identified(NamedTuple):
    """How and from where somebody signed in: by more than a password, shown when, as far as that is known."""

    strong: bool = False
    proven_at: datetime | None = None
    address: str = ""
    browser: str = ""


BY_PASSWORD = Identified()


class Session(NamedTuple):
    """A user who is signed in: since when, when last seen, and how."""

    user: User
    begun_at: datetime
    seen_at: datetime
    identified: Identified


class OwnSession(NamedTuple):
    """One of a user's sessions, for that user to look at."""

    token_hash: str
    begun_at: datetime
    seen_at: datetime
    address: str
    browser: str


class Invitation(NamedTuple):
    """A link that is good for one time; `user` None: for the first administrator."""

    user: User | None
    ends_at: datetime


class Limit(NamedTuple):
    """So many sign-ins may fail for the key within the time."""

    key: str
    failures_max: int
    within: timedelta


class People:
    """The users of the page, their sessions and invitations. Writing and failing as `Store` does."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer, self._reader = writer, reader

    async def all(self) -> list[User]:
        """Return everybody, by name."""
        return await self._reader.run(_users)

    async def named(self, name: str) -> User:
        """Return a user. Raises UnknownUserError."""
        found = await self._reader.run(lambda connection: _users(connection, users.c.name == name))
        if not found:
            raise UnknownUserError(name)
        return found[0]

    async def known_to(self, issuer: str, subject: str) -> User | None:
        """Return the user whom an OpenID provider knows by this subject."""
        known = (users.c.issuer == issuer, users.c.subject == subject)
        found = await self._reader.run(lambda connection: _users(connection, *known))
        return found[0] if found else None

    async def anybody(self) -> bool:
        """Whether there is a user who can sign in."""
        return await self._reader.run(_anybody)

    async def password_hash(self, name: str) -> tuple[str, str] | None:
        """Return the id and the password's hash of a user who can sign in with one."""
        wanted = (users.c.name == name, ENABLED, users.c.password_hash.is_not(None))
        query = select(users.c.user_id, users.c.password_hash).where(*wanted)
        row = await self._reader.run(lambda connection: connection.execute(query).first())
        return None if row is None else (row[0], row[1])

    async def add(self, name: str, roles: Mapping[str, str], now: datetime) -> str:
        """Add a user and return the new id. Raises UserExistsError."""
        return await self._writer.run(lambda connection: _add(connection, name, roles, now))

    async def grant(self, name: str, company_id: str, role: str) -> None:
        """Give a user a role in a company, in the place of the one before. Raises UnknownUserError."""
        await self._writer.run(lambda connection: _grant(connection, _id(connection, name), company_id, role))

    async def revoke(self, name: str, company_id: str) -> None:
        """Take a user's role in a company away. Raises UnknownUserError, NoSuchRoleError."""

        def revoke(connection: Connection) -> None:
            if not _revoke(connection, _id(connection, name), company_id):
                (user,) = _users(connection, users.c.name == name)
                raise NoSuchRoleError(name, called(company_id), user.told_roles())

        await self._writer.run(revoke)

    async def disable(self, name: str, now: datetime) -> None:
        """Let a user sign in no more; what is open ends at once. Raises UnknownUserError."""

        def disable(connection: Connection) -> None:
            user_id = _id(connection, name)
            _change(connection, user_id, ENABLED, disabled_at=now)
            end_all(connection, user_id)

        await self._writer.run(disable)

    async def enable(self, name: str) -> None:
        """Let a disabled user sign in again. Raises UnknownUserError."""
        await self._writer.run(
            lambda connection: _change(connection, _id(connection, name), disabled_at=None)
        )

    async def rehash(self, user_id: str, *, old: str, new: str) -> bool:
        """Keep the same password under another hash; return whether: not where it was changed meanwhile."""
        standing = users.c.password_hash == old
        return await self._writer.run(
            lambda connection: _change(connection, user_id, standing, password_hash=new)
        )

    async def identify(self, user_id: str, issuer: str, subject: str) -> bool:
        """Keep how an OpenID provider knows a user; return whether: another one it knew stays."""
        unknown = users.c.issuer.is_(None)
        return await self._writer.run(
            lambda connection: _change(connection, user_id, unknown, ENABLED, issuer=issuer, subject=subject)
        )

    async def forget_provider(self, name: str) -> None:
        """Let the provider know a user by another subject from now on; what is open ends at once. Raises UnknownUserError."""

        def forget(connection: Connection) -> None:
            user_id = _id(connection, name)
            _change(connection, user_id, issuer=None, subject=None)
            end_all(connection, user_id)

        await self._writer.run(forget)

    async def invite(self, name: str | None, token_hash: str, ends_at: datetime) -> None:
        """Keep a link that lets a user choose a password; earlier ones end. None: for the first administrator.

        Raises UnknownUserError, DisabledUserError.
        """
        await self._writer.run(lambda connection: _invite(connection, name, token_hash, ends_at))

    async def invitation(self, token_hash: str, now: datetime) -> Invitation | None:
        """Return what a link is good for, None where it is good for nothing."""
        return await self._reader.run(lambda connection: _invitation(connection, token_hash, now))

    async def accept(self, token_hash: str, password_hash: str, now: datetime, first: str) -> str:
        """Use a link up: keep the password, end the sessions before, and return the user's id.

        `first` is the name of a first administrator, who is added with `administrator` in every company.
        Raises InvitationGoneError, UserExistsError.
        """

        def accept(connection: Connection) -> str:
            invitation = _invitation(connection, token_hash, now)
            if invitation is None:
                raise InvitationGoneError
            user_id = _taken(connection, invitation, token_hash, (first, now))
            _change(connection, user_id, password_hash=password_hash)
            end_all(connection, user_id)
            return user_id

        return await self._writer.run(accept)

    async def change_password(self, user_id: str, proof: PasswordProof, new: str) -> bool:
        """Keep another password's hash, and end the user's sessions and links; return whether what was shown still stood."""

        def change(connection: Connection) -> bool:
            if not hold(connection, user_id, proof):
                return False
            _change(connection, user_id, password_hash=new)
            end_all(connection, user_id)
            return True

        return await self._writer.run(change)

    async def begin_session(
        self,
        user_id: str,
        token_hash: str,
        now: datetime,
        identified: Identified = BY_PASSWORD,
        proof: Proof | None = None,
    ) -> bool:
        """Sign a user in; return whether: not one who was disabled meanwhile, nor where what was shown stands no more."""

        def begin(connection: Connection) -> bool:
            if not hold(connection, user_id, proof):
                return False
            row = {"token_hash": token_hash, "user_id": user_id, "begun_at": now, "seen_at": now}
            connection.execute(insert(sessions).values(row | identified._asdict()))
            return True

        return await self._writer.run(begin)

    async def session(self, token_hash: str) -> Session | None:
        """Return who is signed in with this token; how long that is good is for the caller to say."""
        return await self._reader.run(lambda connection: _session(connection, token_hash))

    async def see_session(self, token_hash: str, now: datetime) -> None:
        """Note that a session was used."""
        seen = update(sessions).where(sessions.c.token_hash == token_hash).values(seen_at=now)
        await self._writer.run(_executing(seen))

    async def end_session(self, token_hash: str) -> None:
        """Sign out."""
        await self._writer.run(_executing(delete(sessions).where(sessions.c.token_hash == token_hash)))

    async def sessions_of(self, user_id: str, *, begun: datetime, seen: datetime) -> list[OwnSession]:
        """Return a user's sessions that were begun and seen after those times, the last one that was seen first."""
        columns = [sessions.c[name] for name in OwnSession._fields]
        these = (sessions.c.user_id == user_id, sessions.c.begun_at > begun, sessions.c.seen_at > seen)
        query = select(*columns).where(*these).order_by(sessions.c.seen_at.desc(), sessions.c.begun_at.desc())
        return await self._reader.run(
            lambda connection: [OwnSession(*row) for row in connection.execute(query)]
        )

    async def end_sessions(self, user_id: str, token_hashes: Collection[str]) -> int:
        """End these of a user's sessions, and return how many there were."""
        these = (sessions.c.user_id == user_id, sessions.c.token_hash.in_(token_hashes))
        return await self._writer.run(
            lambda connection: connection.execute(delete(sessions).where(*these)).rowcount
        )

    async def try_sign_in(self, limits: Collection[Limit], now: datetime) -> datetime | None:
        """Count a sign-in as failed before it is looked at, so that many at once count too.

        Where too many failed before, nothing is counted, and when to try again is returned.
        """
        return await self._writer.run(lambda connection: _try(connection, limits, now))

    async def sign_in_succeeded(self, name_key: str, address_key: str, at: datetime) -> None:
        """Take back what `try_sign_in` counted at that time, and every failure of the name."""
        of, failed_at = failed_sign_ins.c.of, failed_sign_ins.c.failed_at
        this = or_(of == name_key, (of == address_key) & (failed_at == at))
        await self._writer.run(_executing(delete(failed_sign_ins).where(this)))

    async def sweep(self, *, begun: datetime, seen: datetime, failed: datetime, now: datetime) -> None:
        """Forget sessions begun or seen before those times, sign-ins that failed before, links that ended."""

        def sweep(connection: Connection) -> None:
            over = or_(sessions.c.begun_at < begun, sessions.c.seen_at < seen)
            connection.execute(delete(sessions).where(over))
            connection.execute(delete(failed_sign_ins).where(failed_sign_ins.c.failed_at < failed))
            connection.execute(delete(invitations).where(invitations.c.ends_at < now))

        await self._writer.run(sweep)


def _executing(statement: Any) -> Operation[None]:
    def execute(connection: Connection) -> None:
        connection.execute(statement)

    return execute


def _users(connection: Connection, *wanted: ColumnElement[bool]) -> list[User]:
    query = select(users, grants.c.company_id, grants.c.role).outerjoin_from(users, grants)
    return _with_roles(connection.execute(query.where(*wanted).order_by(users.c.name)))


def _with_roles(rows: Iterable[Row[Any]]) -> list[User]:
    found: dict[str, User] = {}
    roles: dict[str, dict[str, str]] = {}
    for row in rows:
        its = roles.setdefault(row.user_id, {})
        if row.company_id is not None:
            its[row.company_id] = row.role
        found[row.user_id] = User(
            user_id=row.user_id,
            name=row.name,
            has_password=row.password_hash is not None,
            has_factor=row.factor_step is not None,
            created_at=row.created_at,
            disabled_at=row.disabled_at,
            issuer=row.issuer,
            subject=row.subject,
            roles=its,
        )
    return list(found.values())


def _anybody(connection: Connection) -> bool:
    return bool(connection.execute(select(exists().where(CAN_SIGN_IN))).scalar())


def _id(connection: Connection, name: str) -> str:
    found = connection.execute(select(users.c.user_id).where(users.c.name == name)).scalar()
    if found is None:
        raise UnknownUserError(name)
    return str(found)


def _add(connection: Connection, name: str, roles: Mapping[str, str], now: datetime) -> str:
    user_id = str(uuid4())
    row = {"user_id": user_id, "name": name, "created_at": now}
    if not connection.execute(insert_if_absent(users), row).rowcount:
        raise UserExistsError(name)
    for company_id, role in roles.items():
        _grant(connection, user_id, company_id, role)
    return user_id


def _grant(connection: Connection, user_id: str, company_id: str, role: str) -> None:
    _revoke(connection, user_id, company_id)
    connection.execute(insert(grants).values(user_id=user_id, company_id=company_id, role=role))


def _revoke(connection: Connection, user_id: str, company_id: str) -> bool:
    its = (grants.c.user_id == user_id, grants.c.company_id == company_id)
    return bool(connection.execute(delete(grants).where(*its)).rowcount)


def _change(connection: Connection, user_id: str, *guards: ColumnElement[bool], **values: Any) -> bool:
    changed = update(users).where(users.c.user_id == user_id, *guards).values(values)
    return bool(connection.execute(changed).rowcount)


def hold(connection: Connection, user_id: str, proof: Proof | None) -> bool:
    """Let nobody else change the user in this transaction; return whether the user may sign in, and the proof stands."""
    return _change(connection, user_id, ENABLED, *(proof.stands() if proof else ()), disabled_at=None)


def end_all(connection: Connection, user_id: str) -> None:
    """End the user's sessions and links."""
    connection.execute(delete(sessions).where(sessions.c.user_id == user_id))
    connection.execute(delete(invitations).where(invitations.c.user_id == user_id))


def _invite(connection: Connection, name: str | None, token_hash: str, ends_at: datetime) -> None:
    user_id = None
    if name is not None:
        (user,) = _users(connection, users.c.name == name) or (None,)
        if user is None:
            raise UnknownUserError(name)
        if user.disabled_at is not None:
            raise DisabledUserError(name)
        user_id = user.user_id
        connection.execute(delete(invitations).where(invitations.c.user_id == user_id))
    row = {"token_hash": token_hash, "user_id": user_id, "ends_at": ends_at}
    connection.execute(insert(invitations).values(row))


def _invitation(connection: Connection, token_hash: str, now: datetime) -> Invitation | None:
    this = (invitations.c.token_hash == token_hash, invitations.c.ends_at > now)
    found = connection.execute(select(invitations.c.user_id, invitations.c.ends_at).where(*this)).first()
    if found is None:
        return None
    if found.user_id is None:
        return None if _anybody(connection) else Invitation(None, found.ends_at)
    (user,) = _users(connection, users.c.user_id == found.user_id)
    return Invitation(user, found.ends_at) if user.disabled_at is None else None


def _taken(
    connection: Connection, invitation: Invitation, token_hash: str, first: tuple[str, datetime]
) -> str:
    # Whoever deletes the row has the link; of several first administrators one deletes all of theirs.
    mine = invitations.c.token_hash == token_hash
    its = mine if invitation.user else invitations.c.user_id.is_(None)
    gone = connection.execute(delete(invitations).where(its).returning(invitations.c.token_hash)).scalars()
    if token_hash not in gone.all():
        raise InvitationGoneError
    if invitation.user is not None:
        return invitation.user.user_id
    name, now = first
    return _add(connection, name, {EVERY_COMPANY: "administrator"}, now)


def _session(connection: Connection, token_hash: str) -> Session | None:
    shown = [sessions.c[name] for name in ("begun_at", "seen_at", *Identified._fields)]
    query: Select[Any] = select(*shown, users, grants.c.company_id, grants.c.role)
    query = query.select_from(sessions.join(users).outerjoin(grants))
    rows = connection.execute(query.where(sessions.c.token_hash == token_hash, ENABLED)).all()
    if not rows:
        return None
    (user,) = _with_roles(rows)
    begun_at, seen_at, *identified = rows[0][: len(shown)]
    return Session(user, begun_at, seen_at, Identified(*identified))


def _try(connection: Connection, limits: Collection[Limit], now: datetime) -> datetime | None:
    again = [at for limit in limits if (at := _blocked_until(connection, limit, now)) is not None]
    if again:
        return max(again)
    rows = [{"of": limit.key, "failed_at": now} for limit in limits]
    connection.execute(insert(failed_sign_ins), rows)
    return None


def _blocked_until(connection: Connection, limit: Limit, now: datetime) -> datetime | None:
    of, failed_at = failed_sign_ins.c.of, failed_sign_ins.c.failed_at
    # The one whose end lets the next be tried.
    query = select(failed_at).where(of == limit.key, failed_at > now - limit.within)
    oldest = connection.execute(
        query.order_by(failed_at.desc()).offset(limit.failures_max - 1).limit(1)
    ).scalar()
    return None if oldest is None else oldest + limit.within
