"""Receiving signals on a store in memory, with real signatures and transmitters of the caller's."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from doorward.adapters.federation.tokens import JoseTokens
from doorward.adapters.sealer import AesGcmSealer
from doorward.adapters.throttle import SlidingWindowThrottle
from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.federation.directory import IssuerDirectory
from doorward.administrator.federation.ports import Answer
from doorward.administrator.federation.refusals import unreachable
from doorward.administrator.receiver.metadata import configuration_url, read_configuration
from doorward.administrator.receiver.ports import Method, TransmitterHttp
from doorward.administrator.receiver.receiver import Receiver
from doorward.bootstrap import LIMITS
from tests.fakes.signals_transmitter import Transmitter

ORIGIN = "https://auth.doorward.localhost:8081"


class SignalWire:
    """Port `TransmitterHttp` without a network."""

    def __init__(self, *transmitters: Transmitter) -> None:
        self._by_origin = {item.issuer: item for item in transmitters}

    async def get(self, url: str, *, issuer: str, bearer: str = "") -> Answer:
        return await self.send("GET", url, issuer=issuer, bearer=bearer)

    async def post(self, url: str, fields: Any, *, issuer: str, basic: Any = None) -> Answer:
        raise AssertionError(url)

    async def send(
        self, method: Method, url: str, *, issuer: str, bearer: str, body: bytes = b""
    ) -> Answer:
        parts = urlsplit(url)
        found = self._by_origin.get(f"{parts.scheme}://{parts.netloc}")
        if found is None:
            raise unreachable(parts.netloc)
        assert issuer == found.issuer
        headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        status, said = found.answer(method, path, headers, body)
        content = said if isinstance(said, bytes) else json.dumps(said).encode()
        return Answer(status=status, body=content)


def receiver_on(control: ControlPlane, http: TransmitterHttp) -> Receiver:
    """A receiver whose limits are those of the control plane."""
    return Receiver(
        control=control,
        http=http,
        tokens=JoseTokens(),
        directory=IssuerDirectory(http, configuration_url, read_configuration),
        sealer=AesGcmSealer(bytes(32)),
        throttle=SlidingWindowThrottle(LIMITS),
        origin=ORIGIN,
    )
