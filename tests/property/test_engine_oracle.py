"""The engine against an oracle that asks Cedar the whole set in the plainest way."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_address, ip_network
from zoneinfo import ZoneInfo

import cedarpy
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorward.engine import decide, prepare
from doorward.model.decision import AccessRequest
from doorward.model.device import Device
from doorward.model.identity import Session, Standing
from doorward.model.snapshot import Snapshot
from doorward.policy.schema import SCHEMA_TEXT
from tests.property.estates import NOW, requests, snapshots


def risk(number: int) -> int:
    return sorted((0, number, 100))[1]


def oracle(request: AccessRequest, snapshot: Snapshot, now: float) -> tuple[str, set[str]]:
    """Reason and policies of a request whose credential, resource and address are good."""
    resource = snapshot.resources[request.resource]
    session = snapshot.sessions[request.session] if request.session else None
    subject = ("User", session.user) if session else ("Service", "robot")
    entities = [*_people(snapshot, now), *_resources(snapshot), *_devices(snapshot)]
    local = datetime.fromtimestamp(math.floor(now), ZoneInfo(resource.timezone))
    context: dict[str, object] = {
        "origin": {"type": "Origin", "id": "here"},
        "minute_of_day": local.hour * 60 + local.minute,
        "weekday": local.isoweekday(),
    }
    here: dict[str, object] = {"address": request.address}
    if request.country:
        here["country"] = request.country
    inside = [
        {"type": "Network", "id": name}
        for name, network in snapshot.networks.items()
        if any(ip_address(request.address) in ip_network(item) for item in network.ranges)
    ]
    entities.append({"uid": {"type": "Origin", "id": "here"}, "attrs": here, "parents": inside})
    if not session and not request.service_token:
        context["device"] = {"type": "Device", "id": "laptop"}
    if session:
        entities += _session(request, snapshot, session, context)
        context["authentication_age_minutes"] = (
            max(math.floor(now) - math.floor(session.authenticated_at), 0) // 60
        )
    ordered = list(snapshot.policies.values())
    result = cedarpy.is_authorized(
        {
            "principal": {"type": subject[0], "id": subject[1]},
            "action": {"type": "Action", "id": request.action},
            "resource": {"type": "Resource", "id": resource.id},
            "context": context,
        },
        "\n".join(policy.text for policy in ordered),
        json.dumps(entities),
        SCHEMA_TEXT,
    )
    assert result.decision is not cedarpy.Decision.NoDecision
    if result.diagnostics.errors:
        return "policy-error", set()
    reasons: set[str] = {ordered[int(reason[6:])].id for reason in result.diagnostics.reasons}
    if result.allowed:
        return "permitted", reasons
    return ("policy-forbids" if reasons else "no-policy-permits"), reasons


def _ial(standing: Standing | None, now: float) -> int:
    return 0 if standing is None or standing.ial_until <= now else standing.ial


def _asserted(snapshot: Snapshot, user: str) -> tuple[str, ...]:
    return snapshot.standings[user].groups if user in snapshot.standings else ()


def _people(snapshot: Snapshot, now: float) -> list[dict[str, object]]:
    found: list[dict[str, object]] = [
        {
            "uid": {"type": "User", "id": user.id},
            "attrs": {
                "email": user.email,
                "name": user.name,
                "risk": risk(snapshot.standings[user.id].risk)
                if user.id in snapshot.standings
                else 0,
                "ial": _ial(snapshot.standings.get(user.id), now),
            },
            "parents": _groups(snapshot, (*user.groups, *_asserted(snapshot, user.id)))
            + [{"type": "Role", "id": role} for role in user.roles],
        }
        for user in snapshot.users.values()
    ]
    found += [
        {
            "uid": {"type": "Service", "id": service.id},
            "attrs": {},
            "parents": _groups(snapshot, service.groups),
        }
        for service in snapshot.services.values()
    ]
    return found


def _groups(snapshot: Snapshot, names: tuple[str, ...]) -> list[dict[str, str]]:
    reached = set(names)
    for _ in snapshot.groups:
        reached |= {parent for name in reached for parent in snapshot.groups[name].parents}
    return [{"type": "Group", "id": name} for name in reached]


def _resources(snapshot: Snapshot) -> list[dict[str, object]]:
    levels = {name: label.sensitivity for name, label in snapshot.labels.items()}
    names = {*levels, *(resource.label for resource in snapshot.resources.values())}
    found: list[dict[str, object]] = [
        {
            "uid": {"type": "Label", "id": name},
            "attrs": {"sensitivity": levels.get(name, 100)},
            "parents": [],
        }
        for name in names
    ]
    found += [
        {
            "uid": {"type": "Resource", "id": resource.id},
            "attrs": {
                "label": {"type": "Label", "id": resource.label},
                "sensitivity": levels.get(resource.label, 100),
                "owner": {"type": "User", "id": resource.owner},
            },
            "parents": [{"type": "Label", "id": resource.label}],
        }
        for resource in snapshot.resources.values()
    ]
    return found


def _devices(snapshot: Snapshot) -> list[dict[str, object]]:
    return [
        {
            "uid": {"type": "Device", "id": device.id},
            "attrs": {
                "owner": {"type": "User", "id": device.owner},
                "risk": risk(device.risk),
                "complies": list(device.complies),
                "attested": device.attested,
                **({} if device.healthy is None else {"healthy": device.healthy}),
            },
            "parents": [],
        }
        for device in snapshot.devices.values()
    ]


def _session(
    request: AccessRequest, snapshot: Snapshot, session: Session, context: dict[str, object]
) -> list[dict[str, object]]:
    context["session"] = {"type": "Session", "id": session.id}
    found: list[dict[str, object]] = [
        {
            "uid": context["session"],
            "attrs": {
                "methods": list(session.methods),
                "phishing_resistant": session.phishing_resistant,
                "multi_factor": session.multi_factor,
                "aal": session.aal,
                "risk": risk(session.risk),
            },
            "parents": [],
        }
    ]
    for device in snapshot.devices.values():
        mine = device.owner == session.user
        if mine and shows(request, device):
            context["device"] = {"type": "Device", "id": device.id}
    return found


def shows(request: AccessRequest, device: Device) -> bool:
    """Whether the request came with a certificate of the device that still counts."""
    shown = request.certificate
    name = f"spiffe://corp.test/device/{device.id}/{device.key}"
    return shown is not None and shown.uri == name and shown.ends_at > NOW and not device.suspended


def elsewhere(request: AccessRequest, snapshot: Snapshot) -> bool:
    """Whether the request's session belongs to a device that it does not come from."""
    session = snapshot.sessions.get(request.session or "")
    if session is None or not session.device:
        return False
    device = snapshot.devices[session.device]
    return device.owner != session.user or not shows(request, device)


