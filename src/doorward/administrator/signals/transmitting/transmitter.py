"""What every use case of the transmitter works with, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.openid_ports import TokenSigner
from doorward.administrator.ports import Sealer, Throttle, Transaction
from doorward.administrator.signal_ports import SetPusher, Stream
from doorward.administrator.signals.transmitting.bell import Bell
from doorward.errors import DoorwardError
from doorward.model.estate import SIGNALS_UPSTREAM
from doorward.model.ids import ServiceId
from doorward.protocol.openid.metadata import KEYS
from doorward.protocol.signals.delivery import DELIVERY_METHODS, SPEC_VERSION

STREAMS = "/ssf/streams"
STATUS = "/ssf/status"
ADD_SUBJECT = "/ssf/subjects/add"
REMOVE_SUBJECT = "/ssf/subjects/remove"
VERIFY = "/ssf/verify"
POLL = "/ssf/poll"

VERIFICATION_SECONDS = 30
"""`min_verification_interval` of every stream."""

_AUTHORIZATION = ("urn:ietf:rfc:6749", "urn:ietf:rfc:6750")


@dataclass(frozen=True, slots=True)
class Transmitting:
    """Ports and values. `issuer` is the provider's; `origin` has the address of a host's label.

    `plain_loopback` lets receivers on this machine be reached without TLS, for trying out.
    """

    control: ControlPlane
    signer: TokenSigner
    sealer: Sealer
    pusher: SetPusher
    throttle: Throttle
    bell: Bell
    issuer: str
    origin: Callable[[str], str]
    plain_loopback: bool = False

    def base(self) -> str:
        """Where receivers speak to us. Raises DoorwardError `signals-not-offered`."""
        resources = self.control.live.current.resources
        hosts = [r.host for r in resources.values() if r.upstream == SIGNALS_UPSTREAM]
        if not hosts:
            raise DoorwardError(
                "signals-not-offered",
                "No resource has the upstream `signals`.",
                "Declare one in the estate: docs/how-to/share-signals.md says how.",
            )
        return self.origin(min(hosts))

    def poll_url(self, stream: str) -> str:
        """Where a stream is polled (RFC 8936): one address for each stream."""
        return f"{self.base()}{POLL}/{stream}"

    def metadata(self) -> dict[str, object]:
        """The configuration metadata (SSF 1.0, 7.1). Raises `signals-not-offered`."""
        base = self.base()
        return {
            "spec_version": SPEC_VERSION,
            "issuer": self.issuer,
            "jwks_uri": self.issuer + KEYS,
            "delivery_methods_supported": DELIVERY_METHODS,
            "configuration_endpoint": base + STREAMS,
            "status_endpoint": base + STATUS,
            "add_subject_endpoint": base + ADD_SUBJECT,
            "remove_subject_endpoint": base + REMOVE_SUBJECT,
            "verification_endpoint": base + VERIFY,
            "critical_subject_members": ["user"],
            "authorization_schemes": [{"spec_urn": urn} for urn in _AUTHORIZATION],
            "default_subjects": "ALL",
        }


async def own_stream(transaction: Transaction, receiver: ServiceId, stream_id: str) -> Stream:
    """The receiver's stream. Raises DoorwardError `stream-unknown`, for others' streams too."""
    found = await transaction.signals.streams.get(stream_id)
    if found is None or found.receiver != receiver:
        raise DoorwardError(
            "stream-unknown",
            "You have no such stream.",
            "Read your streams at the configuration endpoint.",
        )
    return found
