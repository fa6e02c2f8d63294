"""Compliance: which policies apply to a device, and how it stands with their checks. Pure.

1. A policy applies to devices on its platforms whose owner is in one of its groups, directly, by
   a provider's word or through another group.
2. A check is passed where a fact that is alive has the wanted value and is proved well enough,
   and no other live fact of its name says otherwise. It fails where one does; else it is
   unknown, which never passes.
3. The grace of a failing check runs from its first failure, in report-only policies too, and is
   used up by time alone. It starts afresh once the check was seen passed for as long as the
   grace, a day at most, without a break: neither a moment of passing nor silence starts it again.
4. A device passes a policy whose checks are all passed or in their grace; it does not where one
   fails for longer; else it is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from doorward.administrator.fleet.health import KnownFact, State
from doorward.administrator.fleet.known import live
from doorward.administrator.fleet.posture_ports import FindingRecord
from doorward.administrator.fleet.versions import at_least
from doorward.engine.facts import ancestors
from doorward.model.compliance import Check, Compliance
from doorward.model.device import Device
from doorward.model.identity import groups_of
from doorward.model.ids import ComplianceId, UnixSeconds
from doorward.model.posture import FACTS, FactName, FactValue
from doorward.model.snapshot import Snapshot

Outcome = Literal["passing", "unknown", "failing"]
Clocks = Mapping[tuple[ComplianceId, FactName], FindingRecord]

_HOUR = 3600
LONGEST_PROBATION_SECONDS = 24 * _HOUR


@dataclass(frozen=True, slots=True)
class Standing:
    """A check that is not simply passed. `until` ends its grace, None where it has none (left)."""

    policy: Compliance
    check: Check
    record: FindingRecord
    until: UnixSeconds | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """How a device stands; `due_at` is when time alone may change that, None for never."""

    standings: tuple[Standing, ...]
    due_at: UnixSeconds | None


def applicable(snapshot: Snapshot, device: Device) -> tuple[Compliance, ...]:
    """The policies that apply to the device, by id."""
    found = [
        policy
        for policy in snapshot.compliances.values()
        if not policy.platforms or device.platform in policy.platforms
    ]
    if any(policy.groups for policy in found):
        owner = snapshot.users.get(device.owner)
        direct = groups_of(owner, snapshot.standings.get(device.owner)) if owner else ()
        groups = {name for _, name in ancestors(snapshot.groups, direct)}
        found = [item for item in found if not item.groups or not groups.isdisjoint(item.groups)]
    return tuple(sorted(found, key=lambda policy: policy.id))


def outcome(check: Check, facts: Sequence[KnownFact]) -> Outcome:
    """How a check stands, given the live facts of its name."""
    sure, proved = True, False
    for item in facts:
        answer = _satisfies(check, item.fact.value)
        if answer is False:
            return "failing"
        sure = sure and answer is True
        proved = proved or item.trust >= check.trust
    return "passing" if sure and proved else "unknown"


def judge(
    policies: Iterable[Compliance],
    known: Iterable[KnownFact],
    before: Clocks,
    now: UnixSeconds,
    constant_until: UnixSeconds | None = None,
) -> Judged:
    """How a device stands with each policy's checks; with several on one fact, by the worst.

    `before` is how it stood when last looked at, and `constant_until` until when nothing but a
    new fact could change that, None for ever: what passed then was seen to pass so long only.
    """
    alive = live(known, now)
    seen_until = now if constant_until is None else min(now, constant_until)
    found: dict[tuple[ComplianceId, FactName], Standing] = {}
    moments: set[UnixSeconds] = set()
    for policy in policies:
        for check in policy.checks:
            place, facts = (policy.id, check.fact), alive.get(check.fact, ())
            lifetime = FACTS[check.fact].lifetime_seconds
            moments.update([item.fact.at + lifetime for item in facts])
            state, last = outcome(check, facts), before.get(place)
            if state == "passing" and last is None:
                continue
            standing, turns = _Case(policy, check, facts, last, now, seen_until).stands(state)
            if turns is not None:
                moments.add(turns)
            if standing is not None and _badness(standing) > _badness(found.get(place)):
                found[place] = standing
    return Judged(tuple(found.values()), min(moments, default=None))


def passes(policy: Compliance, standings: Iterable[Standing]) -> bool | None:
    """Whether the device passes the policy, which applies to it."""
    states = {item.record.state for item in standings if item.policy is policy}
    if "failing" in states:
        return False
    return None if "unknown" in states else True


def grace_seconds(policy: Compliance, check: Check) -> int:
    """For how long a device may fail this check."""
    hours = policy.grace_hours if check.grace_hours is None else check.grace_hours
    return hours * _HOUR


@dataclass(frozen=True, slots=True)
class _Case:
    """One check of a device: the live facts of its name, and how it stood before."""

    policy: Compliance
    check: Check
    facts: Sequence[KnownFact]
    last: FindingRecord | None
    now: UnixSeconds
    seen_until: UnixSeconds

    def stands(self, outcome: Outcome) -> tuple[Standing | None, UnixSeconds | None]:
        """By rules 2 and 3 of this file; and when its grace or its probation ends."""
        grace = grace_seconds(self.policy, self.check)
        probation = min(grace, LONGEST_PROBATION_SECONDS)
        failed_at, passed_at = self._clock(probation, passing=outcome == "passing")
        if outcome == "passing":
            if failed_at is None or not grace:
                return None, None
            if passed_at is None or not self._unbroken():
                passed_at = self.now
            return self._recorded("passing", failed_at, passed_at), passed_at + probation
        if outcome == "unknown":
            return self._recorded("unknown", failed_at), None
        failed_at = self.now if failed_at is None else failed_at
        until = failed_at + grace
        if self.now < until:
            return self._recorded("grace", failed_at, until=until), until
        return self._recorded("failing", failed_at), None

    def _recorded(
        self,
        state: State | Literal["passing"],
        failed_at: UnixSeconds | None,
        passed_at: UnixSeconds | None = None,
        until: UnixSeconds | None = None,
    ) -> Standing:
        last = self.last
        record = FindingRecord(
            policy=self.policy.id,
            fact=self.check.fact,
            state=state,
            since=last.since if last is not None and last.state == state else self.now,
            failed_at=failed_at,
            passed_at=passed_at,
        )
        return Standing(self.policy, self.check, record, until)

    def _clock(
        self, probation: float, *, passing: bool
    ) -> tuple[UnixSeconds | None, UnixSeconds | None]:
        """When the grace began to run, and since when the check is passed again."""
        last = self.last
        if last is None:
            return None, None
        seen = self.now if passing and self._unbroken() else self.seen_until
        if last.passed_at is not None and seen >= last.passed_at + probation:
            return None, None
        return last.failed_at, last.passed_at

    def _unbroken(self) -> bool:
        """Whether there was no moment since the last look at which the check may not have passed.

        Nobody looked at a moment that was due: then only a fact from before it tells.
        """
        return self.seen_until >= self.now or any(
            item.fact.at <= self.seen_until for item in self.facts
        )


def _satisfies(check: Check, value: FactValue | None) -> bool | None:
    """Whether the value is what the check wants; None where the two cannot be compared."""
    if value is None:
        return None
    if isinstance(value, bool):
        return None if check.want is None else value == check.want
    if isinstance(value, int):
        return None if check.at_most is None else value <= check.at_most
    if FACTS[check.fact].type == "version":
        return at_least(str(value), check.at_least)
    if check.allowed is None:
        return None
    if isinstance(value, tuple):
        return all(item in check.allowed for item in value)
    return value in check.allowed


def _badness(standing: Standing | None) -> tuple[int, float]:
    if standing is None:
        return 0, 0.0
    return _SEVERITY[standing.record.state], -(standing.until or 0.0)


_SEVERITY = {"passing": 1, "grace": 2, "unknown": 3, "failing": 4}
