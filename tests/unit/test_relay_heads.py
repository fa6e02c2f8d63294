"""What the relay passes on of a WebSocket handshake, what opens a tunnel, what it refuses."""

from __future__ import annotations

import base64

import pytest

from doorward.entrypoints.relay.heads import (
    MalformedHeadError,
    Tunnel,
    read_answer,
    read_head,
    read_upgrade,
)
from doorward.entrypoints.relay.websocket_frames import CLOSE_POLICY_VIOLATION, FrameBoundary

FRESH = bytes(range(16))
HEAD = (
    b"GET /ws?room=1 HTTP/1.1\r\nHost: wiki.doorward.localhost\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Key: x\r\ndoorward-user: alice\r\n"
    b"doorward-stream: abc\r\nCookie: a=1; __Host-doorward-session=s; b=2"
)


def test_the_stream_and_our_cookies_stay_here() -> None:
    upgrade = read_upgrade(HEAD, FRESH)
    assert upgrade.stream == "abc"
    assert b"doorward-stream" not in upgrade.head
    assert b"doorward-session" not in upgrade.head
    assert b"Cookie: a=1; b=2\r\n" in upgrade.head
    assert b"doorward-user: alice\r\n" in upgrade.head
    assert upgrade.head.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "head",
    [
        HEAD.replace(b"GET", b"POST"),
        HEAD.replace(b"HTTP/1.1", b"HTTP/1.0"),
        HEAD.replace(b"websocket", b"h2c"),
        HEAD.replace(b"Upgrade: websocket\r\n", b""),
        HEAD.replace(b"doorward-stream: abc\r\n", b""),
        HEAD + b"\r\nDoorward-Stream: def",
        HEAD + b"\r\nupgrade: websocket",
        HEAD + b"\r\nContent-Length: 5",
        HEAD + b"\r\nTransfer-Encoding: chunked",
        HEAD + b"\r\n folded: line",
        HEAD + b"\r\nname : value",
        HEAD + b"\r\nbare\rreturn: x",
        HEAD.replace(b"/ws?room=1", b"http://other/"),
        b"",
    ],
)
def test_any_other_head_is_refused(head: bytes) -> None:
    with pytest.raises(MalformedHeadError):
        read_upgrade(head, FRESH)


TUNNEL = b"CONNECT stream.doorward.invalid:0 HTTP/1.1\r\nhost: x\r\ndoorward-stream: abc"


def test_a_tunnel_names_its_stream() -> None:
    assert read_head(TUNNEL, FRESH) == Tunnel("abc")
    assert read_head(HEAD, FRESH) == read_upgrade(HEAD, FRESH)


@pytest.mark.parametrize(
    "head",
    [
        TUNNEL.replace(b"CONNECT", b"connect"),
        TUNNEL.replace(b"CONNECT", b"GET"),
        TUNNEL.replace(b"HTTP/1.1", b"HTTP/1.0"),
        TUNNEL.replace(b"stream.doorward.invalid:0", b""),
        TUNNEL.replace(b"doorward-stream: abc", b"x: y"),
        TUNNEL + b"\r\nDoorward-Stream: def",
        TUNNEL + b"\r\ncontent-length: 0",
        TUNNEL + b"\r\nTransfer-Encoding: chunked",
        TUNNEL + b"\r\n folded: line",
    ],
)
def test_any_other_head_is_no_tunnel(head: bytes) -> None:
    with pytest.raises(MalformedHeadError):
        read_head(head, FRESH)


def test_a_handshake_over_http2_gets_the_key_that_upstreams_want() -> None:
    """RFC 6455, 1.3 has the example; browsers send none over HTTP/2 (RFC 8441, 5)."""
    example = base64.b64decode("dGhlIHNhbXBsZSBub25jZQ==")
    keyless = HEAD.replace(b"Sec-WebSocket-Key: x\r\n", b"")
    upgrade = read_upgrade(keyless, example)
    assert upgrade.head.endswith(b"\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    assert upgrade.accept == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert read_upgrade(HEAD, FRESH).accept == b""


def test_the_answer_to_a_key_of_ours_is_looked_at_here() -> None:
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket"
    right = head + b"\r\nSec-WebSocket-Accept: right"
    assert read_answer(right, b"right").head == head + b"\r\n\r\n"
    for wrong in (head, right, right + b"\r\nsec-websocket-accept: wrong"):
        with pytest.raises(MalformedHeadError):
            read_answer(wrong, b"wrong")


def test_switching_protocols_passes_as_it_is() -> None:
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade"
    answer = read_answer(head)
    assert (answer.status, answer.head) == (101, head + b"\r\n\r\n")


def test_a_refusal_of_the_upstream_loses_its_body_and_the_connection() -> None:
    answer = read_answer(
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\nConnection: keep-alive\r\nX-Why: no"
    )
    assert answer.status == 403
    assert answer.head == (
        b"HTTP/1.1 403 Forbidden\r\nX-Why: no\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 099 x", b"HTTP/1.1 200 OK\r\nbad line"])
def test_an_answer_that_is_none_is_refused(head: bytes) -> None:
    with pytest.raises(MalformedHeadError):
        read_answer(head)


def frame(length: int) -> bytes:
    if length < 126:
        return bytes([0x82, length]) + bytes(length)
    if length < 65536:
        return b"\x82\x7e" + length.to_bytes(2, "big") + bytes(length)
    return b"\x82\x7f" + length.to_bytes(8, "big") + bytes(length)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100_000])
def test_the_end_of_a_frame_is_found_whatever_the_pieces(size: int) -> None:
    boundary = FrameBoundary()
    stream = frame(0) + frame(5) + frame(125) + frame(126) + frame(70_000) + CLOSE_POLICY_VIOLATION
    ends = set()
    total = 0
    for length in (2, 7, 127, 130, 70_010, 4):
        total += length
        ends.add(total)
    for start in range(0, len(stream), size):
        boundary.feed(stream[start : start + size])
        at = min(start + size, len(stream))
        assert boundary.between_frames == (at in ends)


def test_a_masked_frame_has_its_key_counted() -> None:
    boundary = FrameBoundary()
    boundary.feed(b"\x82\x81mask")
    assert not boundary.between_frames
    boundary.feed(b"x")
    assert boundary.between_frames


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (b"\x81\x81\x00\x00\x00\x00a", True),
        (b"\x82\x80\x00\x00\x00\x00", True),
        (b"\x00\x81\x00\x00\x00\x00a", True),
        (b"\x89\x81\x00\x00\x00\x00a", False),
        (b"\x8a\x81\x00\x00\x00\x00a", False),
        (b"\x88\x80\x00\x00\x00\x00", False),
        (b"\x8a\x81\x00\x00\x00\x00a\x81\x80\x00\x00\x00\x00", True),
        (b"\x81", False),
    ],
)
def test_messages_are_said_and_control_frames_are_not(frame: bytes, said: bool) -> None:
    assert FrameBoundary().feed(frame) is said
    boundary = FrameBoundary()
    said_by_byte = {boundary.feed(frame[at : at + 1]) for at in range(len(frame))}
    assert (True in said_by_byte) is said


def test_the_rest_of_a_long_message_is_said_too() -> None:
    boundary = FrameBoundary()
    boundary.feed(b"\x82\x85\x00\x00\x00\x00ab")
    assert boundary.feed(b"c")
    assert boundary.feed(b"de")
    boundary.feed(b"\x8a\x85\x00\x00\x00\x00ab")
    assert not boundary.feed(b"cde")
