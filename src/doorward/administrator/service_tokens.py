"""Issue and revoke service tokens."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from doorward.administrator.authentication import digest
from doorward.administrator.carry_out import carry_out
from doorward.administrator.control_plane import Act, ControlPlane, Effect
from doorward.administrator.ports import Transaction
from doorward.errors import DoorwardError
from doorward.model.identity import ServiceToken
from doorward.model.ids import ResourceId, ServiceId, ServiceTokenId
from doorward.model.snapshot import Change, change, removal

SHORTEST_SECONDS = 60
LONGEST_SECONDS = 400 * 86_400


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token; `bearer` is shown once and stored nowhere."""

    token: ServiceToken
    bearer: str
    effect: Effect


async def issue_service_token(
    control: ControlPlane,
    act: Act,
    *,
    service: ServiceId,
    resources: Collection[ResourceId],
    ttl_seconds: float,
) -> IssuedToken:
    """A bearer token for `service` at `resources`, and nowhere else.

    Raises DoorwardError `service-unknown`, `resource-unknown`, `token-lifetime-invalid`.
    """
    if not resources:
        raise DoorwardError(
            "resource-unknown", "A token needs at least one resource.", "Name one with --resource."
        )
    if not SHORTEST_SECONDS <= ttl_seconds <= LONGEST_SECONDS:
        raise DoorwardError(
            "token-lifetime-invalid",
            "A token lives from one minute to 400 days.",
            "Choose a time between.",
        )
    secret = control.secrets.token()
    token = ServiceToken(
        id=ServiceTokenId(control.secrets.id("dwt")),
        service=service,
        secret_hash=digest(secret),
        resources=tuple(sorted(set(resources))),
        issued_at=act.at,
        expires_at=act.at + ttl_seconds,
    )

    async def prepare(transaction: Transaction) -> Sequence[Change]:
        if await transaction.snapshot.get("service", service) is None:
            raise DoorwardError(
                "service-unknown", f"There is no service `{service}`.", "Declare it in the estate."
            )
        for resource in token.resources:
            if await transaction.snapshot.get("resource", resource) is None:
                raise DoorwardError(
                    "resource-unknown",
                    f"There is no resource `{resource}`.",
                    "Declare it in the estate, or correct the name.",
                )
        return [change("service_token", token)]

    detail = {"service": service, "resources": " ".join(token.resources)}
    done = await carry_out(
        control, act, "service-token-issued", f"service_token:{token.id}", detail, prepare
    )
    return IssuedToken(token, f"{token.id}.{secret}", done)


async def revoke_service_token(control: ControlPlane, act: Act, token: ServiceTokenId) -> Effect:
    """Raises DoorwardError `token-unknown`."""

    async def prepare(transaction: Transaction) -> Sequence[Change]:
        if await transaction.snapshot.get("service_token", token) is None:
            raise DoorwardError(
                "token-unknown",
                f"There is no service token `{token}`.",
                "List them with doorward token list.",
            )
        return [removal("service_token", token)]

    return await carry_out(
        control, act, "service-token-revoked", f"service_token:{token}", {}, prepare
    )
