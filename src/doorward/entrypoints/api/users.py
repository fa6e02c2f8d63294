"""People: who there is, and what is signalled about them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from doorward.administrator import set_standing
from doorward.administrator.credentials.further_address import remove_address
from doorward.administrator.credentials.held import held_by
from doorward.administrator.credentials.own_password import allow_password as allow
from doorward.administrator.credentials.own_password import revoke_password
from doorward.administrator.credentials.remove_passkey import revoke_passkey
from doorward.administrator.invite_user import invite_user as invite
from doorward.administrator.set_user_groups import set_user_groups as set_groups
from doorward.administrator.sign_out_everywhere import sign_out_everywhere
from doorward.entrypoints.api import reads
from doorward.entrypoints.api.bodies import Body, ReasonBody, RiskBody
from doorward.entrypoints.api.context import Caller, Ports
from doorward.entrypoints.api.views import CredentialsView, EffectView, InvitationView, UserView
from doorward.errors import DoorwardError
from doorward.model.ids import GroupId, SessionId, UserId

router = APIRouter(prefix="/users", tags=["users"])
MAX_PAGE = 1000


class GroupsBody(Body):
    """All groups that the person is to be in."""

    groups: tuple[str, ...]


@router.get("")
async def list_users(
    ports: Ports,
    _: Caller,
    search: Annotated[str, Query(max_length=200)] = "",
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int | None, Query(ge=1, le=MAX_PAGE)] = None,
) -> list[UserView]:
    """Those whose name, id or address holds `search`, by name: everyone without one."""
    found, _total = reads.users(
        ports.control.live.current, ports.clock(), search=search, offset=offset, limit=limit
    )
    return found


@router.get("/{user}")
async def show_user(ports: Ports, _: Caller, user: str) -> UserView:
    """One person."""
    snapshot = ports.control.live.current
    found = snapshot.users.get(user)
    if found is None:
        raise DoorwardError(
            "user-unknown", f"There is no person `{user}`.", "List them with doorward user list."
        )
    return reads.user_view(snapshot, found, ports.clock())


@router.get("/{user}/credentials")
async def list_credentials(ports: Ports, _: Caller, user: str) -> CredentialsView:
    """By what a person can sign in, and where else they are told of changes; nothing secret."""
    async with ports.control.store.transaction() as transaction:
        held = await held_by(transaction, UserId(user))
        further = await transaction.identity.notice_addresses.of(UserId(user))
    return reads.credentials(ports.control.live.current, held, further)


@router.delete("/{user}/passkeys/{passkey}")
async def remove_passkey(ports: Ports, caller: Caller, user: str, passkey: str) -> EffectView:
    """Remove a passkey, also the last one, and end the sessions that rest on it."""
    act = caller.act(ports.clock())
    done = await revoke_passkey(ports.control, act, UserId(user), passkey)
    return EffectView.model_validate(done)


@router.delete("/{user}/password")
async def remove_password(ports: Ports, caller: Caller, user: str) -> EffectView:
    """Remove password, TOTP and recovery codes, and end the sessions that rest on them."""
    act = caller.act(ports.clock())
    done = await revoke_password(ports.control, act, UserId(user))
    return EffectView.model_validate(done)


@router.post("/{user}/password/allow")
async def allow_password(ports: Ports, caller: Caller, user: str) -> CredentialsView:
    """Let a password sign in again that too many failed attempts in a row had turned off."""
    await allow(ports.control, caller.act(ports.clock()), UserId(user))
    return await list_credentials(ports, caller, user)


@router.delete("/{user}/notice-address")
async def remove_notice_address(ports: Ports, caller: Caller, user: str) -> CredentialsView:
    """Remove a person's further address for notices, and tell them, there too."""
    await remove_address(ports.control, caller.act(ports.clock()), UserId(user))
    return await list_credentials(ports, caller, user)


@router.post("/{user}/disable")
async def disable_user(ports: Ports, caller: Caller, user: str, body: ReasonBody) -> EffectView:
    """Keep a person out of everything, and end their sessions."""
    act = caller.act(ports.clock())
    done = await set_standing.disable_user(ports.control, act, UserId(user), body.reason)
    return EffectView.model_validate(done)


@router.post("/{user}/enable")
async def enable_user(ports: Ports, caller: Caller, user: str, body: ReasonBody) -> EffectView:
    """Let a disabled person sign in again."""
    act = caller.act(ports.clock())
    done = await set_standing.enable_user(ports.control, act, UserId(user), body.reason)
    return EffectView.model_validate(done)


@router.put("/{user}/risk")
async def set_user_risk(ports: Ports, caller: Caller, user: str, body: RiskBody) -> EffectView:
    """Signal how risky a person is."""
    act = caller.act(ports.clock())
    done = await set_standing.set_user_risk(
        ports.control, act, UserId(user), body.risk, body.reason
    )
    return EffectView.model_validate(done)


@router.put("/{user}/groups")
async def set_user_groups(ports: Ports, caller: Caller, user: str, body: GroupsBody) -> EffectView:
    """Set a person's groups, until the estate's files are applied again."""
    act, groups = caller.act(ports.clock()), [GroupId(group) for group in body.groups]
    done = await set_groups(ports.control, act, UserId(user), groups)
    return EffectView.model_validate(done)


@router.post("/{user}/invitation", status_code=201)
async def invite_user(ports: Ports, caller: Caller, user: str) -> InvitationView:
    """Make a link by which a person registers their first way to sign in."""
    act, lifetime = caller.act(ports.clock()), ports.invitation_seconds
    secret = await invite(
        ports.control,
        act,
        UserId(user),
        ttl_seconds=lifetime,
        session=SessionId(caller.session),
    )
    return InvitationView.model_validate(
        {
            # The secret stands in the fragment, which no browser sends and so no log sees.
            "link": f"{ports.auth_origin}/invitation#{secret}",
            "expires_at": act.at + lifetime,
        }
    )


@router.post("/{user}/sign-out")
async def sign_out_user(ports: Ports, caller: Caller, user: str) -> EffectView:
    """End every session of a person, with their open streams."""
    act = caller.act(ports.clock())
    done = await sign_out_everywhere(ports.control, act, UserId(user))
    return EffectView.model_validate(done)
