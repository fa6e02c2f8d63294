"""What the limit for idleness needs from the store."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from doorward.model.ids import UnixSeconds


class ActivityTable(Protocol):
    """When sessions were used, and how far each source has been heard, inside one transaction.

    A source is a gateway, or a control process for what its own pages are asked.
    """

    async def heard(
        self, used: Mapping[str, UnixSeconds], sources: Mapping[str, UnixSeconds]
    ) -> None:
        """Note when sessions were used, and until when sources told everything; the later stays."""
        ...

    async def used(self, sessions: Collection[str]) -> Mapping[str, UnixSeconds]:
        """When those of `sessions` of which something is known were last used."""
        ...

    async def sources(self) -> Mapping[str, UnixSeconds]: ...

    async def forget_source(self, source: str) -> None:
        """It told everything, and will say no more."""
        ...

    async def remove_before(self, moment: UnixSeconds) -> None:
        """Forget what is older."""
        ...
