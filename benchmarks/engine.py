"""Decisions a second of `engine.decide` on one core, with 10,000 policies.

The estate: 2,000 people in 400 groups, 500 resources under 8 labels, 2,000 sessions and as many
devices. Most policies let a group read or write a resource under conditions, some a person, some
cover a label, and some forbid. Requests go round all sessions, each of which works with five
resources; time moves as it does at 1,000 requests a second, so minutes turn on the way.

- first: nothing is warm.
- in use: as the gateway asks. A verdict stands until a fact that its policies read changes;
  `cedar_share` is the share of decisions for which Cedar was asked.
- evaluated: no verdict is remembered; Cedar is asked each time.
"""

from __future__ import annotations

import json
import math
import platform
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from doorward.engine import PreparedSnapshot, decide, facts, prepare
from doorward.engine.facts import Question
from doorward.engine.moments import Minute
from doorward.model.decision import AccessRequest
from doorward.model.device import ClientCertificate, Device
from doorward.model.estate import Action, Group, Label, Network, Policy, Resource, Service, User
from doorward.model.identity import ServiceToken, Session
from doorward.model.ids import (
    DeviceId,
    GroupId,
    LabelId,
    NetworkId,
    PolicyId,
    ResourceId,
    ServiceId,
    ServiceTokenId,
    SessionId,
    UserId,
)
from doorward.model.snapshot import Snapshot
from doorward.model.spiffe import device_spiffe_id
from doorward.policy import EntitySet, Slice, Verdict, validate
from doorward.policy import evaluate as ask_cedar

POLICIES, PEOPLE, GROUPS, RESOURCES, LABELS = 10_000, 2_000, 400, 500, 8
NOW = 1_790_000_000.0
ROUNDS = 3
REQUESTS_PER_SECOND = 1_000

_MFA = "context has session.multi_factor && context.session.multi_factor"
_HEALTHY = "context has device.healthy && context.device.healthy"
_FRESH = "context has authentication_age_minutes && context.authentication_age_minutes < 240"
_CONDITIONS = (
    _MFA,
    f"{_MFA} && {_HEALTHY}",
    f"{_MFA} && {_FRESH}",
    'context.origin in Network::"office"',
    "context.minute_of_day >= 360 && context.minute_of_day < 1320",
)


def policies(chance: random.Random) -> list[Policy]:
    """Grants and forbids of an organisation's usual kinds."""
    texts = []
    for number in range(POLICIES):
        condition = _CONDITIONS[number % len(_CONDITIONS)]
        resource = f'resource == Resource::"r{chance.randrange(RESOURCES)}"'
        action = chance.choice(('action == Action::"read"', "action"))
        share = number % 100
        if share < 85:
            scope = f'principal in Group::"g{chance.randrange(GROUPS)}", {action}, {resource}'
            text = f"permit({scope}) when {{ {condition} }};"
        elif share < 97:
            scope = f'principal == User::"u{chance.randrange(PEOPLE)}", {action}, {resource}'
            text = f"permit({scope}) when {{ {condition} }};"
        elif share < 99:
            text = f"forbid(principal is User, action, {resource}) when {{ principal.risk > 70 }};"
        elif number < 800:
            label = f'resource in Label::"l{number // 100}"'
            text = (
                f"forbid(principal, action, {label}) "
                "when { context has session && context.session.risk > 80 };"
            )
        else:
            scope = f'principal in Group::"g{chance.randrange(GROUPS)}", {action}'
            label = f'resource in Label::"l{chance.randrange(LABELS)}"'
            text = f"permit({scope}, {label}) when {{ {_MFA} }};"
        name = PolicyId(f"p{number:05}")
        texts.append(Policy(id=name, text=f'@id("{name}") {text}', file="bench.cedar", line=1))
    return texts


