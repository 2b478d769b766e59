"""Brings a database to the schema of this version, in one transaction: wholly or not at all."""

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

from pleo_export.store.tables import metadata

# Alembic's own table, which says how far a database has come.
revision = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
HEAD = "0007"  # the newest revision in migrations/versions; a test holds the two together


class UnknownRevisionError(Exception):
    """The database has a schema that this version has never heard of."""

    def __init__(self, revision: str) -> None:
        self.revision = revision
        super().__init__(f"schema revision {revision} is unknown to this version")


def make_ready(connection: Connection) -> None:
    """Make a new database, or bring an older one up. Raises UnknownRevisionError before anything is changed."""
    current = _revision(connection)
    if current is None:
        metadata.create_all(connection)
        revision.create(connection)
        connection.execute(revision.insert().values(version_num=HEAD))
    elif current != HEAD:
        migrate(connection, current)


def migrate(connection: Connection, current: str | None, target: str = HEAD) -> None:
    """Run the migrations that come after revision `current`, None meaning all of them, up to `target`."""
    # Alembic is a sixth of what the program would load, and only needed on the day of an update.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "pleo_export.store:migrations")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise UnknownRevisionError(current)
    command.upgrade(config, target)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(revision.name):
        return None
    found: str | None = connection.execute(select(revision)).scalar()
    return found
