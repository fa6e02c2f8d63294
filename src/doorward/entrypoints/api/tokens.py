"""Service tokens: bearer credentials of machines and scripts."""

from __future__ import annotations

from fastapi import APIRouter

from doorward.administrator.service_tokens import issue_service_token, revoke_service_token
from doorward.entrypoints.api import reads
from doorward.entrypoints.api.bodies import Body
from doorward.entrypoints.api.context import Caller, Ports
from doorward.entrypoints.api.views import EffectView, IssuedTokenView, TokenView
from doorward.model.ids import ResourceId, ServiceId, ServiceTokenId

router = APIRouter(prefix="/tokens", tags=["service tokens"])


class TokenBody(Body):
    """Whose token, for which resources, and for how long."""

    service: str
    resources: tuple[str, ...]
    lifetime_seconds: int


@router.get("")
async def list_tokens(ports: Ports, _: Caller) -> list[TokenView]:
    """Service tokens without their secrets, the first to expire first."""
    return reads.tokens(ports.control.live.current)


@router.post("", status_code=201)
async def issue_token(ports: Ports, caller: Caller, body: TokenBody) -> IssuedTokenView:
    """Issue a service its token."""
    issued = await issue_service_token(
        ports.control,
        caller.act(ports.clock()),
        service=ServiceId(body.service),
        resources=[ResourceId(resource) for resource in body.resources],
        ttl_seconds=body.lifetime_seconds,
    )
    token = TokenView.model_validate(issued.token)
    effect = EffectView.model_validate(issued.effect)
    return IssuedTokenView(**token.model_dump(), bearer=issued.bearer, effect=effect)


@router.delete("/{token}")
async def revoke_token(ports: Ports, caller: Caller, token: str) -> EffectView:
    """Make a token worthless."""
    act = caller.act(ports.clock())
    done = await revoke_service_token(ports.control, act, ServiceTokenId(token))
    return EffectView.model_validate(done)
