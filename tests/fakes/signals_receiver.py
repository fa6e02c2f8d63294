"""A receiver of Shared Signals that shares no code with doorward: it reads the specifications anew.

`Verifier` checks a token by hand (RFC 7515, RFC 7518): it knows RS256 and ES256 and nothing else.
`PushReceiver` is an HTTP server (RFC 8935) that takes tokens, or answers as told. `PollClient`
takes them by RFC 8936 through any function that posts JSON. It imports nothing but the standard
library and `cryptography`; a test proves it.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

Claims = dict[str, Any]


class RefusedError(Exception):
    """The token is not taken; `err` is a code of RFC 8935, 2.4."""

    def __init__(self, err: str, why: str) -> None:
        super().__init__(why)
        self.err = err


def _bytes(text: str) -> bytes:
    if "=" in text:
        raise RefusedError("invalid_request", "padded base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _number(text: str) -> int:
    return int.from_bytes(_bytes(text), "big")


@dataclass
class Verifier:
    """Whose tokens are taken: the issuer, its published keys, and who we are to it."""

    issuer: str
    audience: str
    keys: Sequence[dict[str, str]]
    header: Claims = field(default_factory=dict)

    def claims(self, token: str) -> Claims:
        """The claims of a token that is all that it must be. Raises RefusedError."""
        parts = token.split(".")
        if len(parts) != 3:
            raise RefusedError("invalid_request", "three parts")
        header = self.header = json.loads(_bytes(parts[0]))
        if header.get("typ") != "secevent+jwt":
            raise RefusedError("invalid_request", "explicit typing")
        self._verify(header, f"{parts[0]}.{parts[1]}".encode(), _bytes(parts[2]))
        claims: Claims = json.loads(_bytes(parts[1]))
        if claims["iss"] != self.issuer:
            raise RefusedError("invalid_issuer", claims["iss"])
        audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if self.audience not in audience:
            raise RefusedError("invalid_audience", str(audience))
        if {"sub", "exp"} & claims.keys():
            raise RefusedError("invalid_request", "sub or exp")
        if len(claims["events"]) != 1 or not isinstance(claims["sub_id"], dict):
            raise RefusedError("invalid_request", "one event about one subject")
        return claims

    def _verify(self, header: Claims, signed: bytes, signature: bytes) -> None:
        key = next((key for key in self.keys if key["kid"] == header["kid"]), None)
        if key is None or key["alg"] != header["alg"]:
            raise RefusedError("invalid_key", str(header))
        if header["alg"] == "RS256":
            public = rsa.RSAPublicNumbers(_number(key["e"]), _number(key["n"])).public_key()
            if public.key_size < 2048:
                raise RefusedError("invalid_key", "short")
            public.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        elif header["alg"] == "ES256" and key["crv"] == "P-256" and len(signature) == 64:
            point = ec.EllipticCurvePublicNumbers(
                _number(key["x"]), _number(key["y"]), ec.SECP256R1()
            )
            pair = (int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
            point.public_key().verify(
                encode_dss_signature(*pair), signed, ec.ECDSA(hashes.SHA256())
            )
        else:
            raise RefusedError("invalid_key", header["alg"])


@dataclass(frozen=True)
class Pushed:
    """One request: its headers by lower-case name, its body, and when it came."""

    path: str
    headers: dict[str, str]
    body: str
    at: float


class PushReceiver:
    """Listens on a port of its own. `answers` are statuses and bodies to give first, in turn."""

    def __init__(self) -> None:
        self.requests: list[Pushed] = []
        self.answers: list[tuple[int, bytes]] = []
        self._came = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                body = self.rfile.read(length).decode("ascii")
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, said = receiver.took(Pushed(self.path, headers, body, time.time()))
                self.send_response(status)
                self.send_header("content-length", str(len(said)))
                if status // 100 == 3:
                    self.send_header("location", "/elsewhere")
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/events?tenant=1"

    def took(self, request: Pushed) -> tuple[int, bytes]:
        with self._came:
            answer = self.answers.pop(0) if self.answers else (202, b"")
            self.requests.append(request)
            self._came.notify_all()
        return answer

    def wait(self, count: int, seconds: float = 5.0) -> list[Pushed]:
        """The requests, once there are `count`; those that there are where that takes too long."""
        with self._came:
            self._came.wait_for(lambda: len(self.requests) >= count, seconds)
            return list(self.requests)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


Post = Callable[[Claims], Awaitable[tuple[int, Claims]]]


@dataclass
class PollClient:
    """Fetches and acknowledges; a token that does not verify is refused with an error code."""

    post: Post
    verifier: Verifier
    more: bool = False

    async def fetch(self, **request: Any) -> dict[str, Claims]:
        """The claims by `jti`, acknowledged by nothing yet."""
        status, answer = await self.post({"returnImmediately": True, **request})
        if status != 200:
            raise AssertionError((status, answer))
        self.more = answer.get("moreAvailable", False)
        found = {jti: self.verifier.claims(token) for jti, token in answer["sets"].items()}
        if any(claims["jti"] != jti for jti, claims in found.items()):
            raise AssertionError(answer)
        return found

    async def take(self) -> list[Claims]:
        """Everything that waits, acknowledged."""
        taken: list[Claims] = []
        found = await self.fetch()
        while found:
            taken += found.values()
            found = await self.fetch(ack=list(found))
        return taken
