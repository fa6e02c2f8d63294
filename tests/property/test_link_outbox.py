"""However revisions and frames interleave, the gateway's replica becomes the snapshot."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from doorward.adapters.link_outbox import Outbox
from doorward.administrator.ports import Revision
from doorward.model.estate import Group
from doorward.model.ids import GroupId
from doorward.model.snapshot import Change, Snapshot, change, removal
from doorward.protocol.link import Frame

names = st.sampled_from(["a", "b", "c"])
puts = st.builds(
    lambda name, text: change("group", Group(id=GroupId(name), name=text)), names, names
)
removals = st.builds(lambda name: removal("group", name), names)
revisions = st.lists(st.one_of(puts, removals), min_size=1, max_size=3)
steps = st.lists(st.one_of(revisions, st.sampled_from(["frame", "reload"])), max_size=25)


def deliver(replica: Snapshot, frame: Frame) -> Snapshot:
    assert frame.base in {0, replica.number}
    assert frame.number >= replica.number
    assert frame.base == 0 or (frame.number > frame.base) == bool(frame.changes)
    start = Snapshot() if frame.base == 0 else replica
    return start.advance(frame.number, frame.changes)


@given(steps, st.integers(0, 3), st.booleans())
def test_the_replica_follows(
    history: list[list[Change] | str], missed: int, knows_the_start: bool
) -> None:
    control = Snapshot()
    for number in range(1, missed + 1):
        control = control.advance(number, [change("group", Group(id=GroupId("z"), name="z"))])
    replica = control if knows_the_start else Snapshot()
    outbox = Outbox()
    outbox.held = replica.number
    for step in history:
        if step == "frame":
            frame = outbox.next_frame(control, now=5.0, ttl_seconds=10.0)
            assert (frame.issued_at, frame.expires_at) == (5.0, 15.0)
            replica = deliver(replica, frame)
            assert replica == control
        elif step == "reload":
            outbox.put(None)
        elif not isinstance(step, str):
            control = control.advance(control.number + 1, step)
            outbox.put(Revision(number=control.number, changes=tuple(step)))
    assert deliver(replica, outbox.next_frame(control, now=5.0, ttl_seconds=10.0)) == control


def test_a_gateway_that_lags_far_gets_the_whole_snapshot_instead_of_a_queue() -> None:
    outbox = Outbox()
    outbox.held = 1
    snapshot = Snapshot().advance(1, [change("group", Group(id=GroupId("a"), name="a"))])
    for _ in range(30):
        items = tuple(
            change("group", Group(id=GroupId(f"g{place}"), name="x")) for place in range(1000)
        )
        snapshot = snapshot.advance(snapshot.number + 1, items)
        outbox.put(Revision(number=snapshot.number, changes=items))
        assert sum(len(item.changes) for item in outbox._pending) <= 10_000
    frame = outbox.next_frame(snapshot, now=0.0, ttl_seconds=1.0)
    assert (frame.base, len(frame.changes)) == (0, 1001)
