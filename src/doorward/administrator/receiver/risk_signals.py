"""Signals of risk: a person, device or session becomes riskier, by the estate's own scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from doorward.administrator.receiver.applying import Applying, Done
from doorward.administrator.receiver.session_signals import meant
from doorward.administrator.receiver_ports import Word
from doorward.administrator.targets import standing_of
from doorward.model.identity import Session
from doorward.model.snapshot import Change, change
from doorward.protocol.signals.events import RiskLevelChange

SERIES = "risk"

Move = Callable[[int], Change]


async def risk_changed(applying: Applying, event: RiskLevelChange) -> Done:
    """A risk rises to what the level is worth, and falls as far as this transmitter raised it."""
    risk = applying.transmitter.risk_of(event.current_level)
    if risk is None:
        return Done(otherwise="no-risk-given")
    match event.principal:
        case "USER":
            return await _person(applying, risk)
        case "DEVICE":
            return await _device(applying, risk)
        case "SESSION":
            return await _sessions(applying, risk)
    return Done(otherwise="subject-unknown")


async def _person(applying: Applying, risk: int) -> Done:
    user = applying.subject.user
    if user is None:
        return Done(otherwise="subject-unknown")
    before = await standing_of(applying.transaction, user.id)

    def move(to: int) -> Change:
        return change("standing", msgspec.structs.replace(before, risk=to, reason=applying.reason))

    return await _moved(applying, f"user:{user.id}", before.risk, risk, move)


async def _device(applying: Applying, risk: int) -> Done:
    device = applying.subject.device
    if device is None:
        return Done(otherwise="subject-unknown")

    def move(to: int) -> Change:
        return change("device", msgspec.structs.replace(device, risk=to))

    return await _moved(applying, f"device:{device.id}", device.risk, risk, move)


async def _sessions(applying: Applying, risk: int) -> Done:
    if applying.subject.sessions is None:
        return Done(otherwise="subject-unknown")
    done = []
    for session in meant(applying):

        def move(to: int, session: Session = session) -> Change:
            return change("session", msgspec.structs.replace(session, risk=to))

        done.append(await _moved(applying, f"session:{session.id}", session.risk, risk, move))
    changes = tuple(item for one in done for item in one.changes)
    otherwise = done[0].otherwise if done else "nothing-to-do"
    return Done(changes, f"risk {risk}" if changes else "", otherwise)


async def _moved(applying: Applying, subject: str, before: int, risk: int, move: Move) -> Done:
    """A word is what its transmitter wants, what came of it, and what stood there before any word.

    The highest of those counts. Whoever sets another risk meanwhile overrules every word.
    """
    if applying.is_late(await applying.word(SERIES, subject)):
        return Done(otherwise="out-of-order")
    words = applying.transaction.receiver.words
    own = applying.transmitter.id
    found = [(word, _said(word)) for word in await words.about(SERIES, subject)]
    base = min((said.base for _, said in found if said.stands == before), default=before)
    others = {
        word: said.wanted if said.stands == before else 0
        for word, said in found
        if word.transmitter != own
    }
    to = max(risk, base, *others.values())
    for word, wanted in others.items():
        await words.put(msgspec.structs.replace(word, said=f"{wanted}/{to}/{base}"))
    await applying.say(SERIES, subject, f"{risk}/{to}/{base}")
    if to != before:
        return Done((move(to),), f"risk {to}")
    return Done(otherwise="not-its-word" if risk < before else "nothing-to-do")


@dataclass(frozen=True, slots=True)
class _Said:
    wanted: int
    stands: int
    base: int


def _said(word: Word) -> _Said:
    return _Said(*map(int, word.said.split("/")))
