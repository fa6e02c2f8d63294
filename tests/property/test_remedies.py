"""The reported remedies turn the answer, and no smaller set does."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import chain, product

import msgspec
from hypothesis import given, settings

from doorward.engine import decide, prepare
from doorward.model.decision import AccessRequest, Allow, Deny, Remedy
from doorward.model.device import Device
from doorward.model.identity import Session, Standing
from doorward.model.snapshot import Snapshot
from tests.fakes.certificates import certificate, key_of
from tests.property.estates import NOW, built, requests, snapshots
from tests.property.test_engine_oracle import shows

OFFICE_ADDRESS = "10.1.0.1"
STRONG = {
    "multi-factor": ("password", "totp"),
    "phishing-resistant": ("passkey",),
    "hardware-key": ("passkey",),
}


def granted(
    snapshot: Snapshot, request: AccessRequest, remedies: tuple[Remedy, ...]
) -> Deny | Allow:
    """The answer after the subject has done all of it, the plain way: in the snapshot itself."""
    kinds: set[str] = {remedy.kind for remedy in remedies}
    now = max([NOW, *(remedy.until for remedy in remedies if remedy.until is not None)])
    session = snapshot.sessions.get(request.session or "")
    if session is not None:
        snapshot = replace(snapshot, sessions={session.id: _again(session, kinds, now)})
    if "enrol-device" in kinds:
        device = built(Device, id="new", owner="alice", key=key_of("new"))
        snapshot = replace(snapshot, devices={**snapshot.devices, "new": device})
        request = msgspec.structs.replace(request, certificate=certificate("new"))
    if "repair-device" in kinds:
        devices = {
            name: msgspec.structs.replace(
                device, healthy=True, risk=0, complies=_passed(snapshot, device)
            )
            for name, device in snapshot.devices.items()
        }
        snapshot = replace(snapshot, devices=devices)
    if "attest-device" in kinds:
        devices = {
            name: msgspec.structs.replace(device, attested=True)
            for name, device in snapshot.devices.items()
        }
        snapshot = replace(snapshot, devices=devices)
    if "verify-identity" in kinds:
        known = snapshot.standings.get("alice", built(Standing, id="alice"))
        proofed = msgspec.structs.replace(known, ial=2, ial_until=now + 1e9)
        snapshot = replace(snapshot, standings={**snapshot.standings, "alice": proofed})
    if "network" in kinds:
        request = msgspec.structs.replace(request, address=OFFICE_ADDRESS)
    return decide(request, prepare(snapshot, expires_at=math.inf), now)


def _passed(snapshot: Snapshot, device: Device) -> tuple[str, ...]:
    """Every compliance policy that is for the device's platform; a new device's can be any."""
    return tuple(
        item.id
        for item in snapshot.compliances.values()
        if device.id == "new" or device.platform in item.platforms or item.id in device.complies
    )


def _again(session: Session, kinds: set[str], now: float) -> Session:
    strong = next((kind for kind in STRONG if kind in kinds), None)
    renewed = strong or "step-up" in kinds or session.expires_at <= now
    return msgspec.structs.replace(
        session,
        expires_at=max(session.expires_at, now + 60),
        authenticated_at=now if renewed else session.authenticated_at,
        methods=(*session.methods, *STRONG.get(strong or "", ())),
        multi_factor=session.multi_factor or strong is not None,
        phishing_resistant=session.phishing_resistant
        or strong in {"phishing-resistant", "hardware-key"},
        aal=max(session.aal, {None: 1, "hardware-key": 3}.get(strong, 2)),
    )


def sets(snapshot: Snapshot, request: AccessRequest) -> list[tuple[Remedy, ...]]:
    """Every set of remedies but waiting."""
    known = [
        device
        for device in snapshot.devices.values()
        if device.owner == "alice" and shows(request, device)
    ]
    if request.session is None:
        authentications: list[tuple[str, ...]] = [()]
        devices: list[tuple[str, ...]] = [()]
        identities: list[tuple[str, ...]] = [()]
    else:
        authentications = [(), ("step-up",), *((kind,) for kind in STRONG)]
        identities = [(), ("verify-identity",)]
        better = [(), ("repair-device",), ("attest-device",), ("repair-device", "attest-device")]
        enrolled = [(), *(("enrol-device", *more) for more in better)]
        devices = better if known else enrolled
    networks: list[tuple[str, ...]] = [(), ("network",)]
    return [
        tuple(built(Remedy, kind=kind) for kind in chain(*combination))
        for combination in product(authentications, identities, devices, networks)
    ]


@settings(max_examples=50)
@given(snapshots(), requests())
def test_the_remedies_are_the_least_set_that_turns_the_answer(
    snapshot: Snapshot, request: AccessRequest
) -> None:
    decision = decide(request, prepare(snapshot, expires_at=math.inf), NOW)
    if not isinstance(decision, Deny) or not decision.reason.startswith(("policy-f", "no-policy")):
        return
    kinds = {remedy.kind for remedy in decision.remedies}
    possible = sets(snapshot, request)
    if kinds <= {"ask-access"}:
        assert bool(kinds) == (decision.reason == "no-policy-permits")
        smaller = possible
        hours = (NOW // 3600 * 3600 + 1800 * half for half in range(1, 336))
        waits = ((Remedy(kind="wait", until=moment),) for moment in hours)
        assert not any(isinstance(granted(snapshot, request, wait), Allow) for wait in waits)
    else:
        assert isinstance(granted(snapshot, request, decision.remedies), Allow)
        smaller = [item for item in possible if len(item) < len(decision.remedies)]
    turning = [item for item in smaller if isinstance(granted(snapshot, request, item), Allow)]
    assert not turning


@settings(max_examples=40)
@given(snapshots(), requests())
def test_nothing_earlier_turns_the_answer_where_waiting_is_the_remedy(
    snapshot: Snapshot, request: AccessRequest
) -> None:
    decision = decide(request, prepare(snapshot, expires_at=math.inf), NOW)
    if not isinstance(decision, Deny) or {item.kind for item in decision.remedies} != {"wait"}:
        return
    until = decision.remedies[0].until
    assert until is not None
    assert NOW < until <= NOW + 7 * 86_400
    for earlier in range(int(NOW), int(until), 3_600):
        wait = Remedy(kind="wait", until=float(min(earlier, until - 1)))
        assert isinstance(granted(snapshot, request, (wait,)), Deny)
