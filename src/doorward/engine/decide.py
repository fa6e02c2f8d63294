"""The decision.

The engine does no I/O, reads no clock, verifies no credential and executes nothing: it judges
what the enforcement point saw against one snapshot. Its rules, in order; the first that applies
decides, and what none of them lets in stays out:

1. A snapshot at or past its expiry denies everything: `snapshot-expired`.
2. The resource must exist: `resource-unknown`.
3. The request must make sense, with an IP address and at most one credential: `request-refused`.
4. Somebody must ask: `not-signed-in`.
5. A session must exist and last (`session-expired`), its person exist (`subject-unknown`) and
   not be disabled (`user-disabled`), and a session that belongs to a device must be used on that
   device (`device-mismatch`).
6. A service token must exist and last (`token-expired`), name the resource
   (`token-out-of-scope`), and its service exist (`subject-unknown`).
7. A service that shows its certificate must exist, and run on the device that got the
   certificate; that device and the certificate must count: `workload-refused`.
8. Policies must be able to say: any error in facts or evaluation is `policy-error`.
9. A forbid that applies keeps out: `policy-forbids`.
10. Without a permit that applies the request stays out: `no-policy-permits`.
11. Otherwise it is let in, until time alone could change the answer: `permitted`.
"""

from __future__ import annotations

import msgspec

from doorward.engine.devices import (
    device_shown,
    service_claimed,
    usable_on,
    workload_shown,
)
from doorward.engine.facts import ACTIONS, Documents, Facts, timed
from doorward.engine.moments import authentication_age, wall_minute
from doorward.engine.prepared import PreparedSnapshot
from doorward.engine.remedies import find_remedies
from doorward.errors import DoorwardError
from doorward.model.decision import AccessRequest, Allow, Decision, Deny, ReasonCode, Remedy
from doorward.model.estate import Resource
from doorward.model.identity import Standing, standing_at
from doorward.model.ids import UnixSeconds

_END_OF_TIME: UnixSeconds = 32_503_680_000.0  # the year 3000, which the calendar still reaches
_SIGN_IN = (Remedy(kind="sign-in"),)


def decide(
    request: AccessRequest,
    prepared: PreparedSnapshot,
    now: UnixSeconds,
    *,
    remedies: bool = True,
) -> Decision:
    """Whether `request` is let in at `now`. Total: it answers Deny rather than raise.

    `remedies` says whether a denial should be told what would turn it, which takes time to find.
    """
    if not 0 <= now < min(prepared.expires_at, _END_OF_TIME):  # 1
        return _refusal("snapshot-expired", request)
    resource = prepared.snapshot.resources.get(request.resource)
    if resource is None:  # 2
        return _refusal("resource-unknown", request)
    place = prepared.networks.place(request.address)
    claimed = service_claimed(request.certificate)
    credentials = (request.session, request.service_token, claimed)
    contradictory = sum(item is not None for item in credentials) > 1
    if place is None or contradictory or request.action not in ACTIONS:  # 3
        return _refusal("request-refused", request)
    if request.session is not None:
        admitted = _admit_session(request, resource, prepared, now)
    elif request.service_token is not None:
        admitted = _admit_token(request, resource, prepared, now)
    elif claimed is not None:
        admitted = _admit_workload(request, resource, prepared, now)
    else:  # 4
        return _refusal("not-signed-in", request, _SIGN_IN)
    if isinstance(admitted, Deny):
        return admitted
    documents, expires_at = admitted
    try:
        facts = prepared.facts(documents, place, request.country or None)
    except DoorwardError:  # 8
        return _refusal("policy-error", request)
    return _judge(
        request, prepared, facts, now, min(expires_at, prepared.expires_at), remedies=remedies
    )


Admitted = tuple[Documents, UnixSeconds]
"""The documents that a request rests on, and when its credential ends."""


def _admit_session(
    request: AccessRequest, resource: Resource, prepared: PreparedSnapshot, now: UnixSeconds
) -> Admitted | Deny:
    snapshot = prepared.snapshot
    session = snapshot.sessions.get(request.session or "")
    if session is None or not now < session.expires_at:  # 5
        return _refusal("session-expired", request, _SIGN_IN)
    user = snapshot.users.get(session.user)
    if user is None:
        return _refusal("subject-unknown", request)
    standing = standing_at(snapshot.standings.get(user.id), now)
    if standing is not None and standing.disabled:
        return _refusal("user-disabled", request)
    owner_standing = standing_at(snapshot.standings.get(resource.owner), now)
    device = device_shown(request.certificate, user.id, snapshot, now)
    if not usable_on(session, device):
        return _refusal("device-mismatch", request, _SIGN_IN)
    ends = session.expires_at
    if device is not None and request.certificate is not None:
        ends = min(ends, request.certificate.ends_at)
    documents = Documents(
        user,
        standing,
        session,
        device,
        resource,
        snapshot.labels.get(resource.label),
        snapshot.users.get(resource.owner),
        owner_standing,
        request.area,
    )
    return documents, _good_until(ends, standing, owner_standing)


