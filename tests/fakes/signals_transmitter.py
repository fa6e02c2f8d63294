"""A transmitter of security events of the tests' own: cryptography and the standard library.

It shares nothing with doorward's own code for signals, so that a misreading of a specification
there is not repeated here. It publishes metadata and keys, manages one stream, signs tokens, keeps
those that wait to be polled and what came of them, and answers as `answer(method, path, headers,
body)`, whatever carries it: `receiver.SignalWire` is the port `TransmitterHttp` around it, `serve`
a real socket.

It is honest until a test tells it to lie: `lies` are laid over a token's claims (None takes one
away), `header` over its header, and `replies` over its answers by method and path.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

PUSH = "urn:ietf:rfc:8935"
POLL = "urn:ietf:rfc:8936"
CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
RISC = "https://schemas.openid.net/secevent/risc/event-type/"
SSF = "https://schemas.openid.net/secevent/ssf/event-type/"
TOKEN = "management-token-0123456789"
AUDIENCE = "https://receiver.example/signals"

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
Reply = tuple[int, object]


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def number(value: int, length: int | None = None) -> str:
    return encoded(value.to_bytes(length or (value.bit_length() + 7) // 8))


def new_key(algorithm: str) -> Key:
    if algorithm == "RS256":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1())


def jwk(key: Key, kid: str) -> dict[str, str]:
    """RFC 7518, 6."""
    public = key.public_key().public_numbers()
    if isinstance(public, rsa.RSAPublicNumbers):
        own = {"kty": "RSA", "n": number(public.n), "e": number(public.e), "alg": "RS256"}
    else:
        point = {"x": number(public.x, 32), "y": number(public.y, 32)}
        own = {"kty": "EC", "crv": "P-256", **point, "alg": "ES256"}
    return {**own, "kid": kid, "use": "sig"}


def sign(key: Key, header: dict[str, Any], payload: bytes) -> str:
    """RFC 7515, 3.1, with RS256 or ES256 as the key is."""
    head = encoded(json.dumps(header).encode())
    signed = f"{head}.{encoded(payload)}"
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    else:
        r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(32) + s.to_bytes(32)
    return f"{signed}.{encoded(signature)}"


@dataclass
class Transmitter:
    issuer: str
    clock: Callable[[], float]
    algorithm: str = "ES256"
    critical: list[str] = field(default_factory=list)
    key: Key = field(init=False)
    stream: dict[str, Any] | None = None
    status: str = "enabled"
    waiting: dict[str, str] = field(default_factory=dict)
    acknowledged: list[str] = field(default_factory=list)
    errors: dict[str, dict[str, str]] = field(default_factory=dict)
    calls: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    lies: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    replies: dict[tuple[str, str], Reply] = field(default_factory=dict)
    states: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.key = new_key(self.algorithm)
        self._ids = itertools.count(1)

    # Tokens

    def claims(self, event: str, payload: object, subject: object) -> dict[str, Any]:
        claims = {
            "iss": self.issuer,
            "jti": f"jti-{next(self._ids)}",
            "iat": int(self.clock()),
            "aud": AUDIENCE,
            "txn": "8675309",
            "sub_id": subject,
            "events": {event: payload},
        }
        merged = {**claims, **self.lies}
        return {name: value for name, value in merged.items() if value is not None}

    def token(self, event: str, payload: object, subject: object) -> str:
        return self.signed(json.dumps(self.claims(event, payload, subject)).encode())

    def signed(self, payload: bytes) -> str:
        header = {"typ": "secevent+jwt", "alg": self.algorithm, "kid": "t1", **self.header}
        header = {name: value for name, value in header.items() if value is not None}
        return sign(self.key, header, payload)

    def offer(self, event: str, payload: object, subject: object) -> str:
        """A token that waits to be polled; its jti."""
        claims = self.claims(event, payload, subject)
        self.waiting[claims["jti"]] = self.signed(json.dumps(claims).encode())
        return str(claims["jti"])

    def verification(self, state: str | None) -> str:
        subject = {"format": "opaque", "id": (self.stream or {}).get("stream_id", "none")}
        return self.token(f"{SSF}verification", {} if state is None else {"state": state}, subject)

    # What it answers

    def metadata(self) -> dict[str, Any]:
        return {
            "spec_version": "1_0",
            "issuer": self.issuer,
            "jwks_uri": f"{self.issuer}/jwks",
            "delivery_methods_supported": [PUSH, POLL],
            "configuration_endpoint": f"{self.issuer}/streams",
            "status_endpoint": f"{self.issuer}/status",
            "verification_endpoint": f"{self.issuer}/verify",
            "critical_subject_members": self.critical,
            "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6749"}],
            "default_subjects": "ALL",
        }

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        """Status and JSON, or bytes as they are."""
        self.calls.append((method, path, headers, body))
        place, query = urlsplit(path).path, parse_qs(urlsplit(path).query)
        forced = self.replies.get((method, place))
        if forced is not None:
            return forced
        if place == "/.well-known/ssf-configuration":
            return 200, self.metadata()
        if place == "/jwks":
            return 200, {"keys": [jwk(self.key, "t1")]}
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {}
        try:
            told = json.loads(body) if body else {}
        except ValueError:
            return 400, {}
        handler = {
            ("POST", "/streams"): self._create,
            ("DELETE", "/streams"): self._delete,
            ("GET", "/status"): self._status,
            ("POST", "/verify"): self._verify,
            ("POST", "/poll"): self._poll,
        }.get((method, place))
        return handler(told, query) if handler else (404, {})

    def _create(self, told: dict[str, Any], _: object) -> Reply:
        if self.stream is not None:
            return 409, {}
        delivery = dict(told["delivery"])
        if delivery["method"] == POLL:
            delivery["endpoint_url"] = f"{self.issuer}/poll"
        self.stream = {
            "stream_id": "stream-1",
            "iss": self.issuer,
            "aud": [AUDIENCE],
            "delivery": delivery,
            "events_supported": told["events_requested"],
            "events_requested": told["events_requested"],
            "events_delivered": told["events_requested"],
            "min_verification_interval": 0,
        }
        return 201, self.stream

    def _delete(self, _: object, query: dict[str, list[str]]) -> Reply:
        if self.stream is None or query.get("stream_id") != [self.stream["stream_id"]]:
            return 404, {}
        self.stream = None
        return 204, b""

    def _status(self, _: object, query: dict[str, list[str]]) -> Reply:
        if self.stream is None or query.get("stream_id") != [self.stream["stream_id"]]:
            return 404, {}
        return 200, {"stream_id": self.stream["stream_id"], "status": self.status}

    def _verify(self, told: dict[str, Any], _: object) -> Reply:
        if self.stream is None or told.get("stream_id") != self.stream["stream_id"]:
            return 404, {}
        self.states.append(told["state"])
        if self.stream["delivery"]["method"] == POLL:
            token = self.verification(told["state"])
            claims = token.split(".")[1]
            jti = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["jti"]
            self.waiting[jti] = token
        return 204, b""

    def _poll(self, told: dict[str, Any], _: object) -> Reply:
        for jti in told.get("ack", []):
            self.acknowledged.append(jti)
            self.waiting.pop(jti, None)
        for jti, error in told.get("setErrs", {}).items():
            self.errors[jti] = error
            self.waiting.pop(jti, None)
        most = told.get("maxEvents", len(self.waiting))
        sets = dict(itertools.islice(self.waiting.items(), most))
        return 200, {"sets": sets, "moreAvailable": len(sets) < len(self.waiting)}


@asynccontextmanager
async def serve(transmitter: Transmitter) -> AsyncIterator[None]:
    """On a real socket of this machine; the issuer becomes its address."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ")
            pairs = (line.partition(": ") for line in head[1:] if line)
            headers = {name.lower(): value for name, _, value in pairs}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            status, said = transmitter.answer(method, path, headers, body)
            content = said if isinstance(said, bytes) else json.dumps(said).encode()
            lines = [
                f"HTTP/1.1 {status} X",
                f"content-length: {len(content)}",
                "content-type: application/json",
                "connection: close",
            ]
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    transmitter.issuer = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield
