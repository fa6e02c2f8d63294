"""Pushes Security Event Tokens (RFC 8935; port `SetPusher`).

The address was named by another organisation. So no redirect is followed, nothing of the answer
is shown to anybody but an error code, and what a name stands for is looked at before it is called:
never this machine, a link's own addresses or a cloud's metadata, whatever a resolver says.
"""

from __future__ import annotations

import asyncio
import ssl

import httpx
import msgspec

from doorward.adapters.addresses import Address, addresses_of, is_callable
from doorward.administrator.signals.transmitting.refusals import error_code
from doorward.errors import DoorwardError
from doorward.protocol.signals.delivery import SET_MEDIA_TYPE, SetError

TIMEOUT_SECONDS = 5.0
_ACCEPTED = 202
_BAD_REQUEST = 400
_MAX_ERROR_BYTES = 4096
_PORTS = {"https": 443, "http": 80}
_ABOUT_US = frozenset({"authentication_failed", "access_denied"})
"""Errors about who sends, not about what: the same token is taken once that is put right."""

_errors = msgspec.json.Decoder(SetError)


class HttpSetPusher:
    """One POST to that address alone; no proxy of the environment is used.

    TLS is verified against the system's authorities; `trust` replaces them. `loopback` lets this
    very machine be called, for trying out.
    """

    def __init__(self, *, loopback: bool = False, trust: ssl.SSLContext | None = None) -> None:
        self._loopback = loopback
        self._trust = trust or ssl.create_default_context()

    async def push(self, url: str, authorization: str, token: str) -> None:
        try:
            # Of the whole call: a receiver could send a byte now and then.
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await self._post(httpx.URL(url), authorization, token)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            raise _undelivered(f"was not reached ({type(error).__name__})") from error

    async def _post(self, url: httpx.URL, authorization: str, token: str) -> None:
        address = await self._address(url)
        headers = {
            "host": url.netloc.decode("ascii"),
            "content-type": SET_MEDIA_TYPE,
            "accept": "application/json",
            "accept-encoding": "identity",
            **({"authorization": authorization} if authorization else {}),
        }
        async with (
            httpx.AsyncClient(
                verify=self._trust,
                timeout=TIMEOUT_SECONDS,
                follow_redirects=False,
                trust_env=False,
            ) as client,
            client.stream(
                "POST",
                url.copy_with(host=str(address)),
                headers=headers,
                content=token.encode("ascii"),
                extensions={"sni_hostname": url.host},
            ) as answer,
        ):
            if answer.status_code == _ACCEPTED:
                return
            if answer.status_code == _BAD_REQUEST:
                await _refuse(answer)
            raise _undelivered(f"answered {answer.status_code}")

    async def _address(self, url: httpx.URL) -> Address:
        """Raises DoorwardError `set-undelivered` where the name stands for what is not called."""
        addresses = await addresses_of(url.host, url.port or _PORTS[url.scheme])
        for address in addresses:
            if not is_callable(address, loopback=self._loopback):
                raise _undelivered("has an address that is not called")
        return addresses[0]


async def _refuse(answer: httpx.Response) -> None:
    """Raises `set-refused` where the receiver says in so many words that it is the token."""
    body = bytearray()
    async for part in answer.aiter_raw():
        body += part
        if len(body) > _MAX_ERROR_BYTES:
            return
    try:
        said = _errors.decode(bytes(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    code = error_code(said.err)
    if code in _ABOUT_US:
        raise _undelivered(f"does not know us ({code})")
    raise DoorwardError("set-refused", code, "Ask those who run the receiver.")


def _undelivered(what: str) -> DoorwardError:
    return DoorwardError(
        "set-undelivered",
        f"The receiver {what}.",
        "See that its address is right, that its certificate is valid and that it runs.",
    )