def _admit_token(
    request: AccessRequest, resource: Resource, prepared: PreparedSnapshot, now: UnixSeconds
) -> Admitted | Deny:
    snapshot = prepared.snapshot
    token = snapshot.service_tokens.get(request.service_token or "")
    if token is None or not now < token.expires_at:  # 6
        return _refusal("token-expired", request)
    if resource.id not in token.resources:
        return _refusal("token-out-of-scope", request)
    service = snapshot.services.get(token.service)
    if service is None:
        return _refusal("subject-unknown", request)
    owner_standing = standing_at(snapshot.standings.get(resource.owner), now)
    documents = Documents(
        service,
        None,
        None,
        None,
        resource,
        snapshot.labels.get(resource.label),
        snapshot.users.get(resource.owner),
        owner_standing,
        request.area,
    )
    return documents, _good_until(token.expires_at, owner_standing)


def _admit_workload(
    request: AccessRequest, resource: Resource, prepared: PreparedSnapshot, now: UnixSeconds
) -> Admitted | Deny:
    snapshot = prepared.snapshot
    shown = workload_shown(request.certificate, snapshot, now)
    if shown is None or request.certificate is None:  # 7
        return _refusal("workload-refused", request)
    owner_standing = standing_at(snapshot.standings.get(resource.owner), now)
    documents = Documents(
        shown.service,
        None,
        None,
        shown.host,
        resource,
        snapshot.labels.get(resource.label),
        snapshot.users.get(resource.owner),
        owner_standing,
        request.area,
    )
    return documents, _good_until(request.certificate.ends_at, owner_standing)


def _good_until(ends: UnixSeconds, *standings: Standing | None) -> UnixSeconds:
    """When the credential ends, or a proofing that the facts rest on runs out before."""
    return min([ends, *(item.ial_until for item in standings if item is not None and item.ial)])


def _judge(
    request: AccessRequest,
    prepared: PreparedSnapshot,
    facts: Facts,
    now: UnixSeconds,
    valid_until: UnixSeconds,
    *,
    remedies: bool,
) -> Decision:
    zone = prepared.zones.get(facts.documents.resource.timezone)
    if zone is None:  # 8
        return _refusal("policy-error", request)
    minute = facts.minute
    if minute is None or not minute.start <= now < minute.end:
        minute = facts.minute = wall_minute(zone, now)
    question = facts.questions[request.action]
    if question.clock:
        valid_until = min(valid_until, minute.end)
    age: int | None = None
    if facts.documents.session is not None:
        age, ages_at = authentication_age(facts.documents.session.authenticated_at, now)
        if question.ages:
            valid_until = min(valid_until, ages_at)
    verdict = question.verdict(facts.entities, minute, age)
    closing = f',"action":"{request.action}"{timed(minute, age)}'
    described = msgspec.Raw(facts.described + closing.encode())
    if verdict.outcome == "error":  # 8
        return Deny(reason="policy-error", facts=described)
    if verdict.outcome == "allow":  # 11
        return Allow(policies=verdict.policies, valid_until=valid_until, facts=described)
    reason: ReasonCode = "policy-forbids" if verdict.policies else "no-policy-permits"  # 9, 10
    return Deny(
        reason=reason,
        facts=described,
        policies=verdict.policies,
        remedies=find_remedies(prepared, facts, request.action, reason, zone, now)
        if remedies
        else (),
    )


def _refusal(reason: ReasonCode, request: AccessRequest, remedies: tuple[Remedy, ...] = ()) -> Deny:
    """A denial before any policy was asked: nothing of the subject is told."""
    seen = {"resource": {"id": request.resource}, "action": request.action}
    try:
        facts = msgspec.json.encode(seen)
    except ValueError:  # a lone surrogate, which no JSON can hold
        facts = b"{}"
    return Deny(reason=reason, facts=msgspec.Raw(facts), remedies=remedies)
