"""How Alembic runs: on the connection, and inside the transaction, that `migrate` hands it."""

from alembic import context

from doorward.adapters.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
