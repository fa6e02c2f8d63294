"""People: their standing, groups and invitations."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from doorward.administrator.invite_user import invite_user
from doorward.administrator.set_standing import disable_user, enable_user, set_user_risk
from doorward.administrator.set_user_groups import set_user_groups
from doorward.administrator.sign_out_everywhere import sign_out_everywhere
from doorward.entrypoints.api import reads
from doorward.entrypoints.api.acts import Because, RiskSignal, effect_view
from doorward.entrypoints.api.context import Caller, Ports
from doorward.entrypoints.api.views import EffectView, UserView, View
from doorward.model.ids import GroupId, UserId

router = APIRouter(prefix="/users", tags=["people"])


class Groups(View):
    """All groups of a person."""

    groups: Annotated[tuple[str, ...], Field(max_length=200)]


class CredentialsView(View):
    """How many passkeys a person has, and whether a password with TOTP."""

    passkeys: int
    password: bool


class InvitationView(View):
    """An invitation: the address to open, which is shown only now."""

    user: str
    link: str
    expires_at: datetime


@router.get("")
async def list_users(ports: Ports, _: Caller) -> list[UserView]:
    """Everybody in the estate, with what signals say of them."""
    return reads.users(ports.control.live.current, ports.clock())


@router.get("/{user}/credentials")
async def list_credentials(ports: Ports, _: Caller, user: str) -> CredentialsView:
    """By what a person can sign in; nothing secret."""
    async with ports.control.store.transaction() as transaction:
        passkeys = await transaction.credentials.passkeys(UserId(user))
        password = await transaction.credentials.password(UserId(user))
        return CredentialsView(passkeys=len(passkeys), password=password is not None)


@router.post("/{user}/disable")
async def disable(ports: Ports, caller: Caller, user: str, why: Because) -> EffectView:
    """Deny a person everything and end their sessions."""
    act = caller.act(ports.clock())
    return effect_view(await disable_user(ports.control, act, UserId(user), why.reason))


@router.post("/{user}/enable")
async def enable(ports: Ports, caller: Caller, user: str, why: Because) -> EffectView:
    """Let a person sign in again."""
    act = caller.act(ports.clock())
    return effect_view(await enable_user(ports.control, act, UserId(user), why.reason))


@router.put("/{user}/risk")
async def signal_risk(ports: Ports, caller: Caller, user: str, signal: RiskSignal) -> EffectView:
    """Record how risky a person is."""
    act = caller.act(ports.clock())
    return effect_view(
        await set_user_risk(ports.control, act, UserId(user), signal.risk, signal.reason)
    )


@router.put("/{user}/groups")
async def change_groups(ports: Ports, caller: Caller, user: str, wanted: Groups) -> EffectView:
    """Replace a person's groups; the next apply of the estate shows it as a change."""
    act = caller.act(ports.clock())
    groups = [GroupId(group) for group in wanted.groups]
    return effect_view(await set_user_groups(ports.control, act, UserId(user), groups))


@router.post("/{user}/sign-out")
async def sign_out(ports: Ports, caller: Caller, user: str) -> EffectView:
    """End every session of a person."""
    act = caller.act(ports.clock())
    return effect_view(await sign_out_everywhere(ports.control, act, UserId(user)))


@router.post("/{user}/invitation")
async def invite(ports: Ports, caller: Caller, user: str) -> InvitationView:
    """A link by which a person registers a way to sign in."""
    act = caller.act(ports.clock())
    secret = await invite_user(
        ports.control, act, UserId(user), ttl_seconds=ports.invitation_seconds
    )
    return InvitationView(
        user=user,
        link=f"{ports.auth_origin}/invitation#{secret}",
        expires_at=datetime.fromtimestamp(act.at + ports.invitation_seconds, UTC),
    )
