"""The background pass: which devices must be looked at again, and looking at them in slices.

A conclusion changes by a report (`take_facts.py`), by the operator's word, and by what this file
sees: a moment that has come (a fact too old, the end of a grace), and a document that changed (a
policy, a group, a person, the device). Moments are found by an index in the store, so a process
that never heard of a device still notices its silence, and one that another process heard of
meanwhile is judged by what the store says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from doorward.administrator.devices.parts import Fleet
from doorward.administrator.devices.postures import write_postures
from doorward.administrator.devices.settle import SLICE, settle
from doorward.administrator.ports import Revision
from doorward.model.ids import DeviceId, UnixSeconds
from doorward.model.snapshot import Change, Snapshot

_DUE_AT_ONCE = 500
_BETWEEN_SLICES_SECONDS = 0.005
"""In which whoever else waits for the store or the loop has a turn."""


class Watch:
    """Notes what happens to devices; `look` does what it takes."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._owners: set[str] = set()
        self.awake = asyncio.Event()

    def note(self, revision: Revision | None) -> None:
        """A revision is live; None where the whole snapshot was loaded anew."""
        snapshot = self._fleet.control.live.current
        if revision is None:
            self._everyone(snapshot)
            return
        for item in revision.changes:
            self._change(item, snapshot)
        if self._fleet.postures.waiting or self._owners:
            self.awake.set()

    async def look(self, now: UnixSeconds) -> None:
        """One pass. Raises what the store raises; what was not done is done by the next one."""
        fleet, postures = self._fleet, self._fleet.postures
        if not fleet.control.live.current.number:
            return  # Nothing follows from a snapshot that is not loaded yet.
        await write_postures(fleet.control.store, postures)
        self._devices_of_owners()
        while True:
            async with fleet.control.store.transaction() as transaction:
                due = await transaction.devices.posture.records.due(now, _DUE_AT_ONCE)
            postures.waiting.update(dict.fromkeys(due))
            await self._settle_waiting(now)
            if len(due) < _DUE_AT_ONCE:
                return

    async def _settle_waiting(self, now: UnixSeconds) -> None:
        waiting = self._fleet.postures.waiting
        while waiting:
            some = [device for device, _ in zip(waiting, range(SLICE), strict=False)]
            for device in some:
                del waiting[device]
            await settle(self._fleet.control, self._fleet.postures, some, now)
            if waiting:
                await asyncio.sleep(_BETWEEN_SLICES_SECONDS)

    def _change(self, item: Change, snapshot: Snapshot) -> None:
        by_group = any(policy.groups for policy in snapshot.compliances.values())
        if item.kind == "device":
            self._fleet.postures.waiting[DeviceId(item.id)] = None
        elif item.kind == "compliance" or (item.kind == "group" and by_group):
            self._everyone(snapshot)
        elif item.kind in ("user", "standing") and by_group:
            self._owners.add(item.id)

    def _everyone(self, snapshot: Snapshot) -> None:
        """Those in use first: theirs are the answers that somebody waits for."""
        active = {session.user for session in snapshot.sessions.values()}
        self._wait(d.id for d in snapshot.devices.values() if d.owner in active)
        self._wait(snapshot.devices)
        self.awake.set()

    def _devices_of_owners(self) -> None:
        owners, self._owners = self._owners, set()
        if owners:
            devices = self._fleet.control.live.current.devices.values()
            self._wait(device.id for device in devices if device.owner in owners)

    def _wait(self, devices: Iterable[str]) -> None:
        waiting = self._fleet.postures.waiting
        waiting.update((DeviceId(device), None) for device in devices)
