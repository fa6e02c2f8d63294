"""Each rule of `protocol.replica`, by a frame that breaks only that one."""

from __future__ import annotations

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from doorward.errors import DoorwardError
from doorward.model.estate import Group
from doorward.model.ids import GroupId
from doorward.model.snapshot import Change, Snapshot, change, removal
from doorward.protocol.link import Frame, SignedFrame
from doorward.protocol.replica import MAX_SKEW_SECONDS, Replica, accept
from doorward.protocol.signing import sign_frame

NOW = 1_800_000_000.0
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
STAFF = change("group", Group(id=GroupId("staff"), name="Staff"))
SALES = change("group", Group(id=GroupId("sales"), name="Sales"))


def frame(base: int, number: int, *changes: Change, **other: float) -> Frame:
    times = {"issued_at": NOW, "expires_at": NOW + 60} | other
    return Frame(base=base, number=number, changes=changes, **times)


def held() -> Replica:
    return Replica(Snapshot().advance(5, [STAFF]), NOW + 30)


def take(replica: Replica, new: Frame, now: float = NOW) -> Replica:
    return accept(replica, sign_frame(new, KEY), KEY.public_key(), now).replica


def refused(replica: Replica, new: Frame) -> str:
    with pytest.raises(DoorwardError) as caught:
        take(replica, new)
    assert caught.value.code == "frame-refused"
    return caught.value.detail


def test_a_replica_without_a_frame_is_expired() -> None:
    assert Replica().expired(NOW)


def test_a_frame_from_nothing_replaces_everything() -> None:
    replica = take(held(), frame(0, 7, SALES))
    assert set(replica.snapshot.groups) == {"sales"}
    assert replica.snapshot.number == 7


def test_a_frame_from_the_held_snapshot_adds_to_it() -> None:
    replica = take(held(), frame(5, 6, SALES))
    assert set(replica.snapshot.groups) == {"staff", "sales"}
    assert set(take(replica, frame(6, 8, removal("group", "staff"))).snapshot.groups) == {"sales"}


def test_a_heartbeat_moves_only_the_expiry() -> None:
    replica = take(held(), frame(5, 5))
    assert replica.snapshot == held().snapshot
    assert not replica.expired(NOW + 59.9)
    assert replica.expired(NOW + 60)


def test_an_empty_store_has_a_heartbeat_too() -> None:
    assert not take(Replica(), frame(0, 0)).expired(NOW)


def test_rule_1_signature() -> None:
    signed = sign_frame(frame(5, 6, SALES), KEY)
    changed = msgspec.structs.replace(signed, payload=signed.payload.replace(b"ales", b"afes"))
    other = sign_frame(frame(5, 6, SALES), Ed25519PrivateKey.from_private_bytes(b"1" * 32))
    bare = SignedFrame(payload=signed.payload, signature=KEY.sign(signed.payload))
    for forged in (changed, other, bare):
        with pytest.raises(DoorwardError, match="not signed"):
            accept(held(), forged, KEY.public_key(), NOW)


def test_rule_2_base() -> None:
    assert "starts from 4" in refused(held(), frame(4, 6, SALES))
    assert "starts from 6" in refused(held(), frame(6, 7, SALES))


def test_rule_3_never_back() -> None:
    assert "leads back" in refused(held(), frame(0, 4, SALES))
    assert "leads back" in refused(held(), frame(5, 4, SALES))


def test_rule_4_numbers_and_changes() -> None:
    assert "do not agree" in refused(held(), frame(5, 6))
    assert "do not agree" in refused(held(), frame(5, 5, SALES))


def test_rule_5_not_from_the_future() -> None:
    late = NOW + MAX_SKEW_SECONDS
    take(held(), frame(5, 5, issued_at=late))
    assert "future" in refused(held(), frame(5, 5, issued_at=late + 0.1))


def test_rule_6_not_expired() -> None:
    assert "expired" in refused(held(), frame(5, 5, issued_at=NOW - 60, expires_at=NOW))
    assert "expired" in refused(held(), frame(5, 5, issued_at=NOW + 2, expires_at=NOW + 1))


def test_rule_7_documents() -> None:
    broken = Change("group", "x", msgspec.Raw(b'{"id":"x"}'))
    renamed = Change("group", "x", STAFF.body)
    assert "cannot be read" in refused(held(), frame(5, 6, broken))
    assert "another id" in refused(held(), frame(5, 6, renamed))


def test_a_signed_frame_that_is_no_frame_is_refused() -> None:
    payload = b'{"base":'
    prefix = b"doorward snapshot frame v1\x00"
    signed = SignedFrame(payload=payload, signature=KEY.sign(prefix + payload))
    with pytest.raises(DoorwardError, match="cannot be read"):
        accept(held(), signed, KEY.public_key(), NOW)
