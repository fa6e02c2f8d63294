"""What receiving signals needs from the outside."""

from __future__ import annotations

from typing import Literal, Protocol

from doorward.administrator.federation.ports import Answer, ProviderHttp

Method = Literal["GET", "POST", "DELETE"]


class TransmitterHttp(ProviderHttp, Protocol):
    """HTTP to a transmitter, under the rules of `ProviderHttp`."""

    async def send(
        self, method: Method, url: str, *, issuer: str, bearer: str, body: bytes = b""
    ) -> Answer:
        """`body` is JSON, empty for none."""
        ...
