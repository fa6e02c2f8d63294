"""The store on SQLite and PostgreSQL (port `administrator.ports.Store`).

It keeps documents, credentials, single-use secrets, the audit log and the decision log; it knows
nothing of what they mean. `open_store(url)` opens one; `migrate.upgrade(url)` brings its tables up
to this version.
"""

from doorward.adapters.store.store import SqlStore, open_store

__all__ = ["SqlStore", "open_store"]
