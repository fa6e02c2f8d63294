"""Shipping: every record reaches control at least once, in order, in bounded batches."""

from __future__ import annotations

from pathlib import Path

from doorward.adapters.spool import SpoolReader, SpoolWriter
from doorward.entrypoints.gateway.records import engine_record, ticket_record
from doorward.entrypoints.gateway.shipping import Shipping
from doorward.model.decision import DecisionRecord
from doorward.model.ids import DecisionId, GatewayId
from doorward.protocol.link import Decisions, DecisionsStored
from tests.unit.gateway_world import World, signed_in

GATEWAY = GatewayId("gw")
TICKET_LINE = (
    b"dec_1;snapshot=7 ses_1 alice wiki read 0a1b "
    b"1800000000.123456789 4 GET /page 192.0.2.1 - 200 3 ."
)


class Control:
    """Takes what is sent while it is there."""

    def __init__(self, folder: Path) -> None:
        self.sent: list[Decisions] = []
        self.there = True
        self.time = 1000.0
        self.shipping = Shipping(
            {"engine": (SpoolReader(folder), engine_record)}, self.send, lambda: self.time
        )

    def send(self, message: Decisions) -> bool:
        if self.there:
            self.sent.append(message)
        return self.there

    def ids(self) -> list[str]:
        return [record.id for message in self.sent for record in message.records]


def spooled(folder: Path, count: int) -> tuple[SpoolWriter, list[str]]:
    world = World()
    spool = SpoolWriter(folder, min_free_bytes=0)
    for _ in range(count):
        world.ask(**signed_in())
    for line in world.log.lines:
        spool.append(line)
    return spool, [record.id for record in world.log.records]


def test_records_go_in_order_and_are_forgotten_once_stored(tmp_path: Path) -> None:
    spool, ids = spooled(tmp_path, 5)
    control = Control(tmp_path)
    control.shipping.ship()
    assert control.ids() == ids
    (message,) = control.sent
    control.shipping.stored(DecisionsStored(position=message.position))
    assert control.shipping.pending_bytes() == 0
    control.shipping.connected()
    control.shipping.ship()
    assert control.ids() == ids
    spool.close()


def test_what_was_not_stored_comes_again_after_a_new_connection(tmp_path: Path) -> None:
    spool, ids = spooled(tmp_path, 3)
    control = Control(tmp_path)
    control.there = False
    control.shipping.ship()
    assert control.sent == []
    control.there = True
    control.shipping.ship()
    control.shipping.connected()
    control.shipping.ship()
    assert control.ids() == ids * 2
    spool.close()


def test_no_more_than_four_batches_are_underway(tmp_path: Path) -> None:
    spool = SpoolWriter(tmp_path, min_free_bytes=0)
    for _ in range(2500):
        spool.append(b"{}\n")
    control = Control(tmp_path)
    control.shipping.ship()
    assert len(control.sent) == 4
    assert control.shipping.unreadable_lines == 2000
    control.shipping.stored(DecisionsStored(position=control.sent[0].position))
    control.shipping.ship()
    assert len(control.sent) == 5
    spool.close()


def test_a_position_that_is_none_is_ignored(tmp_path: Path) -> None:
    spool, _ = spooled(tmp_path, 1)
    control = Control(tmp_path)
    for position in ("", "engine", "engine:x:y", "nothing:1:1"):
        control.shipping.stored(DecisionsStored(position=position))
    assert control.shipping.pending_bytes() > 0
    spool.close()


def test_a_ticketed_request_becomes_a_record_with_the_same_id_every_time() -> None:
    record = ticket_record(GATEWAY, TICKET_LINE)
    assert isinstance(record, DecisionRecord)
    assert record == ticket_record(GATEWAY, TICKET_LINE)
    assert record.id != record.decision == DecisionId("dec_1")
    assert (record.source, record.subject, record.resource, record.action) == (
        "ticket",
        "alice",
        "wiki",
        "read",
    )
    assert (record.snapshot, record.at) == (7, 1800000000.1234567)
    assert ticket_record(GatewayId("other"), TICKET_LINE) != record
    later = TICKET_LINE.replace(b".123456789", b".123456790")
    other = ticket_record(GATEWAY, later)
    assert other is not None
    assert other.id != record.id


def test_a_line_that_is_no_record_is_skipped() -> None:
    for line in (
        b"",
        b"{}",
        b"[",
        TICKET_LINE[:-1],
        TICKET_LINE[:-2],
        TICKET_LINE.replace(b"=7", b"=x"),
        TICKET_LINE.replace(b";snapshot=7", b""),
    ):
        assert ticket_record(GATEWAY, line) is None
        assert engine_record(line) is None


def test_silence_is_told_as_far_as_everything_was_stored(tmp_path: Path) -> None:
    spool, _ = spooled(tmp_path, 3)
    control = Control(tmp_path)
    assert control.shipping.late_seconds() > 3600
    control.shipping.ship()
    control.time += 5
    assert control.shipping.late_seconds() > 3600
    control.shipping.stored(DecisionsStored(position=control.sent[-1].position))
    assert control.shipping.late_seconds() == 0
    control.time += 7
    spool.append(b"{}\n")
    # Something is spooled that control does not have: nobody knows what it says.
    assert control.shipping.late_seconds() == 7
    control.time += 5
    assert control.shipping.late_seconds() == 12
    control.shipping.ship()
    control.shipping.stored(DecisionsStored(position=control.sent[-1].position))
    assert control.shipping.late_seconds() == 0
    spool.close()


def test_a_busy_spool_is_never_far_behind(tmp_path: Path) -> None:
    spool, _ = spooled(tmp_path, 3)
    control = Control(tmp_path)
    lateness = []
    for _ in range(20):
        control.time += 1
        control.shipping.ship()
        spool.append(b"{}\n")
        lateness.append(control.shipping.late_seconds())
        if control.sent:
            control.shipping.stored(DecisionsStored(position=control.sent[-1].position))
    assert max(lateness[3:]) <= 3
    spool.close()
