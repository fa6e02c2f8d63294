"""Take what was found on a device as what is known of it."""

from __future__ import annotations

from collections.abc import Sequence

from doorward.administrator.devices.parts import Fleet
from doorward.model.ids import DeviceId, UnixSeconds
from doorward.model.posture import Fact, Trust
from doorward.protocol.agent import Failing


async def take_facts(
    fleet: Fleet, device: DeviceId, facts: Sequence[Fact], trust: Trust, now: UnixSeconds
) -> Sequence[Failing]:
    """Keep the facts and conclude what follows; the checks that the device does not pass now.

    Raises DoorwardError `device-unknown`, and `facts-implausible` where one does not fit its
    kind, is of the future or older than what is known; then nothing of them counts.
    """
    raise NotImplementedError
