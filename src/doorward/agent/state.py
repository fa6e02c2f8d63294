"""What the agent keeps between its runs, in one folder that only its owner may enter.

`state.json` holds who the device is and where its counter stands. Two agents with one state would
be two devices with one key, so whoever changes it holds its lock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from doorward.agent.files import locked, make_private, read_bytes, unusable, write_atomically
from doorward.agent.keys import Storage
from doorward.agent.tpm.key import TpmState
from doorward.errors import DoorwardError
from doorward.model.ids import DeviceId, UnixSeconds
from doorward.model.posture import Fact
from doorward.protocol.agent import Failing

S = TypeVar("S", bound=msgspec.Struct)

MAX_SIGHTINGS: Final = 20_000


class AgentState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who the device is. `counter` is that of the last message that may have been sent.

    `ended` is the code by which control refused the identity for good, empty while it counts.
    """

    server: str
    device: DeviceId
    trust_domain: str
    storage: Storage
    tpm: TpmState | None = None
    counter: int = 0
    ended: str = ""


class LastReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was reported last, and what control answered."""

    at: UnixSeconds
    facts: tuple[Fact, ...]
    failing: tuple[Failing, ...]


class StateFolder:
    """The folder, by name of what is in it. Whatever cannot be read is `agent-state-unusable`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = folder / "identity.key"
        self.server_ca = folder / "server-ca.pem"
        self.certificate = folder / "device.pem"
        self.certificate_key = folder / "device.key"
        self.authority = folder / "device-ca.pem"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the folder and hold its lock. Raises `agent-running`."""
        make_private(self.folder)
        with locked(self.folder / "lock"):
            yield

    def state(self) -> AgentState:
        """Raises `agent-not-enrolled` where there is none."""
        state = self._read("state.json", AgentState)
        if state is None:
            raise DoorwardError(
                "agent-not-enrolled",
                f"{self.folder} holds no enrolled device.",
                "Enrol it: doorward agent enrol --server https://auth.DOMAIN.",
            )
        return state

    def enrolled(self) -> bool:
        return self._read("state.json", AgentState) is not None

    def save(self, state: AgentState) -> None:
        """Written, and on the disk, when this returns: a counter must not be used twice."""
        write_atomically(self.folder / "state.json", msgspec.json.encode(state))

    def last_report(self) -> LastReport | None:
        return self._read("last-report.json", LastReport)

    def keep_report(self, report: LastReport) -> None:
        write_atomically(self.folder / "last-report.json", msgspec.json.encode(report))

    def sightings(self) -> dict[str, UnixSeconds]:
        """When each pending update was first seen; none where the file is unreadable."""
        data = read_bytes(self.folder / "updates.json") or b"{}"
        try:
            return msgspec.json.decode(data, type=dict[str, UnixSeconds])
        except msgspec.MsgspecError:
            return {}

    def note(self, pending: Collection[str], at: UnixSeconds) -> UnixSeconds | None:
        """Port `Sightings`."""
        before = self.sightings()
        seen = {name: min(before.get(name, at), at) for name in sorted(pending)[:MAX_SIGHTINGS]}
        if seen != before:
            write_atomically(self.folder / "updates.json", msgspec.json.encode(seen))
        return min(seen.values(), default=None)

    def _read(self, name: str, kind: type[S]) -> S | None:
        data = read_bytes(self.folder / name)
        if data is None:
            return None
        try:
            return msgspec.json.decode(data, type=kind)
        except msgspec.MsgspecError as error:
            raise unusable(self.folder / name) from error


class NoMemory:
    """Port `Sightings` for a look that leaves no trace: nothing was seen before."""

    def note(self, pending: Collection[str], at: UnixSeconds) -> UnixSeconds | None:
        return at if pending else None
