"""Envoy's log of ticketed requests, cut into spool segments.

Envoy appends to `live.log`. Renaming it and then telling Envoy to open its logs again makes a
complete segment: what Envoy still writes before it obeys goes to the renamed file.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from doorward.adapters.spool import SpoolReader, next_segment, segment_path

LIVE = "live.log"


class TicketLog:
    """Cuts the live log; `reader` ships what was cut."""

    def __init__(self, folder: Path, reopen: Callable[[], Awaitable[object]]) -> None:
        """`reopen` makes Envoy open its logs again, or raises."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._reopen = reopen
        self.reader = SpoolReader(folder)

    async def cut(self) -> None:
        """Make a segment of what is there; about once a second. Raises what `reopen` raises.

        A missing live log means that Envoy has not opened its logs since the last cut, and no
        second segment may begin before it has.
        """
        live = self._folder / LIVE
        if not live.exists():
            await self._reopen()
        elif live.stat().st_size:
            live.rename(segment_path(self._folder, next_segment(self._folder)))
            await self._reopen()
