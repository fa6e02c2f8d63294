"""What the use cases of receiving signals share."""

from __future__ import annotations

from dataclasses import dataclass, field

from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.federation.directory import IssuerDirectory
from doorward.administrator.federation.ports import TokenVerifier
from doorward.administrator.ports import Sealer, Throttle, Transaction
from doorward.administrator.receiver.metadata import TransmitterMetadata
from doorward.administrator.receiver.ports import TransmitterHttp
from doorward.administrator.receiver.refusals import from_http, unknown
from doorward.administrator.receiver_ports import StreamRecord
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds
from doorward.model.transmitter import Transmitter

PATH = "/ssf/receive/"
"""Where transmitters push to, at the sign-in host; their id follows."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Ports, and what is known of transmitters in this process.

    `origin` is that of the sign-in host, over TLS. `troubles` are what went wrong with the last
    poll, by transmitter.
    """

    control: ControlPlane
    http: TransmitterHttp
    tokens: TokenVerifier
    directory: IssuerDirectory[TransmitterMetadata]
    sealer: Sealer
    throttle: Throttle
    origin: str
    troubles: dict[str, DoorwardError] = field(default_factory=dict)

    def transmitter(self, transmitter_id: str) -> Transmitter:
        """Raises DoorwardError `transmitter-unknown`."""
        found = self.control.live.current.transmitters.get(transmitter_id)
        if found is None:
            raise unknown()
        return found

    def transmitters(self) -> tuple[Transmitter, ...]:
        """All of the estate, by name."""
        found = self.control.live.current.transmitters.values()
        return tuple(sorted(found, key=lambda item: (item.name.casefold(), item.id)))

    def push_url(self, transmitter: Transmitter) -> str:
        """Where `transmitter` pushes to."""
        return f"{self.origin}{PATH}{transmitter.id}"

    async def metadata(self, transmitter: Transmitter, now: UnixSeconds) -> TransmitterMetadata:
        """Raises DoorwardError `transmitter-unreachable` or `transmitter-invalid`."""
        try:
            return await self.directory.metadata(transmitter, now)
        except DoorwardError as error:
            raise from_http(error, transmitter) from error

    async def record(self, transmitter: Transmitter) -> StreamRecord:
        """What is kept of `transmitter`."""
        async with self.control.store.transaction() as transaction:
            return await record_of(transaction, transmitter)


async def record_of(transaction: Transaction, transmitter: Transmitter) -> StreamRecord:
    """What is kept of `transmitter`: nothing where it had another issuer."""
    found = await transaction.receiver.streams.get(transmitter.id)
    if found is None or found.issuer != transmitter.issuer:
        return StreamRecord(transmitter=transmitter.id, issuer=transmitter.issuer)
    return found
