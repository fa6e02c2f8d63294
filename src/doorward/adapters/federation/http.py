"""HTTP to providers and transmitters (ports `ProviderHttp`, `TransmitterHttp`).

Bounded, verified, and never led elsewhere.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, quote_plus, urlsplit

import httpx

from doorward.adapters.addresses import Address, addresses_of, is_callable, is_public
from doorward.administrator.federation.ports import Answer
from doorward.administrator.federation.refusals import invalid, unreachable
from doorward.administrator.receiver.ports import Method
from doorward.model.endpoints import is_loopback
from doorward.model.ids import UnixSeconds

MAX_BYTES = 256 * 1024
TIMEOUT_SECONDS = 10.0

_REDIRECTS = range(300, 400)


class HttpxProviderHttp:
    """One client for all providers: certificates are verified against the system's authorities.

    No proxy is taken from the environment. This machine is called by its own names only, whatever
    a resolver says of others, and a neighbour only for an issuer that is one (SSRF).
    """

    def __init__(self, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._timeout_seconds = timeout_seconds
        self._trust = ssl.create_default_context()

    async def get(self, url: str, *, issuer: str, bearer: str = "") -> Answer:
        headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
        return await self._ask("GET", url, issuer, headers)

    async def post(
        self,
        url: str,
        fields: Mapping[str, str],
        *,
        issuer: str,
        basic: tuple[str, str] | None = None,
    ) -> Answer:
        auth = None
        if basic is not None:
            # RFC 6749, 2.3.1: both are form-encoded before they become a user and a password.
            auth = httpx.BasicAuth(quote_plus(basic[0]), quote_plus(basic[1]))
        return await self._ask("POST", url, issuer, {}, fields, auth)

    async def send(
        self, method: Method, url: str, *, issuer: str, bearer: str, body: bytes = b""
    ) -> Answer:
        headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
        if body:
            headers |= {"content-type": "application/json", "content-language": "en"}
        return await self._ask(method, url, issuer, headers, content=body)

    async def _ask(
        self,
        method: str,
        url: str,
        issuer: str,
        headers: Mapping[str, str],
        fields: Mapping[str, str] | None = None,
        auth: httpx.BasicAuth | None = None,
        content: bytes = b"",
    ) -> Answer:
        parts = urlsplit(url)
        where = parts.hostname or "The provider"
        if parts.scheme == "http" and not is_loopback(where):
            raise invalid("it is called by plain http")
        own = {"accept": "application/json", "accept-encoding": "identity", "host": parts.netloc}

        async def at(address: Address, connect_seconds: float) -> Answer:
            async with (
                httpx.AsyncClient(
                    verify=self._trust,
                    trust_env=False,
                    follow_redirects=False,
                    timeout=httpx.Timeout(self._timeout_seconds, connect=connect_seconds),
                ) as client,
                client.stream(
                    method,
                    httpx.URL(url).copy_with(host=str(address)),
                    headers={**own, **headers},
                    data=fields,
                    auth=auth,
                    content=content or None,
                    extensions={"sni_hostname": where},
                ) as response,
            ):
                if response.status_code in _REDIRECTS:
                    raise invalid("it redirects where it should answer")
                body = await _bounded(response)
                return Answer(status=response.status_code, body=body, date=_date(response))

        try:
            async with asyncio.timeout(self._timeout_seconds):
                found = await _acceptable(parts, issuer)
                share = self._timeout_seconds / len(found)
                for address in found[:-1]:
                    with suppress(httpx.ConnectError, httpx.ConnectTimeout):
                        return await at(address, share)
                return await at(found[-1], share)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            raise unreachable(where) from error


async def _acceptable(parts: SplitResult, issuer: str) -> list[Address]:
    """What to call. Raises DoorwardError `provider-invalid`, OSError, UnicodeError.

    The estate names the issuer, which may be a neighbour; what its document names may be one only
    then.
    """
    host, home = parts.hostname or "", urlsplit(issuer).hostname or ""
    found = await _resolved(host, parts.port)
    if not all(is_callable(address, loopback=is_loopback(host)) for address in found):
        raise invalid("its name stands for an address that is not called")
    if host != home and not _is_public(found) and _is_public(await _resolved(home, None)):
        raise invalid("its name leads into a private network, and the issuer's does not")
    return found


async def _resolved(host: str, port: int | None) -> list[Address]:
    """A name below `localhost` is not left to a resolver."""
    own = is_loopback(host) and host.endswith("localhost")
    return await addresses_of("127.0.0.1" if own else host, port or 443)


def _is_public(addresses: Sequence[Address]) -> bool:
    return all(map(is_public, addresses))


async def _bounded(response: httpx.Response) -> bytes:
    # What is compressed could be a thousand times what was counted.
    if response.headers.get("content-encoding", "identity") != "identity":
        raise invalid("it is compressed, which was not asked for")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_BYTES:
            raise invalid("it is too large")
    return bytes(body)


def _date(response: httpx.Response) -> UnixSeconds | None:
    try:
        return parsedate_to_datetime(response.headers.get("date", "")).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
