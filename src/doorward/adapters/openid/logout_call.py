"""Calls an application's back-channel logout address (port `LogoutSender`)."""

from __future__ import annotations

import asyncio
import ssl

import httpx

from doorward.errors import DoorwardError

_TIMEOUT_SECONDS = 5.0
_DONE = frozenset({200, 204})


class HttpLogoutSender:
    """One POST, to that address alone: no redirect is followed, no proxy of the environment used.

    TLS is verified against the system's authorities; `trust` replaces them.
    """

    def __init__(self, trust: ssl.SSLContext | None = None) -> None:
        self._trust = trust or ssl.create_default_context()

    async def send(self, uri: str, logout_token: str) -> None:
        try:
            async with (
                # Of the whole call: an application could send a byte now and then.
                asyncio.timeout(_TIMEOUT_SECONDS),
                httpx.AsyncClient(
                    verify=self._trust,
                    timeout=_TIMEOUT_SECONDS,
                    follow_redirects=False,
                    trust_env=False,
                ) as client,
                # The answer's body is not read: an application could send one without end.
                client.stream("POST", uri, data={"logout_token": logout_token}) as answer,
            ):
                status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            raise _undelivered(f"was not reached ({type(error).__name__})") from error
        if status not in _DONE:
            raise _undelivered(f"answered {status}")


def _undelivered(what: str) -> DoorwardError:
    return DoorwardError(
        "logout-undelivered",
        f"The application {what}.",
        "See that its back-channel logout address is right and that it runs.",
    )
