"""The link's framing: whatever the pieces, the same messages; whatever the bytes, no surprise."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward.errors import DoorwardError
from doorward.model.ids import GatewayId
from doorward.protocol import framing
from doorward.protocol.link import (
    VERSION,
    Applied,
    DecisionsStored,
    FromControl,
    FromGateway,
    Health,
    Hello,
    Refused,
    SignedFrame,
)

FROM_GATEWAY = st.one_of(
    st.builds(Applied, number=st.integers(0, 2**53)),
    st.builds(
        Health,
        parts=st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3),
        open_streams=st.integers(0, 9),
        spool_bytes=st.integers(0, 9),
    ),
    st.just(Hello(version=VERSION, gateway=GatewayId("g1"), number=3, assertion_jwk={"kty": "EC"})),
)
FROM_CONTROL = st.one_of(
    st.builds(SignedFrame, payload=st.binary(max_size=64), signature=st.binary(max_size=64)),
    st.builds(DecisionsStored, position=st.text(max_size=16)),
    st.builds(Refused, code=st.text(max_size=8), detail=st.text(max_size=8)),
)


@given(st.lists(FROM_GATEWAY, max_size=6), st.lists(st.integers(0, 400), max_size=12))
def test_any_cut_of_the_stream_gives_the_same_messages(
    messages: list[FromGateway], cuts: list[int]
) -> None:
    stream = b"".join(framing.encode(message) for message in messages)
    splitter = framing.MessageSplitter()
    bodies = []
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    for start, end in pairwise(edges):
        bodies += splitter.feed(stream[start:end])
    assert [framing.decode_from_gateway(body) for body in bodies] == messages
    assert splitter.pending_bytes == 0


@given(FROM_CONTROL)
def test_what_control_says_survives_the_wire(message: FromControl) -> None:
    (body,) = framing.MessageSplitter().feed(framing.encode(message))
    assert framing.decode_from_control(body) == message


@given(st.binary(max_size=80))
def test_garbage_is_refused_or_incomplete_and_memory_stays_bounded(data: bytes) -> None:
    splitter = framing.MessageSplitter(max_bytes=32)
    refused = ""
    try:
        for body in splitter.feed(data):
            framing.decode_from_gateway(body)
    except DoorwardError as error:
        refused = error.code
    assert refused == "link-malformed" or (not refused and splitter.pending_bytes <= 32 + 4)


def test_an_oversized_message_is_refused_by_its_header() -> None:
    splitter = framing.MessageSplitter(max_bytes=10)
    assert splitter.feed(b"\x00\x00\x00\x0a" + b"x" * 10) == [b"x" * 10]
    with pytest.raises(DoorwardError, match="over the bound"):
        splitter.feed(b"\x00\x00\x00\x0b")


@pytest.mark.parametrize("body", [b"", b"{}", b'{"type":"applied","number":"1"}', b"[" * 100_000])
def test_unknown_messages_are_refused(body: bytes) -> None:
    for decode in (framing.decode_from_gateway, framing.decode_from_control):
        with pytest.raises(DoorwardError) as caught:
            decode(body)
        assert caught.value.code == "link-malformed"
