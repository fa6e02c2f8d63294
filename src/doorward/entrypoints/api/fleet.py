"""The health of devices: of each one, of the fleet, and how it stands with the policies."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query

from doorward.administrator.devices import health
from doorward.administrator.fleet.health import DeviceHealth, Finding, KnownFact
from doorward.entrypoints.api.context import Caller, Ports
from doorward.entrypoints.api.views import View
from doorward.model.ids import DeviceId
from doorward.model.posture import FACTS

router = APIRouter(tags=["devices"])

Limit = Annotated[int, Query(ge=1, le=500)]
Trust = Literal["self-reported", "signed", "quoted"]
_TRUST: tuple[Trust, ...] = ("self-reported", "signed", "quoted")


class FactView(View):
    """A fact as it counts now. `value` is None while unknown, and `why` says then why."""

    name: str
    title: str
    value: bool | int | str | tuple[str, ...] | None
    at: datetime
    method: str
    trust: Trust
    why: str


class FindingView(View):
    """A check that is not passed; `until` ends its grace, None for none."""

    policy: str
    policy_name: str
    fact: str
    state: Literal["failing", "unknown", "grace"]
    since: datetime
    until: datetime | None
    enforced: bool
    words: str
    link: str


class HealthView(View):
    """A device's health in short."""

    device: str
    owner: str
    healthy: bool | None
    reason: str
    suspended: str
    last_seen_at: datetime | None
    silent: bool
    findings: tuple[FindingView, ...]


class ChangeView(View):
    """A device's health became another."""

    at: datetime
    healthy: bool | None
    findings: str


class DeviceHealthView(HealthView):
    """A device's health in full: what is known, and how it changed, the newest first."""

    facts: tuple[FactView, ...]
    history: tuple[ChangeView, ...]


class SampleView(View):
    """How many devices were in which state at a moment; suspended ones count there alone."""

    at: datetime
    healthy: int
    unhealthy: int
    unknown: int
    silent: int
    suspended: int


class CheckCountView(View):
    """How many devices do not pass a policy's check on a fact, in one way."""

    policy: str
    fact: str
    state: Literal["failing", "unknown", "grace"]
    devices: int


class SilentView(View):
    """A device that has reported, and then no more."""

    device: str
    last_seen_at: datetime


class FleetView(View):
    """The fleet now: how many devices, what they do not pass, and who fell silent."""

    now: SampleView
    failing: tuple[CheckCountView, ...]
    silent: tuple[SilentView, ...]


class PolicyHealthView(View):
    """How the fleet stands with a policy; those in their grace pass, and are among `passing`."""

    policy: str
    name: str
    mode: Literal["report", "enforce"]
    passing: int
    grace: int
    failing: int
    unknown: int


@router.get("/fleet")
async def fleet(ports: Ports, _: Caller) -> FleetView:
    """The fleet at a glance."""
    now = ports.clock()
    return FleetView(
        now=SampleView.model_validate(await health.fleet_summary(ports.fleet, now)),
        failing=tuple(map(CheckCountView.model_validate, await health.failing_checks(ports.fleet))),
        silent=tuple(map(SilentView.model_validate, await health.silent_devices(ports.fleet, now))),
    )


@router.get("/fleet/samples")
async def samples(ports: Ports, _: Caller, since: float = 0.0) -> list[SampleView]:
    """How the fleet stood every ten minutes since `since`, the oldest first."""
    found = await health.fleet_samples(ports.fleet, since)
    return list(map(SampleView.model_validate, found))


@router.get("/fleet/health")
async def fleet_health(
    ports: Ports, _: Caller, after: str = "", limit: Limit = 100
) -> list[HealthView]:
    """A page of devices, by id, after the id `after`."""
    found = await health.fleet_health(ports.fleet, ports.clock(), after=after, limit=limit)
    return [HealthView.model_validate(_in_short(ports, item)) for item in found]


@router.get("/devices/{device}/health")
async def device_health(ports: Ports, _: Caller, device: str) -> DeviceHealthView:
    """Everything that is known of a device."""
    found = await health.health_of(ports.fleet, DeviceId(device), ports.clock())
    history = await health.history_of(ports.fleet, DeviceId(device))
    return DeviceHealthView.model_validate(
        {
            **_in_short(ports, found),
            "facts": tuple(map(_fact, found.known)),
            "history": tuple(map(ChangeView.model_validate, history)),
        }
    )


@router.get("/compliance")
async def compliance(ports: Ports, _: Caller) -> list[PolicyHealthView]:
    """How many devices pass each policy, or would where it is report-only."""
    policies = ports.control.live.current.compliances
    return [
        PolicyHealthView.model_validate(
            {
                **msgspec.structs.asdict(item),
                "name": policies[item.policy].name,
                "mode": policies[item.policy].mode,
            }
        )
        for item in await health.policy_health(ports.fleet)
        if item.policy in policies
    ]


def _in_short(ports: Ports, found: DeviceHealth) -> dict[str, object]:
    device = ports.control.live.current.devices[found.device]
    return {
        "device": found.device,
        "owner": device.owner,
        "healthy": device.healthy,
        "reason": device.reason,
        "suspended": device.suspended,
        "last_seen_at": found.last_seen_at,
        "silent": found.silent,
        "findings": tuple(map(_finding, found.findings)),
    }


def _finding(finding: Finding) -> FindingView:
    return FindingView.model_validate(finding)


def _fact(known: KnownFact) -> FactView:
    fact = known.fact
    return FactView.model_validate(
        {
            **msgspec.structs.asdict(fact),
            "title": FACTS[fact.name].title,
            "trust": _TRUST[known.trust],
        }
    )
