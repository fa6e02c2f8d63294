"""The background pass: which devices must be looked at again, and looking at them in slices.

A conclusion changes by a report (`take_facts.py`), by the operator's word, and by what this file
sees: a moment that has come (a fact too old, the end of a grace), and a document that changed (a
policy, a group, a person, the device). Moments are found by an index in the store, so a process
that never heard of a device still notices its silence, and one that another process heard of
meanwhile is judged by what the store says.
"""

from __future__ import annotations

import asyncio
import itertools

from doorward.administrator.devices.parts import Fleet
from doorward.administrator.devices.postures import write_postures
from doorward.administrator.devices.settle import SLICE, settle
from doorward.administrator.ports import Revision
from doorward.model.ids import DeviceId, UnixSeconds
from doorward.model.snapshot import Change, Snapshot

_DUE_AT_ONCE = 500
_PASS_SECONDS = 0.5


class Watch:
    """Notes what happens to devices; `look` does what it takes.

    Devices whose own facts or documents changed go before those of a change that touches all.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._owners: set[str] = set()
        self._backlog: dict[DeviceId, None] = {}
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
        """One pass, of half a second at most: `awake` is set where that was not enough.

        Raises what the store raises; what was not done is done by the next pass.
        """
        fleet, postures = self._fleet, self._fleet.postures
        if not fleet.control.live.current.number:
            return  # Nothing follows from a snapshot that is not loaded yet.
        await write_postures(fleet.control.store, postures)
        self._devices_of_owners()
        async with fleet.control.store.transaction() as transaction:
            due = await transaction.devices.posture.records.due(now, _DUE_AT_ONCE)
        postures.waiting.update(dict.fromkeys(due))
        until = asyncio.get_running_loop().time() + _PASS_SECONDS
        for queue in (postures.waiting, self._backlog):
            await self._settle(queue, now, until)
        if postures.waiting or self._backlog:
            self.awake.set()

    async def _settle(
        self, queue: dict[DeviceId, None], now: UnixSeconds, until: UnixSeconds
    ) -> None:
        """Slice by slice, and after each one as long a pause, for whoever else has work."""
        clock = asyncio.get_running_loop().time
        while queue and (began := clock()) < until:
            some = list(itertools.islice(queue, SLICE))
            for device in some:
                del queue[device]
            await settle(self._fleet.control, self._fleet.postures, some, now)
            if queue:
                await asyncio.sleep(clock() - began)

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
        devices = sorted(snapshot.devices.values(), key=lambda device: device.owner not in active)
        self._backlog.update((device.id, None) for device in devices)
        self.awake.set()

    def _devices_of_owners(self) -> None:
        owners, self._owners = self._owners, set()
        if owners:
            devices = self._fleet.control.live.current.devices.values()
            found = {device.id: None for device in devices if device.owner in owners}
            self._fleet.postures.waiting.update(found)
