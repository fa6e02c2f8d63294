"""What is asked of the policy engine and what it answers."""

from __future__ import annotations

from typing import Literal

import msgspec

from doorward.model.areas import NO_AREA, Area
from doorward.model.device import ClientCertificate
from doorward.model.estate import Action
from doorward.model.ids import (
    DecisionId,
    GatewayId,
    PolicyId,
    ResourceId,
    ServiceTokenId,
    SessionId,
    UnixSeconds,
)


class AccessRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request as the enforcement point saw it, with every outside fact looked up.

    `address` is the client's IP address; `country` is an ISO 3166 code, None where unknown;
    `certificate` is the client's, None without one; one of a service is a credential by itself.
    `area` is the part of the console that is asked for, empty elsewhere.
    At most one of `session` and `service_token` is set: credentials that were verified.
    """

    resource: ResourceId
    action: Action
    address: str
    session: SessionId | None = None
    service_token: ServiceTokenId | None = None
    country: str | None = None
    certificate: ClientCertificate | None = None
    area: Area | Literal[""] = NO_AREA


ReasonCode = Literal[
    "permitted",
    "not-signed-in",
    "session-expired",
    "device-mismatch",
    "user-disabled",
    "subject-unknown",
    "token-expired",
    "token-out-of-scope",
    "workload-refused",
    "resource-unknown",
    "policy-forbids",
    "no-policy-permits",
    "policy-error",
    "snapshot-expired",
    "log-unavailable",
    "request-refused",
]
"""Every reason a decision can have; each is explained in docs/reference/reasons.md."""

RemedyKind = Literal[
    "sign-in",
    "step-up",
    "phishing-resistant",
    "multi-factor",
    "hardware-key",
    "verify-identity",
    "enrol-device",
    "repair-device",
    "attest-device",
    "network",
    "wait",
    "ask-access",
]


class Remedy(msgspec.Struct, frozen=True, kw_only=True):
    """Something the subject could do to be let in.

    `until` (for `wait`) is the moment from which the answer would be allow; `target` names the
    network (for `network`) or the owner to ask (for `ask-access`).
    """

    kind: RemedyKind
    until: UnixSeconds | None = None
    target: str = ""


class Allow(msgspec.Struct, frozen=True, kw_only=True, tag="allow"):
    """Let in. Time alone cannot change this answer before `valid_until`.

    `facts` is the JSON object of everything that the policies saw.
    """

    policies: tuple[PolicyId, ...]
    valid_until: UnixSeconds
    facts: msgspec.Raw
    reason: ReasonCode = "permitted"


class Deny(msgspec.Struct, frozen=True, kw_only=True, tag="deny"):
    """Keep out. `remedies` is the least set that together would turn the answer, or empty."""

    reason: ReasonCode
    facts: msgspec.Raw
    policies: tuple[PolicyId, ...] = ()
    remedies: tuple[Remedy, ...] = ()


Decision = Allow | Deny


class DecisionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the decision log.

    `source` is `engine` where the engine was asked, `ticket` where Envoy reused decision
    `decision` (then `id` differs), `stream` where an open stream was decided again.
    `latency_us` is the time that deciding took, in microseconds.
    """

    id: DecisionId
    at: UnixSeconds
    gateway: GatewayId
    source: Literal["engine", "ticket", "stream"]
    decision: DecisionId
    outcome: Literal["allow", "deny"]
    reason: ReasonCode
    snapshot: int
    policies: tuple[PolicyId, ...]
    remedies: tuple[Remedy, ...]
    facts: msgspec.Raw
    subject: str
    session: str
    device: str
    resource: str
    action: str
    method: str
    path: str
    address: str
    country: str
    networks: tuple[str, ...]
    latency_us: int