def works(request: AccessRequest, snapshot: Snapshot) -> bool:
    """Whether the request came with a certificate of the robot that still counts, on the laptop."""
    shown, laptop = request.certificate, snapshot.devices["laptop"]
    return (
        shown is not None
        and shown.uri == "spiffe://corp.test/service/robot"
        and shown.subject == f"serialNumber={laptop.key},OU=laptop"
        and shown.ends_at > NOW
        and not laptop.suspended
        and "laptop" in snapshot.services["robot"].hosts
    )


def agree(snapshot: Snapshot, request: AccessRequest) -> None:
    """The engine's answer is the oracle's."""
    decision = decide(request, prepare(snapshot, expires_at=math.inf), NOW)
    if request.resource == "missing":
        expected: tuple[str, set[str]] = ("resource-unknown", set())
    elif request.address == "nowhere" or contradicts(request):
        expected = ("request-refused", set())
    elif _of_a_service(request):
        worth = works(request, snapshot)
        expected = oracle(request, snapshot, NOW) if worth else ("workload-refused", set())
    elif request.session is None and request.service_token is None:
        expected = ("not-signed-in", set())
    elif elsewhere(request, snapshot):
        expected = ("device-mismatch", set())
    elif request.service_token and request.resource == "odd":
        expected = ("token-out-of-scope", set())
    else:
        expected = oracle(request, snapshot, NOW)
    assert (decision.reason, set(decision.policies)) == expected


_OF_BOTH = """@id("p0") permit(principal, action, resource) when { principal in Group::"staff" };
@id("p1") forbid(principal, action, resource) when { principal in Group::"payroll" };"""


@settings(max_examples=25)
@given(snapshots(st.just(_OF_BOTH)), requests())
def test_groups_on_a_circle_are_no_error(snapshot: Snapshot, request: AccessRequest) -> None:
    circle = {"staff": ("payroll",), "payroll": ("staff",), "admins": ()}
    groups = {
        name: msgspec.structs.replace(group, parents=circle[name])
        for name, group in snapshot.groups.items()
    }
    agree(replace(snapshot, groups=groups), request)


@settings(max_examples=100)
@given(snapshots(), requests())
def test_the_engine_says_what_the_whole_set_says(
    snapshot: Snapshot, request: AccessRequest
) -> None:
    agree(snapshot, request)


@pytest.mark.conformance
@pytest.mark.timeout(600)
@settings(max_examples=2_000)
@given(snapshots(), requests())
def test_the_engine_says_so_of_two_thousand_estates(
    snapshot: Snapshot, request: AccessRequest
) -> None:
    agree(snapshot, request)


def contradicts(request: AccessRequest) -> bool:
    """Whether the request came with a service's certificate beside another credential."""
    return _of_a_service(request) and bool(request.session or request.service_token)


def _of_a_service(request: AccessRequest) -> bool:
    shown = request.certificate
    return shown is not None and shown.uri.startswith("spiffe://corp.test/service/")


def reuse(before: Snapshot, after: Snapshot, request: AccessRequest) -> None:
    """A snapshot prepared from another one decides as one prepared from nothing."""
    for mixed in (
        after,
        replace(before, standings=after.standings, sessions=after.sessions),
        replace(before, groups=after.groups, users=after.users),
        replace(before, policies=after.policies),
        replace(before, policies=dict(list(before.policies.items())[1:])),
        replace(before, networks={}, devices=after.devices),
        replace(before, resources=after.resources, labels={}),
    ):
        previous = prepare(before, expires_at=math.inf)
        decide(request, previous, NOW)
        reused = decide(request, prepare(mixed, previous, expires_at=math.inf), NOW)
        assert reused == decide(request, prepare(mixed, expires_at=math.inf), NOW)


@settings(max_examples=25)
@given(snapshots(), snapshots(), requests())
def test_what_is_reused_from_the_previous_snapshot_changes_no_answer(
    before: Snapshot, after: Snapshot, request: AccessRequest
) -> None:
    reuse(before, after, request)


@pytest.mark.conformance
@pytest.mark.timeout(600)
@settings(max_examples=400)
@given(snapshots(), snapshots(), requests())
def test_nor_does_it_in_four_hundred_pairs(
    before: Snapshot, after: Snapshot, request: AccessRequest
) -> None:
    reuse(before, after, request)