def estate(chance: random.Random) -> Snapshot:
    """The whole snapshot."""
    groups = [Group(id=GroupId(f"g{n}"), name="", parents=_parent(n)) for n in range(GROUPS)]
    people = [
        User(
            id=UserId(f"u{n}"),
            name=f"person {n}",
            email=f"u{n}@example.com",
            groups=tuple({GroupId(f"g{chance.randrange(GROUPS)}") for _ in range(4)}),
        )
        for n in range(PEOPLE)
    ]
    sessions = [
        Session(
            id=SessionId(f"s{n}"),
            user=person.id,
            started_at=NOW - 600,
            expires_at=NOW + 36_000,
            authenticated_at=NOW - chance.randrange(600),
            methods=("passkey",) if n % 10 else ("password",),
            phishing_resistant=bool(n % 10),
            multi_factor=bool(n % 10),
            address="10.0.0.1",
            risk=chance.choice((0, 0, 0, 10, 30)),
        )
        for n, person in enumerate(people)
    ]
    devices = [
        Device(id=DeviceId(f"d{n}"), owner=person.id, key=f"{n:064x}", healthy=n % 7 > 0)
        for n, person in enumerate(people)
    ]
    resources = [
        Resource(
            id=ResourceId(f"r{n}"),
            name="",
            host=f"r{n}",
            upstream="http://127.0.0.1:1",
            label=LabelId(f"l{n % LABELS}"),
            owner=UserId(f"u{n}"),
            timezone=("UTC", "Europe/Berlin", "America/New_York")[n % 3],
        )
        for n in range(RESOURCES)
    ]
    tokens = [
        ServiceToken(
            id=ServiceTokenId(f"t{n}"),
            service=ServiceId(f"robot{n}"),
            secret_hash="",
            resources=tuple(resource.id for resource in resources),
            issued_at=NOW - 60,
            expires_at=NOW + 36_000,
        )
        for n in range(20)
    ]
    labels = [Label(id=LabelId(f"l{n}"), name="", sensitivity=n * 12) for n in range(LABELS)]
    office = Network(id=NetworkId("office"), name="", ranges=("10.0.0.0/16",))
    found = policies(chance)
    validate(found[:500])
    return Snapshot(
        number=1,
        groups={item.id: item for item in groups},
        users={item.id: item for item in people},
        services={
            f"robot{n}": Service(
                id=ServiceId(f"robot{n}"), name="", groups=(GroupId(f"g{n}"), GroupId(f"g{n + 40}"))
            )
            for n in range(20)
        },
        labels={item.id: item for item in labels},
        networks={"office": office},
        resources={item.id: item for item in resources},
        policies={item.id: item for item in found},
        sessions={item.id: item for item in sessions},
        devices={item.id: item for item in devices},
        service_tokens={item.id: item for item in tokens},
    )


def _parent(number: int) -> tuple[GroupId, ...]:
    return (GroupId(f"g{number // 10}"),) if number >= 10 else ()


def requests(snapshot: Snapshot, chance: random.Random) -> list[AccessRequest]:
    """Two requests of each session on each of its five resources, shuffled; some of services."""
    reachable = _reachable(snapshot)
    found = []
    everything = tuple(snapshot.resources)
    for number, session in enumerate(snapshot.sessions):
        granted = sorted(reachable[f"u{number}"])
        usual = chance.sample(granted, min(4, len(granted)))
        for name in (*usual, chance.choice(everything)):
            for _ in range(2):
                action: Action = "write" if chance.random() < 0.2 else "read"
                found.append(
                    AccessRequest(
                        resource=ResourceId(name),
                        action=action,
                        address=f"10.{number % 2}.{number // 256}.{number % 256}",
                        session=SessionId(session),
                        certificate=_certificate(number) if number % 5 else None,
                        country="DE",
                    )
                )
    found += [
        AccessRequest(
            resource=ResourceId(chance.choice(everything)),
            action="read",
            address="10.0.9.9",
            service_token=ServiceTokenId(f"t{number % 20}"),
        )
        for number in range(400)
    ]
    chance.shuffle(found)
    return found


