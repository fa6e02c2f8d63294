"""HTTP to control: one message and its answer, bounded in size and time, from the pinned server."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final, Self, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from doorward.errors import DoorwardError
from doorward.protocol.agent import MAX_BODY_BYTES, SIGNATURE_HEADER

T = TypeVar("T")

TIMEOUT_SECONDS: Final = 15
_ENDED: Final = frozenset({"device-unknown", "device-suspended", "device-cloned"})
_LOOPBACK: Final = "127.0.0.1"
_SERVER_ERROR: Final = 500
_BUSY: Final = 429


class _Problem(msgspec.Struct):
    code: str
    detail: str = ""
    remedy: str = ""


class UnansweredError(DoorwardError):
    """No answer, or none that counts: the message may have arrived, and may be sent again."""


class RefusedError(DoorwardError):
    """Control refused the message, and nothing of it counts."""


class IdentityEndedError(DoorwardError):
    """The device counts no more, whatever it says; it must be enrolled again."""


class Control:
    """Control at `server`, trusted by the CA certificates in `ca` (PEM) and by no others.

    Without `ca` those of the system count. Raises `server-invalid`, `ca-invalid`.
    """

    def __init__(
        self, server: str, ca: Path | None = None, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.server = checked_origin(server)
        parts = urlsplit(self.server)
        self._host = parts.hostname or ""
        verify = _context(ca) if parts.scheme == "https" else False
        self._http = httpx.Client(
            base_url=self._address(),
            headers={"host": parts.netloc},
            transport=transport,
            verify=verify,
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
            follow_redirects=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def post(self, path: str, body: bytes, signature: str) -> httpx.Response:
        """The answer. Raises UnansweredError, RefusedError or IdentityEndedError."""
        headers = {"content-type": "application/json", SIGNATURE_HEADER: signature}
        try:
            with self._http.stream(
                "POST",
                path,
                content=body,
                headers=headers,
                extensions={"sni_hostname": self._host},
            ) as streamed:
                content = _bounded(streamed)
                answer = httpx.Response(
                    streamed.status_code, headers=_plain(streamed.headers), content=content
                )
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise _unanswered(_said(error)) from error
        if answer.is_success:
            return answer
        raise _refusal(answer)

    def _address(self) -> str:
        """Names below `localhost` are this machine (RFC 6761, 6.3), whatever resolvers say."""
        parts = urlsplit(self.server)
        if not self._host.endswith(".localhost"):
            return self.server
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{_LOOPBACK}{port}"


def decoded(answer: httpx.Response, kind: type[T]) -> T:
    """The answer as `kind`. Raises UnansweredError: what is not understood is no answer."""
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _unanswered("its answer is not understood") from error


def checked_origin(server: str) -> str:
    """The origin. Raises `server-invalid`; plain HTTP is for this machine only."""
    try:
        parts = urlsplit(server)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    local = host in {"localhost", _LOOPBACK, "::1"} or host.endswith(".localhost")
    secure = parts.scheme == "https" or (parts.scheme == "http" and local)
    if (
        not host
        or not secure
        or parts.path.strip("/")
        or parts.query
        or parts.username
        or port == 0
    ):
        raise DoorwardError(
            "server-invalid",
            f"{server} is not the address of a sign-in host.",
            "Write it like https://auth.example.org.",
        )
    return f"{parts.scheme}://{parts.netloc}"


def _context(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if ca is None else str(ca))
    except (OSError, ValueError) as error:
        raise DoorwardError(
            "ca-invalid",
            f"{ca} holds no certificate that can be trusted.",
            "Name doorward's server CA, as PEM: DATA/control/keys/server-ca.pem.",
        ) from error


def _bounded(streamed: httpx.Response) -> bytes:
    content = bytearray()
    for chunk in streamed.iter_bytes():
        content += chunk
        if len(content) > MAX_BODY_BYTES:
            raise _unanswered("its answer is too long")
    return bytes(content)


def _plain(headers: httpx.Headers) -> dict[str, str]:
    return {"content-type": headers.get("content-type", "")}


def _refusal(answer: httpx.Response) -> DoorwardError:
    try:
        problem = msgspec.json.decode(answer.content, type=_Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _unanswered(f"something in between answered with status {answer.status_code}")
    if answer.status_code >= _SERVER_ERROR or answer.status_code == _BUSY:
        return _unanswered(f"it answered {problem.code}")
    if problem.code in _ENDED:
        return IdentityEndedError(
            problem.code,
            problem.detail or "This device counts no more.",
            "Enrol it again: doorward agent enrol --again.",
        )
    return RefusedError(problem.code, problem.detail, problem.remedy)


def _said(error: Exception) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "its certificate is not from the CA that was given"
    return f"{type(error).__name__}"


def _unanswered(why: str) -> UnansweredError:
    return UnansweredError(
        "agent-unanswered",
        f"The control plane gave no answer: {why}.",
        "It is asked again; see that its address is right and that it runs.",
    )
