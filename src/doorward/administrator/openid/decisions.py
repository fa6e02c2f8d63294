"""Asking the policy engine whether a person may sign in to a client, and recording the answer.

The control plane decides by the same policies as the gateways, on the same snapshot.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import msgspec

from doorward.administrator.openid.provider import Provider
from doorward.engine import decide
from doorward.engine.devices import name_in_log
from doorward.errors import DoorwardError
from doorward.model.decision import AccessRequest, Allow, Decision, DecisionRecord, Deny
from doorward.model.device import ClientCertificate
from doorward.model.estate import Client
from doorward.model.identity import Session
from doorward.model.ids import DecisionId, GatewayId, UnixSeconds

CONTROL = GatewayId("control")
"""What the decision log names as the gateway of decisions made here."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a person's browser is: its address, and its certificate, None without one.

    `method` and `path` are of the request that is decided, for the log.
    """

    address: str
    certificate: ClientCertificate | None
    method: str
    path: str


@dataclass(frozen=True, slots=True)
class Decided:
    """An answer, and its id in the decision log."""

    id: DecisionId
    decision: Decision


async def decide_sign_in(
    provider: Provider, client: Client, session: Session, origin: Origin, now: UnixSeconds
) -> Decided:
    """Whether the person of `session` may sign in to `client`: `read` of its resource.

    What cannot be recorded is denied, whatever the policies say.
    """
    started = time.perf_counter()
    prepared = await provider.prepared.of(provider.snapshot)
    country = provider.country(origin.address)
    request = AccessRequest(
        resource=client.resource,
        action="read",
        address=origin.address,
        country=country,
        session=session.id,
        certificate=origin.certificate,
    )
    decision = decide(request, prepared, now)
    decision_id = DecisionId(provider.control.secrets.id("dec"))
    record = DecisionRecord(
        id=decision_id,
        at=now,
        gateway=CONTROL,
        source="engine",
        decision=decision_id,
        outcome="allow" if isinstance(decision, Allow) else "deny",
        reason=decision.reason,
        snapshot=prepared.snapshot.number,
        policies=decision.policies,
        remedies=() if isinstance(decision, Allow) else decision.remedies,
        facts=decision.facts,
        subject=session.user,
        session=session.id,
        device=name_in_log(origin.certificate),
        resource=client.resource,
        action="read",
        method=origin.method,
        path=origin.path,
        address=origin.address,
        country=country or "",
        networks=prepared.networks_of(origin.address),
        latency_us=int((time.perf_counter() - started) * 1e6),
    )
    try:
        await provider.control.store.append_decisions([record])
    except DoorwardError:
        return Decided(decision_id, Deny(reason="log-unavailable", facts=msgspec.Raw(b"{}")))
    return Decided(decision_id, decision)
