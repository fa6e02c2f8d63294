"""When sessions were used, in memory: port `ActivityTable` on two dictionaries."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from doorward.model.ids import UnixSeconds


class ActivityMemory:
    def __init__(self, used: dict[str, UnixSeconds], sources: dict[str, UnixSeconds]) -> None:
        self._used = used
        self._sources = sources

    async def heard(
        self, used: Mapping[str, UnixSeconds], sources: Mapping[str, UnixSeconds]
    ) -> None:
        for known, new in ((self._used, used), (self._sources, sources)):
            for key, at in new.items():
                known[key] = max(at, known.get(key, at))

    async def used(self, sessions: Collection[str]) -> Mapping[str, UnixSeconds]:
        return {key: self._used[key] for key in sessions if key in self._used}

    async def sources(self) -> Mapping[str, UnixSeconds]:
        return dict(self._sources)

    async def forget_source(self, source: str) -> None:
        self._sources.pop(source, None)

    async def remove_before(self, moment: UnixSeconds) -> None:
        for known in (self._used, self._sources):
            for key in [key for key, at in known.items() if at < moment]:
                del known[key]
