"""Brings a database to the schema of this version, in one transaction: wholly or not at all."""

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


class UnknownRevisionError(Exception):
    """The database has a schema that this version has never heard of."""

    def __init__(self, revision: str) -> None:
        self.revision = revision
        super().__init__(f"schema revision {revision} is unknown to this version")


def upgrade(connection: Connection) -> None:
    """Run the migrations that are missing. Raises UnknownRevisionError before anything is changed."""
    config = Config()
    config.set_main_option("script_location", "pleo_export.store:migrations")
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    if current is not None and current not in known:
        raise UnknownRevisionError(current)
    if current != scripts.get_current_head():
        command.upgrade(config, "head")
