"""What an estate that declares transmitters otherwise takes away."""

from __future__ import annotations

from collections.abc import Mapping

from doorward.administrator.disabling import disablers, enabled
from doorward.administrator.ports import Transaction
from doorward.model.ids import TransmitterId
from doorward.model.snapshot import Change, Snapshot, change
from doorward.model.transmitter import Transmitter


def others_now(snapshot: Snapshot, after: Mapping[str, Transmitter]) -> list[TransmitterId]:
    """Transmitters that are gone or have another issuer: their word and secrets count no more."""
    return [
        item.id
        for item in snapshot.transmitters.values()
        if item.id not in after or after[item.id].issuer != item.issuer
    ]


async def forget_transmitters(
    transaction: Transaction, snapshot: Snapshot, after: Mapping[str, Transmitter]
) -> list[Change]:
    """Forget secrets, streams and words; the standings without what they said in them.

    What they said of risk and health stays until somebody says otherwise.
    """
    gone = others_now(snapshot, after)
    for transmitter in gone:
        await transaction.receiver.streams.remove(transmitter)
        await transaction.receiver.words.remove_transmitter(transmitter)
    changes = []
    for standing in snapshot.standings.values() if gone else ():
        lifted = standing
        for transmitter in gone:
            if f"transmitter:{transmitter}" in disablers(lifted):
                lifted = enabled(lifted, f"transmitter:{transmitter}", "its transmitter is gone")
        if lifted != standing:
            changes.append(change("standing", lifted))
    return changes
