"""What follows from everything that is known of a device: the conclusion that policies see. Pure.

Health is the worst of what each enforced policy that applies says and of the operator's word:
unhealthy before unknown before healthy; unknown where nobody says anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from doorward.administrator.fleet.compliance import Standing, applicable, judge, passes
from doorward.administrator.fleet.health import Finding, KnownFact
from doorward.administrator.fleet.known import unpacked
from doorward.administrator.fleet.posture_ports import FindingRecord, PostureRecord
from doorward.model.compliance import Check
from doorward.model.device import Device
from doorward.model.ids import ComplianceId, UnixSeconds
from doorward.model.posture import FACTS
from doorward.model.snapshot import Snapshot

_NAMED = 3
_BY_OPERATOR = "Called unhealthy by those who run doorward."


@dataclass(frozen=True, slots=True)
class Conclusion:
    """`due_at` is when time alone may change it, None for never."""

    healthy: bool | None
    complies: tuple[ComplianceId, ...]
    reason: str
    standings: tuple[Standing, ...]
    due_at: UnixSeconds | None

    @property
    def records(self) -> tuple[FindingRecord, ...]:
        """What is kept of it for the next time."""
        found = [item.record for item in self.standings]
        return tuple(sorted(found, key=lambda record: (record.policy, record.fact)))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Its checks that are not passed, those that count first."""
        return tuple(
            finding
            for state in ("failing", "unknown", "grace")
            for item in self.standings
            if (finding := _finding(item)) is not None and finding.state == state
        )

    def on(self, device: Device) -> Device:
        """The device's document with this conclusion."""
        return msgspec.structs.replace(
            device, healthy=self.healthy, complies=self.complies, reason=self.reason
        )


def known_of(device: Device, record: PostureRecord) -> tuple[KnownFact, ...]:
    """What the device said under the key that it has now."""
    return unpacked(record.facts) if record.key == device.key else ()


def conclude(
    snapshot: Snapshot,
    device: Device,
    record: PostureRecord,
    known: Sequence[KnownFact],
    before: Sequence[FindingRecord],
    now: UnixSeconds,
) -> Conclusion:
    """The conclusion at `now`, where `before` is what was kept of the last one."""
    policies = applicable(snapshot, device)
    clocks = {(item.policy, item.fact): item for item in before}
    judged = judge(policies, known, clocks, now, record.due_at)
    answers = {policy.id: passes(policy, judged.standings) for policy in policies}
    words = [answers[policy.id] for policy in policies if policy.mode == "enforce"]
    if record.said is not None:
        words.append(record.said)
    healthy = _meet(words)
    return Conclusion(
        healthy=healthy,
        complies=tuple(name for name, passed in answers.items() if passed),
        reason=_reason(record, judged.standings, healthy=healthy),
        standings=judged.standings,
        due_at=judged.due_at,
    )


def words_for(check: Check) -> str:
    """What to tell the person, where the policy does not."""
    title = FACTS[check.fact].title
    if check.want is not None:
        return f"{title}: this must be {'yes' if check.want else 'no'}."
    if check.at_most is not None:
        return f"{title}: at most {check.at_most}."
    if check.at_least:
        return f"{title}: at least {check.at_least}."
    return f"{title}: only {', '.join(check.allowed or ()) or 'none'}."


def _meet(words: Sequence[bool | None]) -> bool | None:
    if False in words:
        return False
    return None if None in words or not words else True


def _reason(record: PostureRecord, found: Sequence[Standing], *, healthy: bool | None) -> str:
    """Short, and the same for as long as the same things are wrong."""
    if record.said is False:
        return record.said_why or _BY_OPERATOR
    for state, start in (("failing", "Not as it must be"), ("unknown", "Not known")):
        titles = [
            FACTS[item.check.fact].title
            for item in found
            if item.policy.mode == "enforce" and item.record.state == state
        ]
        named = list(dict.fromkeys(titles))
        if named:
            more = len(named) - _NAMED
            tail = f" and {more} more" if more > 0 else ""
            return f"{start}: {', '.join(named[:_NAMED])}{tail}."
    return record.said_why if healthy else ""


def _finding(standing: Standing) -> Finding | None:
    record, policy, check = standing.record, standing.policy, standing.check
    if record.state == "passing":
        return None
    since = record.since if record.state == "unknown" else record.failed_at
    return Finding(
        policy=policy.id,
        policy_name=policy.name,
        fact=check.fact,
        state=record.state,
        since=record.since if since is None else since,
        until=standing.until,
        enforced=policy.mode == "enforce",
        words=check.words or words_for(check),
        link=check.link,
    )
