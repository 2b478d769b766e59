"""Second factors: which code was the last that was taken, and the codes for when the device is lost.

The secret of each stands among the secrets, as whoever gives it has sealed it; recovery codes are given as their SHA-256.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from pleo_export.store import sealed
from pleo_export.store.people import end_all, hold
from pleo_export.store.proofs import PasswordProof
from pleo_export.store.reader import Reader
from pleo_export.store.tables import recovery_codes, users
from pleo_export.store.writer import Writer

KIND = "second-factor"  # of the secret, which is kept for a user as others are for a company


class SecondFactors:
    """The second factors of users. Writing and failing as `Store` does."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer, self._reader = writer, reader

    async def keep(  # noqa: PLR0913, PLR0917 whose, by what right, and what
        self,
        user_id: str,
        proof: PasswordProof,
        ciphertext: bytes,
        step: int,
        code_hashes: Collection[str],
        now: datetime,
    ) -> bool:
        """Let the secret and these recovery codes count from now on, and end the user's sessions and links.

        Return whether: not where what the user showed stands no more.
        """

        def keep(connection: Connection) -> bool:
            if not hold(connection, user_id, proof):
                return False
            _remove(connection, user_id)
            sealed.keep(connection, user_id, KIND, ciphertext, now)
            connection.execute(update(users).where(users.c.user_id == user_id).values(factor_step=step))
            rows = [{"code_hash": one, "user_id": user_id} for one in code_hashes]
            connection.execute(insert(recovery_codes), rows)
            return True

        return await self._writer.run(keep)

    async def remove(self, user_id: str, proof: PasswordProof) -> bool:
        """Forget the user's second factor as `reset` does; return whether: not where what the user showed stands no more."""

        def remove(connection: Connection) -> bool:
            if not hold(connection, user_id, proof):
                return False
            _remove(connection, user_id)
            return True

        return await self._writer.run(remove)

    async def reset(self, user_id: str) -> None:
        """Forget the second factor, and end the user's sessions and links."""
        await self._writer.run(lambda connection: _remove(connection, user_id))

    async def take_step(self, user_id: str, step: int) -> bool:
        """Use the code of a half minute up; return whether it, and every later one, was there to be used."""
        before = users.c.factor_step < step
        taken = update(users).where(users.c.user_id == user_id, before).values(factor_step=step)
        return await self._writer.run(lambda connection: connection.execute(taken).rowcount == 1)

    async def take_code(self, user_id: str, code_hash: str) -> bool:
        """Use a recovery code up; return whether it was there to be used."""
        this = (recovery_codes.c.user_id == user_id, recovery_codes.c.code_hash == code_hash)
        taken = delete(recovery_codes).where(*this)
        return await self._writer.run(lambda connection: connection.execute(taken).rowcount == 1)

    async def codes_left(self, user_id: str) -> int:
        """Count the recovery codes that were not used yet."""
        query = select(func.count()).where(recovery_codes.c.user_id == user_id)
        return await self._reader.run(lambda connection: int(connection.execute(query).scalar_one()))


def _remove(connection: Connection, user_id: str) -> None:
    sealed.drop(connection, user_id, KIND)
    connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
    connection.execute(update(users).where(users.c.user_id == user_id).values(factor_step=None))
    end_all(connection, user_id)
