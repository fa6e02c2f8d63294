"""Ships spooled records to control, each spool in its own order, until control has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic

from doorward.adapters.spool import Position, SpoolReader
from doorward.model.decision import DecisionRecord
from doorward.protocol.link import Decisions, DecisionsStored

_BATCH_RECORDS = 500
_UNACKNOWLEDGED_BATCHES = 4
_NEVER_SECONDS = 86_400.0


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
        elapsed: Callable[[], float] = monotonic,
    ) -> None:
        """A lane's function reads a line; None where the line is not a record."""
        self._lanes = {name: _Lane(reader, read) for name, (reader, read) in lanes.items()}
        self._send = send
        self.unreadable_lines = 0
        self._elapsed = elapsed
        self._shipped_at = elapsed() - _NEVER_SECONDS
        self._mark: tuple[float, dict[str, Position]] = (self._shipped_at, {})

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

    def late_seconds(self) -> float:
        """How long ago everything was with control that was spooled by then; ask every so often.

        Raises OSError where a spool cannot be read.
        """
        since, ends = self._mark
        if all(self._lanes[name].reader.acknowledged >= end for name, end in ends.items()):
            self._shipped_at = since
            ends = {name: lane.reader.end() for name, lane in self._lanes.items()}
            self._mark = (self._elapsed(), ends)
            if all(self._lanes[name].reader.acknowledged >= end for name, end in ends.items()):
                self._shipped_at = self._mark[0]
        return self._elapsed() - self._shipped_at

    def pending_bytes(self) -> int:
        """Bytes that control does not have yet."""
        return sum(lane.reader.pending_bytes() for lane in self._lanes.values())

    def _records(self, lane: _Lane, lines: tuple[bytes, ...]) -> list[DecisionRecord]:
        records = [record for line in lines if (record := lane.read(line)) is not None]
        self.unreadable_lines += len(lines) - len(records)
        return records
