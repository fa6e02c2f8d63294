"""Whatever a transmitter sends, or somebody in its name: an error, and nothing changed."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from doorward.administrator.receiver.metadata import read_configuration
from doorward.administrator.receiver.poll import read_poll_answer
from doorward.administrator.receiver.stream_configuration import read_stream, stream_id_in
from doorward.administrator.receiver.streams import read_status
from doorward.errors import DoorwardError
from tests.fakes.signals_transmitter import CAEP, RISC, SSF, encoded
from tests.unit.signals_world import ALICE, DISABLED, ISSUER, Signals, declared, signals

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = (
    "session-revoked",
    "token-claims-change",
    "credential-change",
    "assurance-level-change",
    "device-compliance-change",
    "risk-level-change",
)
EVENTS = st.sampled_from(
    [
        *(f"{CAEP}{name}" for name in NAMES),
        f"{RISC}account-disabled",
        f"{RISC}account-enabled",
        f"{SSF}verification",
        f"{SSF}stream-updated",
        "urn:x:y",
    ]
)
CLAIMS = ("iss", "aud", "iat", "jti", "sub", "exp", "sub_id", "events", "txn", "toe")
MEMBERS = ("format", "user", "device", "session", "email", "iss", "sub", "id", "identifiers", "uri")
FORMATS = st.sampled_from(["email", "iss_sub", "opaque", "complex", "aliases", "account", "x"])

ONE = st.dictionaries(st.sampled_from(MEMBERS), JSON | FORMATS, max_size=4)
SUBJECTS = st.dictionaries(st.sampled_from(MEMBERS), JSON | FORMATS | ONE, max_size=5)


def run(what: Callable[[Signals], Awaitable[None]]) -> None:
    async def within() -> None:
        await what(await signals())

    asyncio.run(within())


async def changes_nothing(place: Signals, token: str | bytes) -> None:
    """`token` is answered as RFC 8935 says, is audited, and moves no document."""
    before = place.snapshot
    answer = await place.post(token)
    assert answer.status_code == 400
    assert set(answer.json()) == {"err", "description"}
    assert len(answer.content) < 500
    assert place.snapshot == before
    assert await place.received() == []
    assert await place.world.desk.audited("signal-refused")


@given(st.binary(max_size=200) | st.from_regex(rb"[A-Za-z0-9_-]{0,40}(\.[A-Za-z0-9_-]{0,40}){0,4}"))
@settings(max_examples=30)
def test_arbitrary_bytes_are_no_token(body: bytes) -> None:
    run(lambda place: changes_nothing(place, body))


@given(st.data())
@settings(max_examples=40)
def test_a_token_with_any_character_changed_is_refused(data: st.DataObject) -> None:
    async def check(place: Signals) -> None:
        token = place.there.token(DISABLED, {}, ALICE)
        position = data.draw(st.integers(0, len(token) - 1))
        other = data.draw(st.sampled_from("ABCxyz019-_.=! "))
        changed = token[:position] + other + token[position + 1 :]
        # The last character of each part has bits that no byte has.
        if _decoded(changed) != _decoded(token):
            await changes_nothing(place, changed)

    run(check)


def _decoded(token: str) -> list[bytes]:
    parts = token.split(".")
    try:
        return [
            base64.b64decode(p + "=" * (-len(p) % 4), altchars=b"-_", validate=True) for p in parts
        ]
    except ValueError:
        return [token.encode()]


@given(st.dictionaries(st.sampled_from(CLAIMS) | st.text(max_size=5), JSON, max_size=6))
@settings(max_examples=40)
def test_arbitrary_claims_that_are_signed_are_refused(claims: dict[str, Any]) -> None:
    async def check(place: Signals) -> None:
        await changes_nothing(place, place.there.signed(json.dumps(claims).encode()))

    run(check)


@given(EVENTS, st.dictionaries(st.text(max_size=12), JSON, max_size=4), SUBJECTS)
@settings(max_examples=60)
def test_arbitrary_payloads_and_subjects_never_break_it(
    event: str, payload: dict[str, Any], subject: dict[str, Any]
) -> None:
    async def check(place: Signals) -> None:
        before = place.snapshot
        answer = await place.post(place.there.token(event, payload, subject))
        assert answer.status_code in {202, 400}
        assert place.snapshot == before
        if answer.status_code == 400:
            assert await place.received() == []
            assert await place.world.desk.audited("signal-refused")
        else:
            (signal,) = await place.received()
            assert signal.outcome != "applied"

    run(check)


@given(st.binary(max_size=60), st.text(max_size=30))
@settings(max_examples=30)
def test_a_payload_that_is_no_json_object_is_refused(payload: bytes, text: str) -> None:
    async def check(place: Signals) -> None:
        await changes_nothing(place, place.there.signed(payload))
        await changes_nothing(place, place.there.signed(json.dumps(text).encode()))

    run(check)


def test_a_deep_payload_is_refused() -> None:
    deep = b'{"events":' + b"[" * 5000 + b"]" * 5000 + b"}"
    run(lambda place: changes_nothing(place, place.there.signed(deep)))
    run(lambda place: changes_nothing(place, f"{encoded(b'[' * 9000)}.AA.AA"))


DOCUMENTS = st.binary(max_size=80) | JSON.map(lambda value: json.dumps(value).encode())
CONFIGURATIONS = st.dictionaries(
    st.sampled_from(["issuer", "jwks_uri", "configuration_endpoint", "critical_subject_members"]),
    JSON | st.sampled_from([ISSUER, f"{ISSUER}/jwks"]),
).map(lambda value: json.dumps(value).encode())
ANSWERS = st.dictionaries(st.sampled_from(["sets", "moreAvailable"]), JSON).map(
    lambda value: json.dumps(value).encode()
)
STREAMS = st.dictionaries(
    st.sampled_from(["stream_id", "iss", "aud", "delivery", "events_delivered"]),
    JSON | st.just(ISSUER) | st.just({"method": "urn:ietf:rfc:8935"}),
).map(lambda value: json.dumps(value).encode())


Read = TypeVar("Read")


def tried(read: Callable[[], Read]) -> Read | None:
    """What it reads, None where it refuses as it should."""
    try:
        return read()
    except DoorwardError as error:
        if error.code != "transmitter-invalid":
            raise
        return None


@given(DOCUMENTS | CONFIGURATIONS)
def test_arbitrary_metadata_is_an_error_or_holds(body: bytes) -> None:
    found = tried(lambda: read_configuration(body, ISSUER))
    assert found is None or (found.issuer == ISSUER and found.jwks_uri.startswith("https://"))


@given(DOCUMENTS | ANSWERS)
def test_arbitrary_poll_answers_are_an_error_or_hold(body: bytes) -> None:
    answer = tried(lambda: read_poll_answer(body))
    assert answer is None or all(isinstance(token, str) for token in answer.sets.values())


@given(DOCUMENTS | STREAMS)
def test_arbitrary_streams_are_an_error_or_hold(body: bytes) -> None:
    assert isinstance(stream_id_in(body), str)
    found = tried(lambda: read_stream(body, declared()))
    assert found is None or (found.id and all(found.audience))


@given(DOCUMENTS)
def test_arbitrary_statuses_are_an_error_or_hold(body: bytes) -> None:
    assert tried(lambda: read_status(body)) in {None, "enabled", "paused", "disabled"}
