"""The decision point: what every answer of this gateway comes from.

Rules, in order; each is one that a failure falls into:

1. No snapshot, or an unconfirmed clock: deny, `snapshot-expired`.
2. The engine decides; it denies by itself when the snapshot has expired.
3. The record is appended to the spool before the answer is returned. Where it cannot be, the
   answer is deny, `log-unavailable`, whatever the engine said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

from doorward.engine import PreparedSnapshot, decide
from doorward.engine.devices import name_in_log, service_claimed
from doorward.errors import DoorwardError
from doorward.model.decision import (
    AccessRequest,
    Allow,
    Decision,
    DecisionRecord,
    Deny,
    ReasonCode,
)
from doorward.model.ids import DecisionId, GatewayId, UnixSeconds
from doorward.model.snapshot import Snapshot

_NO_FACTS = msgspec.Raw(b"{}")
_EMPTY = Snapshot()
_MAX_RECORDED_PATH = 2048
"""Anybody can have a denial recorded: long paths must not fill the log."""


class RecordLog(Protocol):
    """Where records go. `append` raises DoorwardError `log-unavailable`."""

    def append(self, line: bytes) -> None: ...


class Clock(Protocol):
    """Wall time that knows whether it may be believed."""

    def now(self) -> UnixSeconds: ...

    def believed(self) -> bool:
        """False after a jump back, until control confirms the time."""
        ...

    def elapsed(self) -> float:
        """Seconds on a clock that never jumps, for latencies."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, and what only the log wants to know of it."""

    request: AccessRequest
    method: str
    path: str


@dataclass(frozen=True, slots=True)
class Decided:
    """The answer, its id in the decision log, and the snapshot it was made from."""

    id: DecisionId
    decision: Decision
    snapshot: Snapshot
    at: UnixSeconds


class DecisionPoint:
    """Decides and records. `prepared` is replaced as a whole, between two answers."""

    def __init__(
        self,
        gateway: GatewayId,
        log: RecordLog,
        clock: Clock,
        new_id: Callable[[], DecisionId],
    ) -> None:
        self._gateway = gateway
        self._log = log
        self._clock = clock
        self._new_id = new_id
        self._encoder = msgspec.json.Encoder()
        self.prepared: PreparedSnapshot | None = None
        self.epoch = 0

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that answers are made from; an empty one before the first frame."""
        return _EMPTY if self.prepared is None else self.prepared.snapshot

    def decide(
        self,
        asked: Asked,
        source: Literal["engine", "stream"] = "engine",
        of: DecisionId | None = None,
    ) -> Decided:
        """Decide and record. `of` is the decision that a stream was opened by."""
        started = self._clock.elapsed()
        now = self._clock.now()
        prepared = self.prepared
        if prepared is None or not self._clock.believed():  # 1
            decision: Decision = Deny(reason="snapshot-expired", facts=_NO_FACTS)
        else:
            decision = decide(asked.request, prepared, now)  # 2
        return self._recorded(asked, decision, source, of, now, started)

    def refuse(self, asked: Asked, reason: ReasonCode) -> tuple[Decided, Deny]:
        """Deny what cannot be put to the engine, and record it."""
        deny = Deny(reason=reason, facts=_NO_FACTS)
        now, started = self._clock.now(), self._clock.elapsed()
        return self._recorded(asked, deny, "engine", None, now, started), deny

    def _recorded(
        self,
        asked: Asked,
        decision: Decision,
        source: Literal["engine", "stream"],
        of: DecisionId | None,
        now: UnixSeconds,
        started: float,
    ) -> Decided:
        decision_id = self._new_id()
        request, snapshot = asked.request, self.snapshot
        allowed = isinstance(decision, Allow)
        record = DecisionRecord(
            id=decision_id,
            at=now,
            gateway=self._gateway,
            source=source,
            decision=of or decision_id,
            outcome="allow" if allowed else "deny",
            reason=decision.reason,
            snapshot=snapshot.number,
            policies=decision.policies,
            remedies=() if isinstance(decision, Allow) else decision.remedies,
            facts=decision.facts,
            subject=subject_of(request, snapshot),
            session=request.session or "",
            device=name_in_log(request.certificate),
            resource=request.resource,
            action=request.action,
            method=asked.method,
            path=asked.path[:_MAX_RECORDED_PATH],
            address=request.address,
            country=request.country or "",
            networks=() if self.prepared is None else self.prepared.networks_of(request.address),
            latency_us=int((self._clock.elapsed() - started) * 1e6),
        )
        try:
            self._log.append(self._encoder.encode(record) + b"\n")  # 3
        except (DoorwardError, msgspec.EncodeError, UnicodeEncodeError):
            decision = Deny(reason="log-unavailable", facts=_NO_FACTS)
        return Decided(decision_id, decision, snapshot, now)


def subject_of(request: AccessRequest, snapshot: Snapshot) -> str:
    """Who asks: a user id, `service:ID`, or nothing where nobody is known."""
    if request.session is not None:
        session = snapshot.sessions.get(request.session)
        return session.user if session is not None else ""
    if request.service_token is not None:
        token = snapshot.service_tokens.get(request.service_token)
        return f"service:{token.service}" if token is not None else ""
    claimed = service_claimed(request.certificate)
    return f"service:{claimed}" if claimed in snapshot.services else ""
