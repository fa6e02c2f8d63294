"""What is known of a device: which facts are believed, which count beside each other. Pure.

A fact replaces what is older of its name, unless that is signed and it is not: whoever holds a
bearer secret cannot speak over the device's key. What stays beside it must pass as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from doorward.administrator.fleet.health import KnownFact
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds
from doorward.model.posture import FACTS, MAX_TEXT, Fact, FactName, Trust, fact_at, fits

FUTURE_TOLERANCE_SECONDS = 300

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(tuple[KnownFact, ...])


def packed(known: Sequence[KnownFact]) -> bytes:
    """As they are kept: one value that the collector need not look through, 50,000 times."""
    return _encoder.encode(known)


def unpacked(facts: bytes) -> tuple[KnownFact, ...]:
    """What `packed` was given."""
    return _decoder.decode(facts)


def believed(
    facts: Sequence[Fact], trust: Trust, known: Iterable[KnownFact], now: UnixSeconds
) -> tuple[KnownFact, ...]:
    """The facts as they are taken at `now`. Raises DoorwardError `facts-implausible`.

    A clock that is a little fast does not make a fact live longer.
    """
    latest = {(item.fact.name, _signed(item.trust)): item.fact.at for item in known}
    names: set[FactName] = set()
    taken: list[KnownFact] = []
    for fact in facts:
        if fact.name in names:
            raise _implausible(fact, "is reported twice")
        names.add(fact.name)
        if not (fits(fact) and _readable(fact)):
            raise _implausible(fact, "has a value that is not of its kind")
        if fact.at > now + FUTURE_TOLERANCE_SECONDS:
            raise _implausible(fact, "was found in the future")
        at = min(fact.at, now)
        if at < latest.get((fact.name, _signed(trust)), 0.0):
            raise _implausible(fact, "is older than what was reported before")
        dated = fact if at == fact.at else msgspec.structs.replace(fact, at=at)
        taken.append(KnownFact(fact=dated, trust=trust))
    return tuple(taken)


def merged(known: Iterable[KnownFact], newer: Iterable[KnownFact]) -> tuple[KnownFact, ...]:
    """What is known once `newer` came to it, by name, signed facts first.

    Where both hold a fact of one source, the later stands, and of two at one moment the latter.
    """
    found: dict[tuple[int, bool], KnownFact] = {}
    for item in (*known, *newer):
        place = (_ORDER[item.fact.name], not _signed(item.trust))
        before = found.get(place)
        if before is None or before.fact.at <= item.fact.at:
            found[place] = item
    return tuple(
        item
        for (name, bearer), item in sorted(found.items())
        if not (bearer and _outdone(item, found.get((name, False))))
    )


def live(known: Iterable[KnownFact], now: UnixSeconds) -> dict[FactName, list[KnownFact]]:
    """The facts that have a value at `now`, by name."""
    found: dict[FactName, list[KnownFact]] = {}
    for item in known:
        fact = item.fact
        if fact.value is not None and now < fact.at + FACTS[fact.name].lifetime_seconds:
            found.setdefault(fact.name, []).append(item)
    return found


def shown(known: Iterable[KnownFact], now: UnixSeconds) -> tuple[KnownFact, ...]:
    """The facts as they count at `now`: those that are too old are unknown."""
    return tuple(KnownFact(fact=fact_at(item.fact, now), trust=item.trust) for item in known)


def _signed(trust: Trust) -> bool:
    return trust >= Trust.SIGNED


def _outdone(bearer: KnownFact, signed: KnownFact | None) -> bool:
    return signed is not None and bearer.fact.at <= signed.fact.at


def _readable(fact: Fact) -> bool:
    """Whether its texts can be shown as they are, in a terminal too."""
    value = fact.value
    text = "".join(value) if isinstance(value, tuple) else value if isinstance(value, str) else ""
    words = fact.method + fact.why
    return len(words) <= MAX_TEXT and (text + words).isprintable()


def _implausible(fact: Fact, problem: str) -> DoorwardError:
    return DoorwardError(
        "facts-implausible",
        f"The fact `{fact.name}` {problem}, so nothing of the report counts.",
        "Set the device's clock, and use an agent of this version.",
    )


_ORDER = {name: place for place, name in enumerate(FACTS)}
