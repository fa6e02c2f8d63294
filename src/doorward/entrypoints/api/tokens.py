"""Service tokens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from doorward.administrator.service_tokens import issue_service_token, revoke_service_token
from doorward.entrypoints.api import reads
from doorward.entrypoints.api.acts import effect_view
from doorward.entrypoints.api.context import Caller, Ports
from doorward.entrypoints.api.views import EffectView, TokenView, View
from doorward.model.ids import ResourceId, ServiceId, ServiceTokenId

router = APIRouter(prefix="/tokens", tags=["service tokens"])


class TokenWanted(View):
    """For which service, for which resources, for how long."""

    service: str
    resources: Annotated[tuple[str, ...], Field(min_length=1, max_length=100)]
    lifetime_seconds: int


class IssuedView(View):
    """A new token. `bearer` is shown only now."""

    id: str
    bearer: str
    expires_at: datetime
    enforced: bool


@router.get("")
async def list_tokens(ports: Ports, _: Caller) -> list[TokenView]:
    """Service tokens, without their secrets."""
    return reads.tokens(ports.control.live.current)


@router.post("")
async def issue(ports: Ports, caller: Caller, wanted: TokenWanted) -> IssuedView:
    """A new bearer token."""
    issued = await issue_service_token(
        ports.control,
        caller.act(ports.clock()),
        service=ServiceId(wanted.service),
        resources=[ResourceId(resource) for resource in wanted.resources],
        ttl_seconds=wanted.lifetime_seconds,
    )
    return IssuedView(
        id=issued.token.id,
        bearer=issued.bearer,
        expires_at=datetime.fromtimestamp(issued.token.expires_at, UTC),
        enforced=issued.effect.enforced,
    )


@router.delete("/{token}")
async def revoke(ports: Ports, caller: Caller, token: str) -> EffectView:
    """Make a token worthless."""
    act = caller.act(ports.clock())
    return effect_view(await revoke_service_token(ports.control, act, ServiceTokenId(token)))
