"""Ships spooled records to control, each spool in its own order, until control has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from doorward.adapters.spool import Position, SpoolReader
from doorward.model.decision import DecisionRecord
from doorward.protocol.link import Decisions, DecisionsStored

_BATCH_RECORDS = 500
_UNACKNOWLEDGED_BATCHES = 4


@dataclass(slots=True)
class _Lane:
    reader: SpoolReader
    read: Callable[[bytes], DecisionRecord | None]
    underway: int = 0


class Shipping:
    """The lanes by name; a position on the link is `lane:segment:offset`."""

    def __init__(
        self,
        lanes: Mapping[str, tuple[SpoolReader, Callable[[bytes], DecisionRecord | None]]],
        send: Callable[[Decisions], bool],
    ) -> None:
        """A lane's function reads a line; None where the line is not a record."""
        self._lanes = {name: _Lane(reader, read) for name, (reader, read) in lanes.items()}
        self._send = send
        self.unreadable_lines = 0

    def connected(self) -> None:
        """Begin again from what control acknowledged: what was underway is unknown."""
        for lane in self._lanes.values():
            lane.reader.rewind()
            lane.underway = 0

    def ship(self) -> None:
        """Send what there is, within bounds. Raises OSError where a spool cannot be read."""
        for name, lane in self._lanes.items():
            while lane.underway < _UNACKNOWLEDGED_BATCHES:
                batch = lane.reader.read(_BATCH_RECORDS)
                if batch is None:
                    break
                records = tuple(self._records(lane, batch.lines))
                position = f"{name}:{batch.position}"
                if not self._send(Decisions(position=position, records=records)):
                    lane.reader.rewind()
                    lane.underway = 0
                    break
                lane.underway += 1

    def stored(self, message: DecisionsStored) -> None:
        """Control has everything up to there. Raises OSError; ignores what is not a position."""
        name, _, position = message.position.partition(":")
        lane = self._lanes.get(name)
        try:
            place = Position.parse(position)
        except ValueError:
            return
        if lane is not None:
            lane.underway = max(0, lane.underway - 1)
            lane.reader.acknowledge(place)

    def pending_bytes(self) -> int:
        """Bytes that control does not have yet."""
        return sum(lane.reader.pending_bytes() for lane in self._lanes.values())

    def _records(self, lane: _Lane, lines: tuple[bytes, ...]) -> list[DecisionRecord]:
        records = [record for line in lines if (record := lane.read(line)) is not None]
        self.unreadable_lines += len(lines) - len(records)
        return records
