"""Run by Alembic with a connection that is handed over, inside a transaction that its owner commits."""

from alembic import context

from pleo_export.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