def _certificate(number: int) -> ClientCertificate:
    uri = device_spiffe_id("corp.test", DeviceId(f"d{number}"), f"{number:064x}")
    return ClientCertificate(thumbprint=f"{number:064x}", uri=str(uri), ends_at=2**33)


def _reachable(snapshot: Snapshot) -> dict[str, set[str]]:
    """Which resources policies name for a person or one of the person's own groups."""
    by_scope: dict[str, set[str]] = {}
    for policy in snapshot.policies.values():
        parts = policy.text.split('"')
        if "permit" in policy.text and "Resource::" in policy.text:
            resource = next(parts[n + 1] for n, part in enumerate(parts) if "Resource::" in part)
            by_scope.setdefault(parts[3], set()).add(resource)
    return {
        user.id: set[str]().union(*(by_scope.get(key, set()) for key in (user.id, *user.groups)))
        for user in snapshot.users.values()
    }


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds, and what was decided in them."""

    wall: float
    processor: float
    decisions: int
    allows: int
    asked: int

    def __str__(self) -> str:
        return (
            f"{self.decisions / self.wall:,.0f} decisions/s by the wall clock, "
            f"{self.decisions / self.processor:,.0f} of processor time, "
            f"Cedar asked for {self.asked / self.decisions:.0%}"
        )


def measure(
    prepared: PreparedSnapshot, asked: Sequence[AccessRequest], start: float, *, remember: bool
) -> Round:
    """Decide `asked` from `start` on."""
    questions = allows = 0

    def evaluate(policies: Slice, entities: EntitySet, one: list[dict[str, Any]]) -> list[Verdict]:
        nonlocal questions
        questions += len(one)
        return ask_cedar(policies, entities, one)

    verdict = Question.verdict if remember else _evaluated
    with (
        patch.object(facts, "evaluate", evaluate),
        patch.object(Question, "verdict", verdict),
    ):
        wall, processor = time.perf_counter(), time.process_time()
        for number, request in enumerate(asked):
            decision = decide(request, prepared, start + number / REQUESTS_PER_SECOND)
            allows += decision.reason == "permitted"
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return Round(wall, processor, len(asked), allows, questions)


def _evaluated(question: Question, entities: EntitySet, minute: Minute, age: int | None) -> Verdict:
    return facts.evaluate(question.policies, entities, [question.at(minute, age)])[0]


def main() -> None:
    chance = random.Random(800_207)
    snapshot = estate(chance)
    asked = requests(snapshot, chance)
    began = time.perf_counter()
    prepared = prepare(snapshot, expires_at=math.inf)
    compiled = time.perf_counter() - began
    print(f"{POLICIES} policies compiled in {compiled:.1f} s")
    moments = iter(range(1_000))

    def rounds(count: int, *, remember: bool) -> Round:
        spans = len(asked) / REQUESTS_PER_SECOND
        found = [
            measure(prepared, asked, NOW + spans * next(moments), remember=remember)
            for _ in range(count)
        ]
        return sorted(found, key=lambda item: item.wall)[count // 2]

    first = rounds(1, remember=True)
    print(f"first: {first}")
    use = rounds(ROUNDS, remember=True)
    print(f"in use: {use}")
    evaluated = rounds(ROUNDS, remember=False)
    print(f"evaluated: {evaluated}")
    figures = {
        "decisions_per_second": round(use.decisions / use.wall),
        "cedar_share": round(use.asked / use.decisions, 3),
        "evaluated_per_second": round(evaluated.decisions / evaluated.wall),
        "evaluated_per_processor_second": round(evaluated.decisions / evaluated.processor),
        "first_round_decisions_per_second": round(first.decisions / first.wall),
        "policies": POLICIES,
        "requests": len(asked),
        "sessions": len(snapshot.sessions),
        "allow_share": round(use.allows / use.decisions, 3),
        "compile_seconds": round(compiled, 2),
        "python": platform.python_version(),
        "machine": f"{platform.machine()} {_processor()}",
    }
    print(json.dumps(figures))


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor()


if __name__ == "__main__":
    main()
