"""What the store asks of a database, beyond SQL that is the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection


class Database(Protocol):
    """Transactions of three kinds, and news of other processes' commits."""

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """All reads inside see the same moment."""
        ...

    def writing(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """One at a time in all processes; durable once it has ended without an exception."""
        ...

    def logging(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """As `writing`, for the decision log: its sequence numbers appear in order."""
        ...

    async def announce(self, connection: AsyncConnection) -> None:
        """Tell listeners, once this transaction is committed, that there is a new revision."""
        ...

    def listen(self, wake: Callable[[], None]) -> AbstractAsyncContextManager[None]:
        """Call `wake` when another process announces a revision; best effort."""
        ...

    async def close(self) -> None: ...
