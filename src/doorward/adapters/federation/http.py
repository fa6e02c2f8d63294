"""HTTP to providers and transmitters (ports `ProviderHttp`, `TransmitterHttp`).

Bounded, verified, and never led elsewhere.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from urllib.parse import quote_plus, urlsplit

import httpx

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

    No proxy is taken from the environment. What is called by plain HTTP is this machine, whatever
    a resolver says of its name.
    """

    def __init__(self, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._timeout_seconds = timeout_seconds
        self._trust = ssl.create_default_context()

    async def get(self, url: str, *, bearer: str = "") -> Answer:
        headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
        return await self._ask("GET", url, headers)

    async def post(
        self, url: str, fields: Mapping[str, str], *, basic: tuple[str, str] | None = None
    ) -> Answer:
        auth = None
        if basic is not None:
            # RFC 6749, 2.3.1: both are form-encoded before they become a user and a password.
            auth = httpx.BasicAuth(quote_plus(basic[0]), quote_plus(basic[1]))
        return await self._ask("POST", url, {}, fields, auth)

    async def send(self, method: Method, url: str, *, bearer: str, body: bytes = b"") -> Answer:
        headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
        if body:
            headers |= {"content-type": "application/json", "content-language": "en"}
        return await self._ask(method, url, headers, content=body)

    async def _ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        fields: Mapping[str, str] | None = None,
        auth: httpx.BasicAuth | None = None,
        content: bytes = b"",
    ) -> Answer:
        parts = urlsplit(url)
        where = parts.hostname or "The provider"
        target = httpx.URL(url)
        own = {"accept": "application/json", "accept-encoding": "identity", **headers}
        if parts.scheme == "http":
            if not is_loopback(parts.hostname or ""):
                raise invalid("it is called by plain http")
            target, own = target.copy_with(host=_loopback(where)), {**own, "host": parts.netloc}
        try:
            async with (
                asyncio.timeout(self._timeout_seconds),
                httpx.AsyncClient(
                    verify=self._trust,
                    trust_env=False,
                    follow_redirects=False,
                    timeout=self._timeout_seconds,
                ) as client,
                client.stream(
                    method, target, headers=own, data=fields, auth=auth, content=content or None
                ) as response,
            ):
                if response.status_code in _REDIRECTS:
                    raise invalid("it redirects where it should answer")
                body = await _bounded(response)
                return Answer(status=response.status_code, body=body, date=_date(response))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            raise unreachable(where) from error


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


def _loopback(host: str) -> str:
    """An address of this machine; a name below `localhost` is not left to a resolver."""
    return "127.0.0.1" if host.lower().endswith("localhost") else host


def _date(response: httpx.Response) -> UnixSeconds | None:
    try:
        return parsedate_to_datetime(response.headers.get("date", "")).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
