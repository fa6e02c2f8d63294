"""Reports: which facts are looked at when, and which change is told at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from doorward.agent.channel import Channel
from doorward.agent.collectors.collect import collect
from doorward.agent.collectors.finding import Sightings
from doorward.agent.collectors.tables import SLOW, TABLES
from doorward.agent.keys import DeviceKey
from doorward.agent.machine import Machine
from doorward.agent.tpm.key import TpmKey
from doorward.model.device import Platform
from doorward.model.ids import UnixSeconds
from doorward.model.posture import Fact, FactName
from doorward.protocol.agent import Report, Taken
from doorward.protocol.tpm.binding import quoted_data

SLOW_SECONDS: Final = 1800
CUES: Final = (
    "/var/lib/dpkg/status",
    "/var/lib/apt/lists",
    "/var/lib/rpm/rpmdb.sqlite",
    "/usr/lib/sysimage/rpm/rpmdb.sqlite",
)
"""Where one of these changes, packages changed: the slow facts are looked at again."""
_EPHEMERAL: Final = 32_768


@dataclass(slots=True)
class Watch:
    """The facts as they were seen last, on `machine`; `sightings` remembers updates."""

    machine: Machine
    sightings: Sightings
    platform: Platform
    facts: dict[FactName, Fact] = field(default_factory=dict)
    slow_at: UnixSeconds = 0
    cues: tuple[float | None, ...] = ()

    def look(self, now: UnixSeconds) -> Mapping[FactName, Fact]:
        """Every fact, those that take seconds to find only where they may have changed."""
        table = TABLES[self.platform]
        cues = tuple(self.machine.modified_at(cue) for cue in CUES)
        fresh = 0 <= now - self.slow_at < SLOW_SECONDS and cues == self.cues
        names = table.keys() - SLOW if fresh else table.keys()
        self.facts |= collect(table, self.machine, self.sightings, now, names)
        if not fresh:
            self.slow_at, self.cues = now, cues
        return self.facts


def telling(before: Mapping[FactName, Fact], after: Mapping[FactName, Fact]) -> bool:
    """Whether a fact changed that control should know of before the next report is due.

    UDP sockets on ports that systems give to clients come and go all the time, and can wait.
    """
    return {name: _value(fact) for name, fact in before.items()} != {
        name: _value(fact) for name, fact in after.items()
    }


def _value(fact: Fact) -> object:
    if fact.name != "listeners" or not isinstance(fact.value, tuple):
        return fact.value
    return tuple(item for item in fact.value if not _passing(item))


def _passing(listener: str) -> bool:
    protocol, _, port = listener.partition("/")
    return protocol == "udp" and port.isdigit() and int(port) >= _EPHEMERAL


def report(
    channel: Channel,
    key: DeviceKey,
    platform: Platform,
    facts: Mapping[FactName, Fact],
    now: UnixSeconds,
) -> Taken:
    """Send the facts; with a quote over them where a TPM keeps the key.

    Raises what `Channel.send` raises, and `tpm-failed`.
    """

    def write(counter: int, nonce: str) -> Report:
        bare = Report(
            counter=counter, nonce=nonce, at=now, platform=platform, facts=tuple(facts.values())
        )
        if not isinstance(key, TpmKey):
            return bare
        return msgspec.structs.replace(bare, quote=key.quote(quoted_data(bare)))

    return channel.send("reports", write, Taken)
