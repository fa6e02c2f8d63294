"""Whatever a receiver sends gets an answer that says what is wrong, and changes nothing."""

from __future__ import annotations

import asyncio
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.signals_desk import PUSH, signals_desk

ENDPOINTS = [
    ("POST", "/ssf/streams"),
    ("PATCH", "/ssf/streams"),
    ("PUT", "/ssf/streams"),
    ("POST", "/ssf/status"),
    ("POST", "/ssf/subjects/add"),
    ("POST", "/ssf/subjects/remove"),
    ("POST", "/ssf/verify"),
    ("POST", "/ssf/poll/STREAM"),
]
MEMBERS = st.sampled_from(
    [
        *("stream_id", "delivery", "method", "endpoint_url", "authorization_header"),
        *("events_requested", "description", "format", "signing_alg", "iss", "aud", "status"),
        *("subject", "state", "maxEvents", "returnImmediately", "ack", "setErrs", "reason"),
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(["STREAM", PUSH, "https://a.example/", "paused", "RS256", "email"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=4),
    max_leaves=12,
)
BODIES = st.binary(max_size=60) | st.dictionaries(MEMBERS, VALUES, max_size=6).map(
    lambda body: json.dumps(body).encode()
)
QUICK = settings(max_examples=60, suppress_health_check=list(HealthCheck), derandomize=True)


@QUICK
@given(st.sampled_from(ENDPOINTS), BODIES)
def test_any_body_is_answered(endpoint: tuple[str, str], body: bytes) -> None:
    async def ask() -> None:
        desk = await signals_desk()
        desk.wait_seconds = 0.01
        stream = await desk.polled()
        before = await desk.stream(stream)
        name = stream["stream_id"]
        method, path = endpoint
        answer = await desk.send(
            method, path.replace("STREAM", name), body.replace(b"STREAM", name.encode())
        )
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            problem = answer.json()
            assert problem["detail"]
            assert await desk.stream(stream) == before
            async with desk.store.transaction() as transaction:
                assert len(await transaction.signals.streams.all()) == 1

    asyncio.run(ask())


@QUICK
@given(st.text(max_size=30), st.sampled_from(["/ssf/streams", "/ssf/status"]))
def test_any_stream_id_is_answered(stream_id: str, path: str) -> None:
    async def ask() -> None:
        desk = await signals_desk()
        async with desk.client() as client:
            for method in ("GET", "DELETE") if path == "/ssf/streams" else ("GET",):
                answer = await client.request(method, path, params={"stream_id": stream_id})
                assert answer.status_code == 404

    asyncio.run(ask())
